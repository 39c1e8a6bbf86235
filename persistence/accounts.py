"""A campaign's budget accounts, as rows and as facts."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from madan_sara.persistence.rows import Row
from madan_sara.policy.budget import Account, AccountScope

#: Columns an `Account` is made of, for a query over budget_accounts a.
ACCOUNT_COLUMNS = """
    a.scope, a.key, a.limit_micros, a.held_micros, a.spent_micros, a.message_limit,
    a.message_count, a.last_due_at
"""

#: The limits of a day without an account, for a query over campaigns c.
DAY_LIMITS = """
    c.daily_spend_limit_micros AS limit_micros, c.daily_limit AS message_limit
"""

#: Finds the campaign of a day that has no account, for a query over campaigns c.
WITHOUT_DAY = """
    c.tenant_id = :tenant_id AND c.campaign_id = :campaign_id AND NOT EXISTS (
        SELECT FROM budget_accounts a
         WHERE (a.tenant_id, a.campaign_id, a.scope, a.key)
             = (c.tenant_id, c.campaign_id, 'day', CAST(:day AS text)))
"""

_LOCK_CAMPAIGN_ACCOUNT = text("""
SELECT FROM budget_accounts
 WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id AND scope = 'campaign'
   FOR UPDATE
""")

_OPEN_DAY = text(f"""
INSERT INTO budget_accounts (tenant_id, campaign_id, scope, key, limit_micros, message_limit)
SELECT c.tenant_id, c.campaign_id, 'day', CAST(:day AS text), {DAY_LIMITS}
  FROM campaigns c
 WHERE {WITHOUT_DAY}
    ON CONFLICT DO NOTHING
""")  # noqa: S608 - built from constants of ours


async def open_day(connection: AsyncConnection, key: Mapping[str, object]) -> None:
    """Open a day's account, with the limits its campaign has then, if there is none.

    Under the lock of the campaign's own account, which a change of the limits takes, too: the
    second of the two sees what the first left. Two statements, because one that waits for a
    lock reads the campaign as it was before it waited.

    Args:
        connection: in a transaction that holds no other account of the campaign, unless it
            holds this one.
        key: names tenant, campaign and day.
    """
    await connection.execute(_LOCK_CAMPAIGN_ACCOUNT, key)
    await connection.execute(_OPEN_DAY, key)


def account_from(row: Row, *, given_back: int | None = None) -> Account:
    """An account from `ACCOUNT_COLUMNS`, as it would be without a hold of `given_back`."""
    return Account(
        scope=AccountScope(row["scope"]),
        key=row["key"],
        limit_micros=row["limit_micros"],
        held_micros=row["held_micros"] - (given_back or 0),
        spent_micros=row["spent_micros"],
        message_limit=row["message_limit"],
        message_count=row["message_count"] - (given_back is not None),
        last_due_at=_instant(row["last_due_at"]),
    )


def _instant(value: datetime | str | None) -> datetime | None:
    """An instant as the driver has it, or as JSON writes it."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value
