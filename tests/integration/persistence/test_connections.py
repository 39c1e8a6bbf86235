"""The connections statements are run on."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import text

from madan_sara.persistence.connections import Connections
from madan_sara.persistence.database import Database, Query
from tests.integration.persistence.silent_server import SilentServer
from tests.waiting import eventually

_WHO = Query("SELECT pg_backend_pid() AS pid, CAST(:n AS integer) AS n")
_SLOW = Query("SELECT pg_backend_pid() AS pid, CAST(:n AS integer) AS n, pg_sleep(0.05)")
_ENDLESS = Query("SELECT CAST(:n AS integer) AS n, pg_sleep(60)")
_PID = text("SELECT pg_backend_pid()")
_BACKEND = Query("SELECT pid FROM pg_stat_activity WHERE pid = CAST(:pid AS integer)")
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
        except (asyncpg.PostgresError, asyncpg.InternalClientError, OSError):
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


async def test_a_cancelled_statement_whose_server_is_silent_leaves_no_connection_open(dsn):
    """Nothing answers on it any more, not even a cancel."""
    async with SilentServer(dsn).serving() as server:
        connections = Connections(server.connect, most=1, parting_seconds=0.01)
        await connections.fetch("SELECT 1", [])
        server.fall_silent()
        asking = asyncio.create_task(connections.fetch("SELECT 2", []))
        await server.asked.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

        async with asyncio.timeout(60):
            await server.hung_up.wait()
            await connections.close()


async def test_a_connection_of_the_pool_that_was_lost_is_replaced_before_it_is_met(database, dsn):
    async with database.statement() as connection:
        lost = (await connection.execute(_PID)).scalar_one()
    other = Database(dsn)
    await other.fetch(_END, {"pid": lost})

    async def is_gone() -> bool:
        return not await other.fetch(_BACKEND, {"pid": lost})

    await eventually(is_gone, "the end of the connection")
    await other.close()
    async with database.statement() as connection:
        assert (await connection.execute(_PID)).scalar_one() != lost


async def test_closing_waits_for_statements_on_their_way(database):
    slow = asyncio.create_task(_ask(database, _SLOW, 3))
    await asyncio.sleep(0)

    await database.close()

    assert slow.done()
    assert (await slow)["n"] == 3
