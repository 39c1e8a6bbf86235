"""The books of a tenant, added up anew from every entry."""

from collections import defaultdict
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text

from madan_sara.persistence.database import Database

_ENTRIES = text("""
SELECT message_id, attempt_no, campaign_id, kind, channel, CAST(day AS text) AS day, amount_micros
  FROM budget_entries WHERE tenant_id = :tenant_id
""")

_ACCOUNTS = text("""
SELECT campaign_id, scope, key, limit_micros, held_micros, spent_micros, message_limit,
       message_count
  FROM budget_accounts WHERE tenant_id = :tenant_id
""")

_ENDED_WITH_A_HOLD = text("""
SELECT m.message_id, m.state FROM messages m
  JOIN budget_entries hold ON hold.message_id = m.message_id AND hold.kind = 'hold'
 WHERE m.tenant_id = :tenant_id
   AND m.state IN ('sent', 'unknown', 'blocked', 'failed', 'cancelled')
   AND NOT EXISTS (SELECT FROM budget_entries done
                    WHERE (done.message_id, done.attempt_no) = (hold.message_id, hold.attempt_no)
                      AND done.kind IN ('settle', 'release'))
""")

_UNSENT_WITH_A_CLAIM = text("""
SELECT m.message_id, m.state FROM messages m JOIN recipient_claims r USING (message_id)
 WHERE m.tenant_id = :tenant_id AND m.state IN ('blocked', 'failed', 'cancelled')
   AND r.released_at IS NULL
""")

_CAMPAIGN_ACCOUNT = text("""
SELECT held_micros, spent_micros, message_count FROM budget_accounts
 WHERE tenant_id = :tenant_id AND scope = 'campaign'
""")

#: What each kind of entry does to held money, spent money and the number of messages.
_EFFECTS = {"hold": (1, 0, 1), "release": (-1, 0, -1), "settle": (-1, 1, 0), "spend": (0, 1, 0)}


@dataclass
class Sums:
    """What stands on one account."""

    held: int = 0
    spent: int = 0
    messages: int = 0


AccountKey = tuple[UUID, str, str]


async def sums_of_entries(database: Database, tenant_id: UUID) -> dict[AccountKey, Sums]:
    """What the entries come to, for every account they name."""
    async with database.statement() as connection:
        entries = (await connection.execute(_ENTRIES, {"tenant_id": tenant_id})).mappings().all()
    sums: dict[AccountKey, Sums] = defaultdict(Sums)
    for entry in entries:
        held, spent, messages = _EFFECTS[entry["kind"]]
        for scope, key in (
            ("campaign", ""),
            ("channel", entry["channel"]),
            ("day", entry["day"]),
        ):
            account = sums[entry["campaign_id"], scope, key]
            account.held += held * entry["amount_micros"]
            account.spent += spent * entry["amount_micros"]
            account.messages += messages
    return dict(sums)


async def assert_books_balance(database: Database, tenant_id: UUID) -> None:
    """Every account is the sum of its entries and within its limits."""
    async with database.statement() as connection:
        accounts = (await connection.execute(_ACCOUNTS, {"tenant_id": tenant_id})).mappings().all()
    sums = await sums_of_entries(database, tenant_id)
    for account in accounts:
        key = (account["campaign_id"], account["scope"], account["key"])
        stands = Sums(account["held_micros"], account["spent_micros"], account["message_count"])
        assert stands == sums.pop(key, Sums()), f"account {key} is not the sum of its entries"
        if account["limit_micros"] is not None:
            assert stands.held + stands.spent <= account["limit_micros"]
        if account["message_limit"] is not None:
            assert stands.messages <= account["message_limit"]
    assert not sums, "entries without an account"


async def assert_nothing_left_behind(database: Database, tenant_id: UUID) -> None:
    """The books balance, and no ended message keeps a hold, no unsent one a claim."""
    await assert_books_balance(database, tenant_id)
    async with database.statement() as connection:
        for statement in (_ENDED_WITH_A_HOLD, _UNSENT_WITH_A_CLAIM):
            left = (await connection.execute(statement, {"tenant_id": tenant_id})).all()
            assert not left, f"left behind: {left}"


async def money(database: Database, tenant_id: UUID) -> tuple[int, int, int]:
    """Held, spent (micro-units) and message count of the tenant's only campaign."""
    async with database.statement() as connection:
        row = (await connection.execute(_CAMPAIGN_ACCOUNT, {"tenant_id": tenant_id})).one()
        return (row[0], row[1], row[2])
