"""The connections statements are run on."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from madan_sara.contracts.errors import UnreachableError
from madan_sara.persistence.database import Database, Query
from tests.waiting import eventually

_WHO = Query("SELECT pg_backend_pid() AS pid, CAST(:n AS integer) AS n")
_SLOW = Query("SELECT pg_backend_pid() AS pid, CAST(:n AS integer) AS n, pg_sleep(0.05)")
_ENDLESS = Query("SELECT CAST(:n AS integer) AS n, pg_sleep(60)")
_END = Query("SELECT pg_terminate_backend(:pid)")


@pytest_asyncio.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    database = Database(dsn, pool_size=2)
    yield database
    await database.close()


async def _ask(database: Database, query: Query, n: int = 0) -> asyncpg.Record:
    (row,) = await database.fetch(query, {"n": n})
    return row


async def test_statements_one_after_the_other_use_one_connection(database):
    assert len({(await _ask(database, _WHO))["pid"] for _ in range(5)}) == 1


async def test_more_statements_than_connections_wait_and_get_their_own_answers(database):
    rows = await asyncio.gather(*(_ask(database, _SLOW, n) for n in range(10)))

    assert [row["n"] for row in rows] == list(range(10))
    assert len({row["pid"] for row in rows}) == 4


async def test_a_connection_that_was_lost_is_replaced(database, dsn):
    lost = (await _ask(database, _WHO))["pid"]
    other = Database(dsn)
    await other.fetch(_END, {"pid": lost})
    await other.close()

    async def is_replaced() -> bool:
        try:
            return bool((await _ask(database, _WHO))["pid"] != lost)
        except UnreachableError:
            return False  # The news of the loss was still on its way.

    await eventually(is_replaced, "a new connection")


async def test_after_a_cancelled_statement_the_next_has_another_connection(database):
    """Nothing may answer on the old one any more, as after a failover."""
    before = await _ask(database, _WHO)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await _ask(database, _ENDLESS)

    after = await _ask(database, _WHO, 7)

    assert after["pid"] != before["pid"]
    assert after["n"] == 7


async def test_closing_waits_for_statements_on_their_way(database):
    slow = asyncio.create_task(_ask(database, _SLOW, 3))
    await asyncio.sleep(0)

    await database.close()

    assert slow.done()
    assert (await slow)["n"] == 3
