"""The rates of accounts in PostgreSQL: by its own clock, over all who ask."""

import asyncio
import random
from contextlib import AsyncExitStack
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from madan_sara.activities.call_rates import CallRate, Turn
from madan_sara.persistence.call_rates import PostgresCallRates
from madan_sara.persistence.database import Database, Query
from tests.simulation.stores.call_rates import Line

_PUT = text("""
INSERT INTO call_rates (account, free_at, line_ends_at, front_ends_at, asked_at, apart)
SELECT :account, now + CAST(:free_in AS interval), now + CAST(:ends_in AS interval),
       now + CAST(:front_ends_in AS interval),
       now - CAST(:asked_ago AS interval), CAST(:apart AS interval)
  FROM (SELECT clock_timestamp() AS now) clock
RETURNING free_at, line_ends_at AS ends_at, front_ends_at, asked_at, apart
""")
_ROW = text("""
SELECT free_at, line_ends_at AS ends_at, front_ends_at, apart
  FROM call_rates WHERE account = :account
""")


@pytest.fixture
def account():
    return f"sms.example.org {uuid4()}"


@pytest.fixture
def rates(database):
    return PostgresCallRates(database)


async def _put(database: Database, account: str, **since: timedelta) -> Line:
    """An account that was asked before."""
    async with database.statement() as connection:
        row = (await connection.execute(_PUT, {"account": account, **since})).mappings().one()
    return Line(**row)


async def _row(database: Database, account: str) -> dict[str, Any]:
    async with database.statement() as connection:
        return dict((await connection.execute(_ROW, {"account": account})).mappings().one())


class Asker:
    """A worker's deliveries: each asks until it may call."""

    def __init__(self, database: Database, account: str, per_second: float) -> None:
        self._rate = CallRate(PostgresCallRates(database), account, per_second)
        self.turns: list[Turn] = []
        self.places: list[Turn] = []

    async def call(self) -> None:
        turn = await self._rate.ask(in_line=False)
        while not turn.may_call:
            self.places.append(turn)
            await asyncio.sleep(turn.wait.total_seconds())
            turn = await self._rate.ask(in_line=True)
        self.turns.append(turn)


@pytest.mark.parametrize(("per_second", "calls"), [(400.0, 150), (3_000.0, 200)])
async def test_workers_that_ask_at_once_share_the_rate_and_leave_none_of_it(
    dsn, account, per_second, calls
):
    async with AsyncExitStack() as stack:
        askers = []
        for _ in range(4):
            worker = Database(dsn, pool_size=4)
            stack.push_async_callback(worker.close)
            askers.append(Asker(worker, account, per_second))
        await asyncio.gather(*(asker.call() for asker in askers for _ in range(calls)))

    turns = sorted((t for a in askers for t in a.turns), key=lambda turn: turn.comes_at)
    assert len(turns) == 4 * calls
    apart = timedelta(microseconds=-(-1_000_000 // per_second))
    for before, turn in pairwise(turns):
        # As soon as the one before allows; later only if it was asked for later.
        assert turn.comes_at == max(before.comes_at + apart, turn.asked_at)
    places = sorted(place.comes_at for asker in askers for place in asker.places)
    assert all(b - a >= apart for a, b in pairwise(places))


@pytest.mark.parametrize("seed", range(40))
async def test_it_answers_as_the_line_of_the_simulation(database, rates, account, seed):
    """Of a clock that was set back too: what was asked last is later than now."""
    draws = random.Random(seed)
    seconds = (-50, -3.0, -0.5, 0.0, 0.5, 0.9, 3.0, 900.0)
    aparts = (0.0005, 0.1, 4.0)
    model = await _put(
        database,
        account,
        free_in=timedelta(seconds=draws.choice(seconds)),
        ends_in=timedelta(seconds=draws.choice(seconds)),
        front_ends_in=timedelta(seconds=draws.choice(seconds)),
        asked_ago=timedelta(seconds=draws.choice((0.0, 1.0, 60.0, -1.0, -3_600.0))),
        apart=timedelta(seconds=draws.choice(aparts)),
    )
    for _ in range(5):
        apart = timedelta(seconds=draws.choice(aparts))
        in_line = draws.random() < 0.5
        turn = await rates.ask(account, apart, in_line=in_line)
        assert turn == model.ask(turn.asked_at, apart, in_line=in_line)
        assert await _row(database, account) == {
            "free_at": model.free_at,
            "ends_at": model.ends_at,
            "front_ends_at": model.front_ends_at,
            "apart": model.apart,
        }


async def test_each_account_has_a_rate_of_its_own(rates, account):
    hour = timedelta(hours=1)
    assert (await rates.ask(account, hour, in_line=False)).may_call
    assert (await rates.ask(f"another {account}", hour, in_line=False)).may_call
    assert not (await rates.ask(account, hour, in_line=False)).may_call


async def test_many_first_calls_at_once_begin_one_line(rates, account):
    hour = timedelta(hours=1)
    turns = await asyncio.gather(*(rates.ask(account, hour, in_line=False) for _ in range(20)))
    assert sum(turn.may_call for turn in turns) == 1
    assert len({turn.comes_at for turn in turns}) == 20


async def test_an_account_whose_row_an_operator_deletes_begins_anew(database, rates, account):
    hour = timedelta(hours=1)
    await rates.ask(account, hour, in_line=False)
    async with database.statement() as connection:
        await connection.execute(
            text("DELETE FROM call_rates WHERE account = :account"), {"account": account}
        )
    assert (await rates.ask(account, hour, in_line=False)).may_call


async def test_what_need_not_last_is_said_of_its_own_statement_only(dsn, account):
    """A booking on the same connection waits for the disk."""
    one = Database(dsn, pool_size=1)
    try:
        await PostgresCallRates(one).ask(account, timedelta(hours=1), in_line=False)
        row = await one.fetch_one(
            Query("SELECT current_setting('synchronous_commit') AS waits"), {}
        )
    finally:
        await one.close()
    assert row is not None
    assert row["waits"] == "on"
