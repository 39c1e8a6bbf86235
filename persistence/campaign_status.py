"""The figures of a campaign as it runs, in PostgreSQL."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import text

from contracts.campaign import CampaignStatus, OutreachCampaign
from persistence.database import Database
from persistence.rows import campaign_from


@dataclass(frozen=True)
class CampaignFigures:
    """A campaign's state, money and counts at one moment."""

    campaign: OutreachCampaign
    status: CampaignStatus
    limit_micros: int | None
    held_micros: int
    spent_micros: int
    messages_today: int
    spent_or_held_today_micros: int
    by_state: dict[str, int]
    delivered: int
    opened: int
    clicked: int


_FIGURES = text("""
WITH counted AS (
    SELECT d.kind, count(DISTINCT d.message_id) AS messages
      FROM delivery_events d JOIN messages m USING (message_id)
     WHERE m.tenant_id = :tenant_id AND m.campaign_id = :campaign_id
     GROUP BY d.kind
)
SELECT CAST(c.config AS text) AS config, c.status,
       a.limit_micros, a.held_micros, a.spent_micros,
       coalesce(d.message_count, 0) AS messages_today,
       coalesce(d.held_micros + d.spent_micros, 0) AS used_today,
       (SELECT coalesce(json_object_agg(state, messages), '{}') FROM (
            SELECT state, count(*) AS messages FROM messages
             WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id GROUP BY state) s
       ) AS by_state,
       (SELECT coalesce(json_object_agg(kind, messages), '{}') FROM counted) AS by_event
  FROM campaigns c
  JOIN budget_accounts a USING (tenant_id, campaign_id)
  LEFT JOIN budget_accounts d
    ON (d.tenant_id, d.campaign_id, d.scope, d.key)
     = (c.tenant_id, c.campaign_id, 'day', CAST(:today AS text))
 WHERE c.tenant_id = :tenant_id AND c.campaign_id = :campaign_id AND a.scope = 'campaign'
""")


class PostgresCampaignStatus:
    """Reads a campaign's figures."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def figures(self, tenant_id: UUID, campaign_id: UUID, today: date) -> CampaignFigures:
        """The figures of a saved campaign.

        Args:
            tenant_id: its owner.
            campaign_id: the campaign.
            today: the campaign's day, for the daily counts.

        Raises:
            LookupError: there is no such campaign.
        """
        parameters = {
            "tenant_id": tenant_id,
            "campaign_id": campaign_id,
            "today": today.isoformat(),
        }
        async with self._database.statement() as connection:
            row = (await connection.execute(_FIGURES, parameters)).mappings().one_or_none()
        if row is None:
            raise LookupError(f"there is no campaign {campaign_id}")
        events = row["by_event"]
        return CampaignFigures(
            campaign=campaign_from(row["config"], row["status"]).model_copy(deep=True),
            status=CampaignStatus(row["status"]),
            limit_micros=row["limit_micros"],
            held_micros=row["held_micros"],
            spent_micros=row["spent_micros"],
            messages_today=row["messages_today"],
            spent_or_held_today_micros=row["used_today"],
            by_state=row["by_state"],
            delivered=events.get("delivered", 0),
            opened=events.get("opened", 0),
            clicked=events.get("clicked", 0),
        )
