"""How long a look at a campaign takes: `python -m benchmarks.status`.

A large campaign and a small one are looked at alternately while a writer changes the states of
their messages, on a PostgreSQL of the benchmark's own. What is timed is all that
`get_orchestration_status` does; Temporal takes no part in it. Then the states of many
messages are changed with and without the triggers that keep the counts, to see what those cost.
"""

import argparse
import asyncio
import copy
import os
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle
from typing import Final
from uuid import UUID

import uvloop

from benchmarks.arguments import positive
from benchmarks.ended_campaign import assert_counts_are_exact, message_ids, store_ended
from benchmarks.figures import quantile, spread_table
from benchmarks.machine import CpuMeter, describe
from benchmarks.servers import running_postgres, throwaway_folder
from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.persistence.campaign_status import SNAPSHOT
from madan_sara.persistence.database import Database, Query
from madan_sara.policy.forecast import RATE_WINDOW
from madan_sara.starter.campaigns import Campaigns

#: The aim for p99, with any audience.
_TARGET_MILLISECONDS: Final = 20
_SMALL: Final = 1_000
#: Looks before the clock runs: connections are open and statements prepared by then.
_WARM_UP: Final = 20
_CHANGES_A_ROUND: Final = 5_000
_ROUNDS: Final = 5

_STATES: Final = ("deciding", "scheduled", "sending", "sent")

_CHANGE: Final = Query("UPDATE messages SET state = :state WHERE message_id = :message_id")

# In the server, each change a transaction as in a worker, but without waiting for the disk:
# what is left is the work itself.
_CHANGES: Final = """
DO $$
DECLARE id uuid;
BEGIN
    SET synchronous_commit = off;
    FOR id IN SELECT message_id FROM messages WHERE campaign_id = '{campaign_id}' LOOP
        UPDATE messages SET state = '{state}' WHERE message_id = id;
        COMMIT;
    END LOOP;
END $$
"""


@dataclass(frozen=True)
class Size:
    """How much to measure."""

    messages: int = 100_000
    looks: int = 1_000
    changes_a_second: int = 200


async def measure(size: Size) -> None:
    """Measure on one server, and check that every count came out exact."""
    with throwaway_folder() as folder:
        print(f"Campaign status\n{describe(folder)}\n")
        async with running_postgres(folder) as (server, dsn):
            database = Database(dsn)
            try:
                small = await store_ended(database, _SMALL)
                large = await store_ended(database, size.messages)
                meter = CpuMeter({"benchmark": os.getpid(), "PostgreSQL": server.pid})
                await _measure_looks(database, meter, small, large, size)
                await _measure_triggers(database, meter)
                for campaign in (small, large):
                    await assert_counts_are_exact(database, campaign)
            finally:
                await database.close()
    print("Every count came out as counting would have it.")


async def _measure_looks(
    database: Database,
    meter: CpuMeter,
    small: OutreachCampaign,
    large: OutreachCampaign,
    size: Size,
) -> None:
    campaigns = Campaigns(database, small.tenant_uuid, OrchestratorSettings())
    names = {f"{_SMALL:,}": small, f"{size.messages:,}": large}
    written = await asyncio.gather(*(message_ids(database, c) for c in names.values()))
    writer = asyncio.create_task(_change(database, written, size.changes_a_second))
    milliseconds: dict[str, list[float]] = {name: [] for name in names}
    meter.lap()
    started = time.perf_counter()
    for look in range(_WARM_UP + size.looks):
        # Alternately, so that other work of the machine falls on both alike.
        for name, campaign in names.items():
            asked = time.perf_counter()
            await campaigns.status(campaign.id)
            if look >= _WARM_UP:
                milliseconds[name].append((time.perf_counter() - asked) * 1000)
    seconds = time.perf_counter() - started
    writer.cancel()
    (changes,) = await asyncio.gather(writer)
    others = meter.lap().elsewhere / seconds
    print(
        f"{size.looks} looks at each, {changes / seconds:.0f} changes of state a second "
        f"meanwhile; cores used by others: {others:.2f}"
    )
    _report(milliseconds)
    blocks = [f"{name}: {await _blocks_read(database, c)}" for name, c in names.items()]
    print(f"Blocks PostgreSQL touches for one look: {', '.join(blocks)}\n")


