"""How statements find their rows: never by the tenant alone, which has millions."""

import importlib
import json
import pkgutil
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final
from uuid import uuid4

import pytest
import pytest_asyncio
from sqlalchemy import TextClause, text

from madan_sara import persistence
from madan_sara.devstack.postgres import EmbeddedPostgres
from madan_sara.persistence.database import Database, Query
from madan_sara.persistence.migrate import upgrade_database
from tests.integration.persistence.shop import Shop

#: What is asked about all a tenant has ever sent, rarely.
_OF_ALL: Final = "_CELLS_OF_TENANT"
#: What a tenant's list of campaigns reads, and the few accounts that all tenants share.
_FEW: Final = {"campaigns", "provider_accounts", "call_rates"}


def _statements(kind: type[Query | TextClause]) -> Iterator[Any]:
    for module in pkgutil.iter_modules(persistence.__path__):
        loaded = importlib.import_module(f"{persistence.__name__}.{module.name}")
        for name, value in vars(loaded).items():
            if not isinstance(value, kind) or name == _OF_ALL:
                continue
            # What reads a temporary table has no plan without it.
            if "imported_recipients" not in str(vars(value)):
                yield pytest.param(value, id=f"{module.name}.{name}")


def _scans(plan: Any) -> Iterator[dict[str, Any]]:
    if isinstance(plan, dict):
        if "Index Name" in plan or plan.get("Node Type") == "Seq Scan":
            yield plan
        plan = list(plan.values())
    if isinstance(plan, list):
        for part in plan:
            yield from _scans(part)


def _is_wide(scan: dict[str, Any]) -> bool:
    """Whether a scan is bound by the tenant and nothing else, or by anything but the tenant."""
    condition = scan.get("Index Cond", "")
    return "tenant_id" not in condition or " AND " not in condition


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=["unused", "grown"])
async def never_analysed(
    postgres: EmbeddedPostgres, request: pytest.FixtureRequest
) -> AsyncIterator[Database]:
    """A database whose planner knows no more than the sizes of its tables."""
    name: str = request.param
    await postgres.create_database(name)
    await upgrade_database(postgres.dsn(name))
    database = Database(postgres.dsn(name))
    if name == "grown":
        await _grow(database)
    yield database
    await database.close()


async def _grow(database: Database) -> None:
    """Fill the largest tables with a campaign's sends, all of them asleep."""
    async with database.transaction() as connection:
        for table in ("messages", "budget_entries", "recipient_claims", "attempts"):
            await connection.execute(text(f"ALTER TABLE {table} SET (autovacuum_enabled = off)"))
    shop = Shop(database, uuid4())
    message = await shop.message(await shop.campaign())
    await shop.reserve(message)
    async with database.transaction() as connection:
        for statement in _MANY_OF_IT:
            await connection.execute(statement, {"many": _MANY, "of": message.message_id})


#: Claims are few: their constraint is slow to fill.
_MANY: Final = 10_000
_MANY_OF_IT: Final = (
    text("""
INSERT INTO messages (message_id, tenant_id, campaign_id, recipient_id, idempotency_key,
                      request_digest, profile, addresses, content_digest, force_send, state,
                      scheduled_at, channel, created_at)
SELECT uuidv7(), tenant_id, campaign_id, n::text, n::text, '', '{}', '{}', content_digest, false,
       state, scheduled_at, channel, created_at
  FROM messages CROSS JOIN generate_series(1, :many) n WHERE message_id = :of
"""),
    text("""
INSERT INTO budget_entries
SELECT m.message_id, e.attempt_no, e.kind, e.tenant_id, e.campaign_id, e.channel, e.day,
       e.amount_micros, e.created_at, e.due_at
  FROM messages m JOIN budget_entries e USING (tenant_id, campaign_id) WHERE e.message_id = :of
    ON CONFLICT DO NOTHING
"""),
    text("""
INSERT INTO attempts (message_id, attempt_no, tenant_id, channel, provider, idempotency_key, state)
SELECT message_id, 1, tenant_id, channel, 'postman', idempotency_key, 'sending' FROM messages
"""),
    text("""
INSERT INTO recipient_claims (message_id, tenant_id, campaign_id, recipient_id, covers, claimed_at,
                              forced, texts)
SELECT message_id, tenant_id, campaign_id, recipient_id, tstzrange(created_at, NULL), created_at,
       true, '{}'
  FROM messages LIMIT 3000
"""),
)


def _require_narrow(plan: Any) -> None:
    wide = [scan for scan in _scans(plan) if _is_wide(scan)]
    assert [s for s in wide if s.get("Relation Name") not in _FEW] == [], json.dumps(wide)


def _run(name: str, parameters: int) -> str:
    nothing = ", ".join(["NULL"] * parameters)
    return f"EXPLAIN (FORMAT JSON) EXECUTE {name}" + (f"({nothing})" if nothing else "")


@pytest.mark.parametrize("query", list(_statements(Query)))
async def test_no_statement_looks_through_a_tenant(never_analysed, query):
    async with never_analysed.bulk() as connection:
        await connection.execute(f"PREPARE asked AS {query.sql}")
        plan = await connection.fetchval(_run("asked", len(query._names)))
        await connection.execute("DEALLOCATE asked")
    _require_narrow(plan)


@pytest.mark.parametrize("statement", list(_statements(TextClause)))
async def test_no_statement_of_the_other_way_does_either(never_analysed, statement):
    """In a session of SQLAlchemy's."""
    asked = Query(statement.text)
    async with never_analysed.transaction() as connection:
        await connection.exec_driver_sql(f"PREPARE asked AS {asked.sql}")
        plan = (await connection.exec_driver_sql(_run("asked", len(asked._names)))).scalar_one()
        await connection.exec_driver_sql("DEALLOCATE asked")
    _require_narrow(plan)
