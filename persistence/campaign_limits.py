"""The limits of a campaign's accounts, and the recipients who wait for a higher one."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.money import from_micros, to_micros
from madan_sara.persistence.database import Database
from madan_sara.persistence.tallies import TALLIES

_LIMIT = text("""
INSERT INTO budget_accounts (tenant_id, campaign_id, scope, key, limit_micros, ends_at)
VALUES (:tenant_id, :campaign_id, :scope, :key, :limit_micros, :ends_at)
    ON CONFLICT (tenant_id, campaign_id, scope, key) DO UPDATE
   SET limit_micros = excluded.limit_micros, ends_at = excluded.ends_at, booked_due_at = NULL
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

# The messages are looked through only where the counts say that recipients wait, and locked in the
# order of the key, as a sweep locks them.
_REQUEUE = text(f"""
WITH waiting AS MATERIALIZED (
    SELECT tenant_id, message_id FROM messages
     WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id
       AND state = 'queued' AND reason IS NOT NULL
       AND (SELECT sum(messages) FROM ({TALLIES}) t
             WHERE kind = 'state' AND name = 'queued' AND reason <> '') > 0
     ORDER BY message_id
       FOR NO KEY UPDATE
), again AS (
    UPDATE messages m SET reason = NULL, details = '{{}}'
      FROM waiting
     WHERE (m.tenant_id, m.message_id) = (waiting.tenant_id, waiting.message_id)
    RETURNING m.tenant_id, m.campaign_id, m.message_id
)
INSERT INTO campaign_queue (tenant_id, campaign_id, message_id)
SELECT tenant_id, campaign_id, message_id FROM again ORDER BY message_id
    ON CONFLICT DO NOTHING
""")  # noqa: S608 - built from constants of ours


async def explain_limits(database: Database, campaign: Campaign, today: date) -> str:
    """The limits of a campaign that are below what is used already, with the figures."""
    key = {
        "tenant_id": campaign.tenant_uuid,
        "campaign_id": campaign.id,
        "today": today.isoformat(),
    }
    async with database.statement() as connection:
        rows = (await connection.execute(_USED, key)).mappings().all()
    violations = [violation for row in rows for violation in _broken_limits(campaign, row)]
    return "; ".join(violations) or "campaign: its limits changed meanwhile; save it again"


def _broken_limits(campaign: Campaign, used: RowMapping) -> Iterator[str]:
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


async def save_limits(connection: AsyncConnection, campaign: Campaign, today: date) -> None:
    """Bring the limits of a campaign's accounts, and its end, in step with its configuration.

    Recipients who wait because a limit had no room get another chance. They come first: messages
    are locked before accounts.

    Args:
        connection: in a transaction that holds the campaign, and no account.
        campaign: as it is to be.
        today: the campaign's day; limits of past days stay as they were.

    Raises:
        IntegrityError: a limit is below what is held or spent already.
    """
    key = {"tenant_id": campaign.tenant_uuid, "campaign_id": campaign.id}
    await requeue(connection, campaign.tenant_uuid, campaign.id)
    for (scope, name), limit in _limits(campaign).items():
        micros = None if limit is None else to_micros(limit)
        ends_at = campaign.end_date if scope == "campaign" else None
        account = {"scope": scope, "key": name, "limit_micros": micros, "ends_at": ends_at}
        await connection.execute(_LIMIT, {**key, **account})
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


async def requeue(connection: AsyncConnection, tenant_id: UUID, campaign_id: UUID) -> None:
    """Put recipients for whom a limit had no room into the queue again."""
    await connection.execute(_REQUEUE, {"tenant_id": tenant_id, "campaign_id": campaign_id})


def _limits(campaign: Campaign) -> dict[tuple[str, str], Decimal | None]:
    budgets = campaign.budget_per_channel or {}
    channels = {
        ("channel", channel.value): budgets[channel].total if channel in budgets else None
        for channel in campaign.channels
    }
    return {("campaign", ""): campaign.budget_total, **channels}