async def _blocks_read(database: Database, campaign: OutreachCampaign) -> int:
    """The cost of a look without other work of the machine."""
    explain, now = copy.copy(SNAPSHOT), datetime.now(UTC)
    explain.sql = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {SNAPSHOT.sql}"
    parameters = {
        "tenant_id": campaign.tenant_uuid,
        "campaign_id": campaign.id,
        "since": now - RATE_WINDOW,
        "first_day": now.date().isoformat(),
    }
    row = await database.fetch_one(explain, parameters)
    assert row is not None
    plan = row["QUERY PLAN"][0]["Plan"]
    return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def _report(milliseconds: dict[str, list[float]]) -> None:
    print(spread_table(milliseconds))
    small, large = milliseconds.values()
    ratios = [quantile(large, share) / quantile(small, share) for share in (0.5, 0.99)]
    print(f"large / small: median {ratios[0]:.2f}, p99 {ratios[1]:.2f}")
    p99 = quantile(large, 0.99)
    result = "met" if p99 < _TARGET_MILLISECONDS else "missed"
    print(f"p99 {p99:.1f} ms; target of {_TARGET_MILLISECONDS} ms {result}")


async def _change(
    database: Database, written: Sequence[Sequence[UUID]], changes_a_second: int
) -> int:
    """Change states until cancelled, in one campaign after the other; how many were changed."""
    choose, changes = random.Random(1), 0
    begun = time.perf_counter()
    try:
        for ids in cycle(written):
            state, message_id = choose.choice(_STATES), choose.choice(ids)
            await database.fetch(_CHANGE, {"state": state, "message_id": message_id})
            changes += 1
            ahead = changes / changes_a_second - (time.perf_counter() - begun)
            await asyncio.sleep(max(ahead, 0))
    except asyncio.CancelledError:
        pass
    return changes


async def _measure_triggers(database: Database, meter: CpuMeter) -> None:
    """CPU time of PostgreSQL for one change of state, with and without the counts.

    On a campaign of its own, whose counts are wrong afterwards.
    """
    campaign = await store_ended(database, _CHANGES_A_ROUND)
    costs: dict[str, list[float]] = {"DISABLE": [], "ENABLE": []}
    states = cycle(_STATES)
    for _ in range(_ROUNDS):
        for switch, seen in costs.items():
            await _run(database, f"ALTER TABLE messages {switch} TRIGGER USER")
            # The first time over, pages split and statements are prepared.
            for is_timed in (False, True):
                meter.lap()
                changes = _CHANGES.format(campaign_id=campaign.id, state=next(states))
                await _run(database, changes)
                if is_timed:
                    spent = meter.lap().by_program["PostgreSQL"]
                    seen.append(spent / _CHANGES_A_ROUND * 1e6)
    without, counted = (statistics.median(seen) for seen in costs.values())
    rounds = "; ".join(
        f"{name} {', '.join(f'{cost:.0f}' for cost in seen)}"
        for name, seen in zip(("without", "with"), costs.values(), strict=True)
    )
    print(f"CPU-microseconds of PostgreSQL a change of state, by round: {rounds}")
    print(f"Keeping the counts: {counted - without:.0f} on top of {without:.0f}\n")


async def _run(database: Database, statement: str) -> None:
    async with database.statement() as connection:
        await connection.exec_driver_sql(statement)


def main() -> None:
    """Measure as the command line says."""
    usual = Size()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.status")
    parser.add_argument("--messages", type=positive, default=usual.messages)
    parser.add_argument("--looks", type=positive, default=usual.looks)
    parser.add_argument("--changes-a-second", type=positive, default=usual.changes_a_second)
    given = parser.parse_args()
    uvloop.run(
        measure(
            Size(
                messages=given.messages, looks=given.looks, changes_a_second=given.changes_a_second
            )
        )
    )


if __name__ == "__main__":
    main()
