"""Campaigns as saved, in PostgreSQL."""

from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.campaign import FINAL_STATUSES, CampaignStatus, OutreachCampaign
from contracts.faults import InvalidRequestError
from contracts.money import from_micros, to_micros
from persistence.database import Database
from persistence.rows import campaign_from
from policy.campaign_days import campaign_day

#: As the statements take them.
_FINAL = sorted(status.value for status in FINAL_STATUSES)

_SAVE = text("""
INSERT INTO campaigns (tenant_id, campaign_id, name, status, config, created_at, updated_at)
VALUES (:tenant_id, :campaign_id, :name, :status, CAST(:config AS jsonb), :now, :now)
    ON CONFLICT (tenant_id, campaign_id) DO UPDATE
   SET name = excluded.name, config = excluded.config, share_day = NULL,
       status = CASE WHEN :keep_status OR campaigns.status = ANY(CAST(:final AS text[]))
                     THEN campaigns.status ELSE excluded.status END,
       updated_at = excluded.updated_at
""")

_LIMIT = text("""
INSERT INTO budget_accounts (tenant_id, campaign_id, scope, key, limit_micros, message_limit)
VALUES (:tenant_id, :campaign_id, :scope, :key, :limit_micros, NULL)
    ON CONFLICT (tenant_id, campaign_id, scope, key) DO UPDATE
   SET limit_micros = excluded.limit_micros
""")

_DAY_LIMITS = text("""
UPDATE budget_accounts
   SET limit_micros = :limit_micros, message_limit = :message_limit
 WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id AND scope = 'day'
   AND CAST(key AS date) >= CAST(CAST(:today AS text) AS date)
""")

_USED = text("""
SELECT scope, key, held_micros + spent_micros AS used_micros, message_count
  FROM budget_accounts
 WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id
   AND (scope <> 'day' OR CAST(key AS date) >= CAST(CAST(:today AS text) AS date))
 ORDER BY scope, key
""")

_LOAD = text("""
SELECT CAST(config AS text) AS config, status FROM campaigns
 WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id
""")

_SET_STATUS = text("""
WITH changed AS (
    UPDATE campaigns SET status = :status, updated_at = :now
     WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id
       AND status <> ALL(CAST(:final AS text[]))
    RETURNING status
)
SELECT coalesce((SELECT status FROM changed), status) AS status FROM campaigns
 WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id
""")


_LOCKED = text("""
SELECT CAST(config AS text) AS config, status FROM campaigns
 WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id
   FOR NO KEY UPDATE
""")

_CHANGE = text("""
UPDATE campaigns
   SET name = :name, status = :status, config = CAST(:config AS jsonb), share_day = NULL,
       updated_at = :now
 WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id
""")

_NOTE = text("""
INSERT INTO campaign_events (tenant_id, campaign_id, kind, details, occurred_at)
VALUES (:tenant_id, :campaign_id, :kind, CAST(:details AS jsonb), :now)
""")


