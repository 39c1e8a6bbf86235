"""How statements find their rows: never by the tenant alone, which has millions."""

import importlib
import json
import pkgutil
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import pytest
import pytest_asyncio
from sqlalchemy import TextClause

from madan_sara import persistence
from madan_sara.devstack.postgres import EmbeddedPostgres
from madan_sara.persistence.database import Database, Query
from madan_sara.persistence.migrate import upgrade_database

#: What is asked about all a tenant has ever sent, rarely.
_OF_ALL: Final = "_CELLS_OF_TENANT"
#: What a tenant's list of campaigns reads.
_FEW: Final = {"campaigns"}


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


def _require_narrow(plan: Any) -> None:
    wide = [scan for scan in _scans(plan) if _is_wide(scan)]
    assert [s for s in wide if s.get("Relation Name") not in _FEW] == [], json.dumps(wide)


def _run(name: str, parameters: int) -> str:
    nothing = ", ".join(["NULL"] * parameters)
    return f"EXPLAIN (FORMAT JSON) EXECUTE {name}" + (f"({nothing})" if nothing else "")


@pytest.mark.parametrize("query", list(_statements(Query)))
async def test_no_statement_looks_through_a_tenant(unused, query):
    async with unused.bulk() as connection:
        await connection.execute(f"PREPARE asked AS {query.sql}")
        plan = await connection.fetchval(_run("asked", len(query._names)))
        await connection.execute("DEALLOCATE asked")
    _require_narrow(plan)


@pytest.mark.parametrize("statement", list(_statements(TextClause)))
async def test_no_statement_of_the_other_way_does_either(unused, statement):
    """In a session of SQLAlchemy's."""
    asked = Query(statement.text)
    async with unused.transaction() as connection:
        await connection.exec_driver_sql(f"PREPARE asked AS {asked.sql}")
        plan = (await connection.exec_driver_sql(_run("asked", len(asked._names)))).scalar_one()
        await connection.exec_driver_sql("DEALLOCATE asked")
    _require_narrow(plan)
