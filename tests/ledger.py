"""The ledger of a tenant, added up anew from every entry."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import RowMapping, TextClause, text

from madan_sara.persistence.accounts import account_from
from madan_sara.persistence.database import Database
from madan_sara.policy.budget import Account, AccountScope
from madan_sara.policy.ledger import (
    AccountKey,
    Balance,
    EntryKind,
    LedgerEntry,
    balances,
    discrepancies,
    open_holds,
)

_ENTRIES = text("""
SELECT message_id, attempt_no, campaign_id, kind, channel, CAST(day AS text) AS day, amount_micros
  FROM budget_entries WHERE tenant_id = :tenant_id
""")

_ACCOUNTS = text("""
SELECT campaign_id, scope, key, limit_micros, held_micros, spent_micros, message_limit,
       message_count, last_due_at
  FROM budget_accounts WHERE tenant_id = :tenant_id
""")

_ENDED = text("""
SELECT message_id FROM messages
 WHERE tenant_id = :tenant_id AND state IN ('sent', 'unknown', 'blocked', 'failed', 'cancelled')
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


async def sums_of_entries(database: Database, tenant_id: UUID) -> dict[AccountKey, Balance]:
    """The sums of the entries, by account."""
    return balances(await _entries(database, tenant_id))


async def assert_accounts_balance(database: Database, tenant_id: UUID) -> None:
    """Every account is the sum of its entries and within its limits."""
    accounts = await _accounts(database, tenant_id)
    assert list(discrepancies(accounts, await _entries(database, tenant_id))) == []
    for account in accounts.values():
        if account.limit_micros is not None:
            assert account.held_micros + account.spent_micros <= account.limit_micros
        if account.message_limit is not None:
            assert account.message_count <= account.message_limit


async def assert_nothing_left_behind(database: Database, tenant_id: UUID) -> None:
    """The accounts balance, and no ended message keeps a hold, no unsent one a claim."""
    await assert_accounts_balance(database, tenant_id)
    holding = {message_id for message_id, _ in open_holds(await _entries(database, tenant_id))}
    ended = {row["message_id"] for row in await _read(database, tenant_id, _ENDED)}
    assert holding & ended == set(), "ended with a hold"
    left = await _read(database, tenant_id, _UNSENT_WITH_A_CLAIM)
    assert not left, f"left behind: {left}"


async def money(database: Database, tenant_id: UUID) -> tuple[int, int, int]:
    """Held, spent (micro-units) and message count of the tenant's only campaign."""
    async with database.statement() as connection:
        row = (await connection.execute(_CAMPAIGN_ACCOUNT, {"tenant_id": tenant_id})).one()
        return (row[0], row[1], row[2])


async def _entries(database: Database, tenant_id: UUID) -> list[LedgerEntry]:
    return [
        LedgerEntry(**{**row, "kind": EntryKind(row["kind"])})
        for row in await _read(database, tenant_id, _ENTRIES)
    ]


async def _accounts(database: Database, tenant_id: UUID) -> dict[AccountKey, Account]:
    return {
        AccountKey(row["campaign_id"], AccountScope(row["scope"]), row["key"]): account_from(row)
        for row in await _read(database, tenant_id, _ACCOUNTS)
    }


async def _read(database: Database, tenant_id: UUID, statement: TextClause) -> Sequence[RowMapping]:
    async with database.statement() as connection:
        return (await connection.execute(statement, {"tenant_id": tenant_id})).mappings().all()
