"""How long one decision takes: `python -m benchmarks.decision`.

A decision is what stands between a stored request and the answer to its caller: the
claim on the person, the channel, the send time and the hold on the money. The activity
is called directly, on a PostgreSQL of the benchmark's own; Temporal takes no part.
"""

import argparse
import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import uvloop

from benchmarks.accepting_sender import accepting_senders
from benchmarks.arguments import positive
from benchmarks.figures import quantile, spread_table
from benchmarks.ledger import read_totals
from benchmarks.load import make_campaign, make_requests, save_campaigns
from benchmarks.machine import CpuMeter, CpuUse, describe
from benchmarks.servers import running_postgres, throwaway_folder
from madan_sara.contracts.outreach import DecideInput, MessageRef
from madan_sara.persistence.database import Database
from madan_sara.persistence.messages import NewMessage, PostgresMessageStore
from madan_sara.worker.components import Components, build_components
from madan_sara.worker.heap import freeze_heap

#: What p99 should stay below, with as many decisions at once as by default.
_TARGET_MILLISECONDS: Final = 50
#: Decided before the clock runs: connections are open and statements prepared by then.
_WARM_UP: Final = 200
_STORED_AT_ONCE: Final = 16
_CAMPAIGNS: Final = 20


@dataclass(frozen=True)
class Size:
    """How much to measure."""

    outreaches: int = 2000
    at_once: int = 32


@dataclass(frozen=True)
class _Shape:
    """How the outreaches of one measurement lie to each other."""

    name: str
    campaigns: int
    outreaches: int
    at_once: int


async def measure(size: Size) -> None:
    """Measure every shape on one server, and check that every decision was a yes."""
    with throwaway_folder() as folder:
        print(f"Decisions\n{describe(folder)}\n")
        async with running_postgres(folder) as (server, dsn):
            database = Database(dsn)
            meter = CpuMeter({"worker": os.getpid(), "PostgreSQL": server.pid})
            try:
                for shape in _shapes(size):
                    await _measure_shape(database, meter, shape)
            finally:
                await database.close()
    print(f"Target: p99 of a decision below {_TARGET_MILLISECONDS} ms, {Size().at_once} at once.")
    print(
        "With many at once, one event loop serves them all: each time includes waiting for "
        "the others\n(a round of the loop, a connection, the campaign's account), which is "
        "what a busy worker sees."
    )


def _shapes(size: Size) -> list[_Shape]:
    some = max(size.outreaches // 10, 1)
    return [
        _Shape("one campaign", 1, size.outreaches, size.at_once),
        _Shape(f"{_CAMPAIGNS} campaigns", _CAMPAIGNS, size.outreaches, size.at_once),
        _Shape("one campaign, one after the other", 1, some, 1),
    ]


async def _measure_shape(database: Database, meter: CpuMeter, shape: _Shape) -> None:
    names = [f"{shape.name} {number}" for number in range(shape.campaigns)]
    campaigns = [make_campaign(name, sends_at_once=False) for name in names]
    await save_campaigns(database, campaigns)
    each = -(-(shape.outreaches + _WARM_UP) // shape.campaigns)
    by_campaign = [make_requests(c, each, label=f"{c.id}") for c in campaigns]
    # One of each campaign after the other, so that neighbours in time belong to different ones.
    requests = [request for neighbours in zip(*by_campaign, strict=True) for request in neighbours]
    refs = await _store(database, requests)
    components = build_components(database, accepting_senders())
    held_before = (await read_totals(database)).scheduled
    # As a worker does when it is ready; the requests made here are no worker's either.
    freeze_heap()

    await _decide_all(components, refs[:_WARM_UP], shape.at_once)
    timed = refs[_WARM_UP : _WARM_UP + shape.outreaches]
    meter.lap()
    started = time.perf_counter()
    milliseconds = await _decide_all(components, timed, shape.at_once)
    seconds = time.perf_counter() - started
    cpu = meter.lap()

    held = (await read_totals(database)).scheduled - held_before
    assert held == _WARM_UP + shape.outreaches, f"only {held} messages are scheduled"
    _report(shape, milliseconds, seconds, cpu)


def _report(shape: _Shape, milliseconds: Sequence[float], seconds: float, cpu: CpuUse) -> None:
    rate = f"{shape.outreaches / seconds:.0f} a second"
    print(f"{shape.name}: {shape.outreaches} decisions, {shape.at_once} at once, {rate}")
    print(spread_table({"decision": milliseconds}))
    costs = [f"{name} {s * 1000 / shape.outreaches:.1f}" for name, s in cpu.by_program.items()]
    others = cpu.elsewhere / seconds
    print(f"CPU-milliseconds each: {', '.join(costs)}; cores used by others: {others:.2f}")
    p99 = quantile(milliseconds, 0.99)
    result = "met" if p99 < _TARGET_MILLISECONDS else "missed"
    print(f"p99 {p99:.1f} ms; target of {_TARGET_MILLISECONDS} ms {result}\n")


async def _store(database: Database, requests: Sequence[NewMessage]) -> list[MessageRef]:
    store = PostgresMessageStore(database)
    waiting = iter(requests)

    async def store_some() -> None:
        for request in waiting:
            await store.store(request, datetime.now(UTC))

    await asyncio.gather(*(store_some() for _ in range(_STORED_AT_ONCE)))
    return [
        MessageRef(tenant_id=request.campaign.tenant_uuid, message_id=request.message_id)
        for request in requests
    ]


async def _decide_all(
    components: Components, refs: Sequence[MessageRef], at_once: int
) -> list[float]:
    """Decide every message, so many at a time; the milliseconds each took.

    A task that is done takes the next message.
    """
    milliseconds: list[float] = []
    waiting: Iterator[MessageRef] = iter(refs)

    async def decide_some() -> None:
        for ref in waiting:
            started = time.perf_counter()
            request = DecideInput(ref=ref, now=datetime.now(UTC))
            decision = await components.decider.decide_outreach(request)
            milliseconds.append((time.perf_counter() - started) * 1000)
            assert decision.held is not None, decision

    await asyncio.gather(*(decide_some() for _ in range(at_once)))
    return milliseconds


def main() -> None:
    """Measure as the command line says."""
    usual = Size()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.decision")
    parser.add_argument("--outreaches", type=positive, default=usual.outreaches)
    parser.add_argument("--at-once", type=positive, default=usual.at_once)
    given = parser.parse_args()
    uvloop.run(measure(Size(outreaches=given.outreaches, at_once=given.at_once)))


if __name__ == "__main__":
    main()
