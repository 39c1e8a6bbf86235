"""Figures over past messages, in PostgreSQL."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import text

from madan_sara.activities.stores import SendTimeCell
from madan_sara.contracts.channels import Channel
from madan_sara.persistence.database import Database
from madan_sara.policy.selector import Engagement

_CELLS: Final = """
SELECT m.channel,
       extract(hour FROM m.sent_at AT TIME ZONE :zone)::int AS local_hour,
       extract(isodow FROM m.sent_at AT TIME ZONE :zone) >= 6 AS weekend,
       count(*) AS messages,
       count(*) FILTER (WHERE e.kinds && ARRAY['opened']) AS opens,
       count(*) FILTER (WHERE e.kinds && ARRAY['clicked']) AS clicks,
       count(*) FILTER (WHERE e.kinds && ARRAY['replied']) AS replies
  FROM messages m
 CROSS JOIN LATERAL (SELECT coalesce(array_agg(d.kind), '{{}}') AS kinds
                       FROM delivery_events d
                      WHERE (d.tenant_id, d.message_id) = (m.tenant_id, m.message_id)) e
 WHERE m.tenant_id = :tenant_id AND m.state = 'sent'
{of_campaign} GROUP BY m.channel, local_hour, weekend
 ORDER BY m.channel, weekend, local_hour
"""
# One plan for both would look through the tenant's messages for those of a campaign.
_CELLS_OF_TENANT = text(_CELLS.format(of_campaign=""))
_CELLS_OF_CAMPAIGN = text(
    _CELLS.format(of_campaign="   AND m.campaign_id = CAST(:campaign_id AS uuid)\n")
)


class PostgresAnalyticsStore:
    """`AnalyticsStore` on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def send_time_cells(
        self, tenant_id: UUID, campaign_id: UUID | None, zone: str
    ) -> Sequence[SendTimeCell]:
        """Messages and reactions by channel and local hour; see `AnalyticsStore`."""
        cells, parameters = _CELLS_OF_TENANT, {"tenant_id": tenant_id, "zone": zone}
        if campaign_id is not None:
            cells, parameters["campaign_id"] = _CELLS_OF_CAMPAIGN, campaign_id
        async with self._database.statement() as connection:
            rows = (await connection.execute(cells, parameters)).mappings().all()
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
