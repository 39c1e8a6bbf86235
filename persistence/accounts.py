"""A campaign's budget accounts, as rows and as facts."""

from sqlalchemy import text

from persistence.rows import Row
from policy.budget import Account, AccountScope

#: Columns an `Account` is made of, for a query over budget_accounts a.
ACCOUNT_COLUMNS = """
    a.scope, a.key, a.limit_micros, a.held_micros, a.spent_micros, a.message_limit, a.message_count
"""

#: The first booking of a day opens the day's account, with the campaign's present limits.
OPEN_DAY = text("""
INSERT INTO budget_accounts (tenant_id, campaign_id, scope, key, limit_micros, message_limit)
SELECT tenant_id, campaign_id, 'day', CAST(:day AS text),
       CAST((config ->> 'daily_spend_limit')::numeric * 1000000 AS bigint),
       (config ->> 'daily_limit')::bigint
  FROM campaigns
 WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id
    ON CONFLICT DO NOTHING
""")


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
    )
