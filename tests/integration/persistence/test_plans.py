"""How statements find their rows: never by the tenant alone, which has millions."""

import importlib
import json
import pkgutil
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import pytest
import pytest_asyncio

from madan_sara import persistence
from madan_sara.devstack.postgres import EmbeddedPostgres
from madan_sara.persistence.database import Database, Query
from madan_sara.persistence.migrate import upgrade_database

#: The statement of a tenant's list of campaigns.
_FEW: Final = {"campaigns"}


def _queries() -> Iterator[Any]:
    for module in pkgutil.iter_modules(persistence.__path__):
        loaded = importlib.import_module(f"{persistence.__name__}.{module.name}")
        for name, value in vars(loaded).items():
            # A statement on a temporary table has no plan without it.
            if isinstance(value, Query) and "imported_recipients" not in value.sql:
                yield pytest.param(value, id=f"{module.name}.{name}")


def _scans(plan: Any) -> Iterator[dict[str, Any]]:
    if isinstance(plan, dict):
        if "Index Name" in plan:
            yield plan
        plan = list(plan.values())
    if isinstance(plan, list):
        for part in plan:
            yield from _scans(part)


def _is_wide(scan: dict[str, Any]) -> bool:
    """Whether a scan is bound by the tenant and nothing else."""
    condition = scan.get("Index Cond", "")
    return " AND " not in condition and (not condition or "tenant_id" in condition)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def unused(postgres: EmbeddedPostgres) -> AsyncIterator[Database]:
    """A database without any rows: the statistics of a used one would help the planner."""
    await postgres.create_database("unused")
    await upgrade_database(postgres.dsn("unused"))
    database = Database(postgres.dsn("unused"))
    yield database
    await database.close()


@pytest.mark.parametrize("query", list(_queries()))
async def test_no_statement_looks_through_a_tenant(unused, query):
    nothing = ", ".join(["NULL"] * len(query._names))
    async with unused.bulk() as connection:
        await connection.execute(f"PREPARE asked AS {query.sql}")
        run = f"asked({nothing})" if nothing else "asked"
        plan = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE {run}")
        await connection.execute("DEALLOCATE asked")
    wide = [scan for scan in _scans(plan) if _is_wide(scan)]
    assert [s for s in wide if s.get("Relation Name") not in _FEW] == [], json.dumps(wide)