class PostgresCampaignStore:
    """Saves and loads campaigns, and keeps their accounts' limits in step."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(
        self, campaign: OutreachCampaign, today: date, now: datetime, *, keep_status: bool
    ) -> None:
        """Store a campaign and the limits of its accounts, new or changed.

        Args:
            campaign: with its settings filled in.
            today: the campaign's day; limits of past days stay as they were.
            now: the instant of the change.
            keep_status: leave the status of a campaign that exists already; a final
                one (completed, cancelled) is left in any case.

        Raises:
            InvalidRequestError: a limit is below what is held or spent already.
        """
        try:
            async with self._database.transaction() as connection:
                row = {**_row(campaign, now), "keep_status": keep_status, "final": _FINAL}
                await connection.execute(_SAVE, row)
                await _save_limits(connection, campaign, today)
        except IntegrityError:
            raise InvalidRequestError(await self._explain(campaign, today)) from None

    async def load(self, tenant_id: UUID, campaign_id: UUID) -> OutreachCampaign | None:
        """A saved campaign, or None."""
        key = {"tenant_id": tenant_id, "campaign_id": campaign_id}
        async with self._database.statement() as connection:
            row = (await connection.execute(_LOAD, key)).mappings().one_or_none()
        return campaign_from(row["config"], row["status"]).model_copy(deep=True) if row else None

    async def set_status(
        self, tenant_id: UUID, campaign_id: UUID, status: CampaignStatus, now: datetime
    ) -> CampaignStatus | None:
        """Change whether a campaign sends; one that is over stays so.

        Returns:
            The status it has now; None when there is no such campaign.
        """
        parameters = {
            "tenant_id": tenant_id,
            "campaign_id": campaign_id,
            "status": status.value,
            "final": _FINAL,
            "now": now,
        }
        async with self._database.statement() as connection:
            found = (await connection.execute(_SET_STATUS, parameters)).scalar_one_or_none()
        return found and CampaignStatus(found)

    async def change(
        self,
        tenant_id: UUID,
        campaign_id: UUID,
        change: Callable[[OutreachCampaign], OutreachCampaign],
        now: datetime,
        *,
        kind: str,
        details: str,
    ) -> CampaignStatus:
        """Change a campaign as it is at this moment, and note it.

        One that is over stays so; a change that changes nothing is not noted.

        Args:
            tenant_id: its owner.
            campaign_id: the campaign.
            change: from the campaign as it is to a copy as it becomes.
            now: the instant of the change.
            kind: what the note is called.
            details: the note's figures, as JSON.

        Returns:
            The status it has now.

        Raises:
            InvalidRequestError: a limit is below what is held or spent already; nothing
                was changed.
            LookupError: there is no such campaign.
        """
        key = {"tenant_id": tenant_id, "campaign_id": campaign_id}
        try:
            async with self._database.transaction() as connection:
                row = (await connection.execute(_LOCKED, key)).mappings().one_or_none()
                if row is None:
                    raise LookupError(f"there is no campaign {campaign_id}")
                present = campaign_from(row["config"], row["status"])
                if present.status in FINAL_STATUSES:
                    return present.status
                changed = change(present)
                if changed == present:
                    return present.status
                await connection.execute(_CHANGE, _row(changed, now))
                await _save_limits(connection, changed, campaign_day(changed, now))
                await connection.execute(
                    _NOTE, {**key, "kind": kind, "details": details, "now": now}
                )
        except IntegrityError:
            raise InvalidRequestError(
                await self._explain(changed, campaign_day(changed, now))
            ) from None
        return changed.status

    async def _explain(self, campaign: OutreachCampaign, today: date) -> str:
        """Which limits are below what is used already, with the figures."""
        key = {
            "tenant_id": campaign.tenant_uuid,
            "campaign_id": campaign.id,
            "today": today.isoformat(),
        }
        async with self._database.statement() as connection:
            rows = (await connection.execute(_USED, key)).mappings().all()
        faults = [fault for row in rows for fault in _broken_limits(campaign, row)]
        return "; ".join(faults) or "campaign: its limits changed meanwhile; save it again"


def _broken_limits(campaign: OutreachCampaign, used: RowMapping) -> Iterator[str]:
    """The limits of a campaign that one of its accounts exceeds."""
    day = f" on {used['key']}" if used["scope"] == "day" else ""
    field, limit = {
        "campaign": ("budget_total", campaign.budget_total),
        "channel": (
            f"budget_per_channel.{used['key']}",
            _limits(campaign).get(("channel", used["key"])),
        ),
        "day": ("daily_spend_limit", campaign.daily_spend_limit),
    }[used["scope"]]
    amount = from_micros(used["used_micros"])
    if limit is not None and amount > limit:
        yield (
            f"campaign.{field}: {limit:f} is below the {amount.normalize():f} held or spent "
            f"already{day}; raise it"
        )
    messages, most = used["message_count"], campaign.daily_limit
    if day and most is not None and messages > most:
        yield (
            f"campaign.daily_limit: {most} is below the {messages} messages held or sent "
            f"already{day}; raise it"
        )


async def _save_limits(
    connection: AsyncConnection, campaign: OutreachCampaign, today: date
) -> None:
    key = {"tenant_id": campaign.tenant_uuid, "campaign_id": campaign.id}
    for (scope, name), limit in _limits(campaign).items():
        micros = None if limit is None else to_micros(limit)
        await connection.execute(
            _LIMIT, {**key, "scope": scope, "key": name, "limit_micros": micros}
        )
    daily = campaign.daily_spend_limit
    await connection.execute(
        _DAY_LIMITS,
        {
            **key,
            "today": today.isoformat(),
            "limit_micros": None if daily is None else to_micros(daily),
            "message_limit": campaign.daily_limit,
        },
    )


def _limits(campaign: OutreachCampaign) -> dict[tuple[str, str], Decimal | None]:
    budgets = campaign.budget_per_channel or {}
    channels = {
        ("channel", channel.value): budgets[channel].total if channel in budgets else None
        for channel in campaign.channels
    }
    return {("campaign", ""): campaign.budget_total, **channels}


def _row(campaign: OutreachCampaign, now: datetime) -> dict[str, object]:
    return {
        "tenant_id": campaign.tenant_uuid,
        "campaign_id": campaign.id,
        "name": campaign.name,
        "status": campaign.status.value,
        "config": campaign.model_dump_json(),
        "now": now,
    }
