"""Figures over past messages, in PostgreSQL."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from madan_sara.activities.stores import SendTimeCell
from madan_sara.contracts.channels import Channel
from madan_sara.persistence.database import Database
from madan_sara.policy.selector import Engagement

_SEND_TIME_CELLS = text("""
SELECT m.channel,
       extract(hour FROM m.sent_at AT TIME ZONE :zone)::int AS local_hour,
       extract(isodow FROM m.sent_at AT TIME ZONE :zone) >= 6 AS weekend,
       count(*) AS messages,
       count(*) FILTER (WHERE e.kinds && ARRAY['opened']) AS opens,
       count(*) FILTER (WHERE e.kinds && ARRAY['clicked']) AS clicks,
       count(*) FILTER (WHERE e.kinds && ARRAY['replied']) AS replies
  FROM messages m
 CROSS JOIN LATERAL (SELECT coalesce(array_agg(d.kind), '{}') AS kinds
                       FROM delivery_events d
                      WHERE (d.tenant_id, d.message_id) = (m.tenant_id, m.message_id)) e
 WHERE m.tenant_id = :tenant_id AND m.state = 'sent'
   AND (CAST(:campaign_id AS uuid) IS NULL OR m.campaign_id = :campaign_id)
 GROUP BY m.channel, local_hour, weekend
 ORDER BY m.channel, weekend, local_hour
""")


class PostgresAnalyticsStore:
    """`AnalyticsStore` on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def send_time_cells(
        self, tenant_id: UUID, campaign_id: UUID | None, zone: str
    ) -> Sequence[SendTimeCell]:
        """Messages and reactions by channel and local hour; see `AnalyticsStore`."""
        parameters = {"tenant_id": tenant_id, "campaign_id": campaign_id, "zone": zone}
        async with self._database.statement() as connection:
            rows = (await connection.execute(_SEND_TIME_CELLS, parameters)).mappings().all()
        return [
            SendTimeCell(
                channel=Channel(row["channel"]),
                local_hour=row["local_hour"],
                weekend=row["weekend"],
                messages=row["messages"],
                engagement=Engagement(
                    messages=row["messages"],
                    opens=row["opens"],
                    clicks=row["clicks"],
                    replies=row["replies"],
                ),
            )
            for row in rows
        ]
