"""How statements find their rows: never by the tenant alone, which has millions."""

import importlib
import json
import pkgutil
from collections.abc import Iterator
from typing import Any, Final

import pytest

from madan_sara import persistence
from madan_sara.persistence.database import Query

#: Lists of a tenant's campaigns, and what is lifted by its wish.
_FEW: Final = {"campaigns"}


def _queries() -> Iterator[Any]:
    for module in pkgutil.iter_modules(persistence.__path__):
        loaded = importlib.import_module(f"{persistence.__name__}.{module.name}")
        for name, value in vars(loaded).items():
            # What reads a temporary table has no plan without it.
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


@pytest.mark.parametrize("query", list(_queries()))
async def test_no_statement_looks_through_a_tenant(database, query):
    nothing = ", ".join(["NULL"] * len(query._names))
    async with database.bulk() as connection:
        await connection.execute(f"PREPARE asked AS {query.sql}")
        run = f"asked({nothing})" if nothing else "asked"
        plan = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE {run}")
        await connection.execute("DEALLOCATE asked")
    wide = [scan for scan in _scans(plan) if _is_wide(scan)]
    assert [s for s in wide if s.get("Relation Name") not in _FEW] == [], json.dumps(wide)
