"""Whole outreaches a second, against the engine's own pace: `python -m benchmarks.throughput`.

Lines on the same servers, one round of each after the other: the *engine floor* (the same
workflow with activities that do nothing), outreaches with a provider that accepts at once, the
same due two seconds after they start, and outreaches with the sandbox provider over HTTP. Where
DBOS is installed, there are two more: the same statements as steps of its workflows.
"""

import argparse
import os
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import uvloop
from temporalio.client import Client, GrpcCompression
from temporalio.contrib.pydantic import pydantic_data_converter

from benchmarks.accepting_sender import accepting_senders
from benchmarks.arguments import positive
from benchmarks.idle_components import Answers, build_idle_components
from benchmarks.ledger import read_totals
from benchmarks.load import CHANNELS, make_campaign, make_requests, save_campaigns
from benchmarks.machine import CpuMeter, describe
from benchmarks.outreach_rounds import Line, Round, Rounds
from benchmarks.profiling import profiled
from benchmarks.round_report import report_cpu, report_rates
from benchmarks.servers import (
    running_postgres,
    running_sandbox,
    running_temporal,
    throwaway_folder,
)
from benchmarks.temporal_line import TemporalLine
from benchmarks.timed_components import timed_components
from madan_sara.activities.dispatcher import MOST_IN_MOTION
from madan_sara.activities.router import ChannelRouter
from madan_sara.activities.stores import StoredRequest
from madan_sara.config.settings import WorkerSettings
from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.money import to_micros
from madan_sara.devstack.postgres import EmbeddedPostgres
from madan_sara.persistence.database import Database
from madan_sara.persistence.messages import NewMessage, PostgresMessageStore
from madan_sara.worker.components import Components, build_components
from madan_sara.worker.heap import freeze_heap
from madan_sara.worker.senders import build_senders

_WARM_UP: Final = 100
_PROFILED_ENTRIES: Final = 60

_FLOOR: Final = "engine floor"
_FULL: Final = "full"
_TIMER: Final = "full, timer"
_SANDBOX: Final = "full, HTTP"
_DBOS: Final = "DBOS"
_DBOS_TIMER: Final = "DBOS, timer"

#: From the start of an outreach with a timer to the moment it is due.
_DUE_AFTER: Final = timedelta(seconds=2)
#: More of them are open, as most are asleep: the machine, not the timer, sets their pace.
_TIMES_OPEN: Final = 5


@dataclass(frozen=True)
class Size:
    """How much to measure."""

    outreaches: int = 600
    rounds: int = 3
    #: As many as a campaign keeps in motion.
    open_at_once: int = MOST_IN_MOTION
    profile: bool = False


@dataclass(frozen=True)
class _Bench:
    """Everything that runs."""

    database: Database
    campaign: OutreachCampaign
    #: In the order of a round; the first two are compared.
    lines: Mapping[str, Line]
    rounds: Rounds


async def measure(size: Size) -> None:
    """Measure, then check that every outreach was sent and paid for."""
    with throwaway_folder() as folder:
        print(f"Whole outreaches\n{describe(folder)}\n")
        async with _running(folder, size) as bench:
            seen: dict[str, list[Round]] = defaultdict(list)
            for number in range(size.rounds):
                for name in _order(bench, number):
                    requests = _requests(bench, size, f"{name}-{number}")
                    seen[name].append(await bench.rounds.run(bench.lines[name], requests))
                    shape = await bench.lines[name].shape(requests[-1])
                    print(f"{name:<13} {shape}", flush=True)
            report_rates(seen, floor=_FLOOR, full=_FULL)
            report_cpu(seen, floor=_FLOOR, full=_FULL)
            carried = (size.outreaches + _WARM_UP) * size.rounds * (len(bench.lines) - 1)
            if size.profile:
                await _profile(bench, size)
                carried += size.outreaches + _WARM_UP
            await _check_totals(bench, carried)


def _order(bench: _Bench, number: int) -> list[str]:
    """The order is turned round each time, so that a machine that slows down favours none."""
    names = list(bench.lines)
    return names if number % 2 == 0 else names[::-1]


def _requests(bench: _Bench, size: Size, label: str) -> list[NewMessage]:
    name = label.replace(" ", "-").replace(",", "")
    return make_requests(bench.campaign, size.outreaches + _WARM_UP, label=name)


async def _profile(bench: _Bench, size: Size) -> None:
    """One more full round; looking on slows it, so its rate is not shown."""
    requests = _requests(bench, size, "profile")
    with profiled(_PROFILED_ENTRIES):
        await bench.rounds.run(bench.lines[_FULL], requests)


@asynccontextmanager
async def _running(folder: Path, size: Size) -> AsyncIterator[_Bench]:
    """Servers, connections and lines."""
    async with AsyncExitStack() as stack:
        postgres, dsn = await stack.enter_async_context(running_postgres(folder))
        temporal = await stack.enter_async_context(running_temporal(folder))
        sandbox_url = await stack.enter_async_context(running_sandbox(folder))
        database = Database(dsn)
        stack.push_async_callback(database.close)
        senders = build_senders(WorkerSettings.model_construct(sandbox_url=sandbox_url))
        for sender in senders.values():
            stack.push_async_callback(sender.close)
        client = await Client.connect(
            temporal.address,
            data_converter=pydantic_data_converter,
            grpc_compression=GrpcCompression.NONE,
        )
        meter = CpuMeter(
            {"worker": os.getpid(), "Temporal": temporal.pid, "PostgreSQL": postgres.pid}
        )
        campaign = make_campaign("Spring fair", sends_at_once=True)
        await save_campaigns(database, [campaign])
        freeze_heap()
        over_http = {**accepting_senders(), Channel.SMS: senders[Channel.SMS]}
        lines: list[Line] = [
            *_temporal_lines(client, database, campaign, size),
            TemporalLine(
                _SANDBOX,
                client,
                build_components(database, over_http),
                _storing(database),
                size.open_at_once,
            ),
            *await _dbos_lines(postgres, database, size),
        ]
        yield _Bench(
            database=database,
            campaign=campaign,
            lines={line.name: line for line in lines},
            rounds=Rounds(meter, warm_up=_WARM_UP),
        )


def _temporal_lines(
    client: Client, database: Database, campaign: OutreachCampaign, size: Size
) -> list[TemporalLine]:
    """The floor, and the lines with a provider that accepts at once."""
    full = build_components(database, accepting_senders())
    idle = build_idle_components(_answers(full, campaign))
    timed = timed_components(database, accepting_senders(), _due_later)
    at_once, store = size.open_at_once, _storing(database)

    async def store_nothing(_: NewMessage) -> None: ...

    return [
        TemporalLine(_FLOOR, client, idle, store_nothing, at_once),
        TemporalLine(_FULL, client, full, store, at_once),
        TemporalLine(_TIMER, client, timed, store, at_once * _TIMES_OPEN, timers=1),
    ]


def _storing(database: Database) -> Callable[[NewMessage], Awaitable[object]]:
    messages = PostgresMessageStore(database)
    return lambda request: messages.store(request, datetime.now(UTC))


def _due_later(_: StoredRequest, now: datetime) -> datetime:
    return now + _DUE_AFTER


async def _dbos_lines(postgres: EmbeddedPostgres, database: Database, size: Size) -> list[Line]:
    """The same steps as a DBOS workflow, at once and with a timer, where DBOS is installed."""
    if find_spec("dbos") is None:
        print("No DBOS here to compare with: `.venv/bin/uv pip install --group compare`.\n")
        return []
    from benchmarks.dbos_line import DbosLine, DbosSteps

    await postgres.create_database("dbos")
    dsn, senders, at_once = postgres.dsn("dbos"), accepting_senders(), size.open_at_once
    full = DbosSteps(database, build_components(database, senders), senders)
    timed = DbosSteps(database, timed_components(database, senders, _due_later), senders)
    more = at_once * _TIMES_OPEN
    return [
        DbosLine(_DBOS, full, system_dsn=dsn, open_at_once=at_once),
        DbosLine(_DBOS_TIMER, timed, system_dsn=dsn, open_at_once=more, timers=1),
    ]


def _answers(full: Components, campaign: OutreachCampaign) -> Answers:
    """The real components' decision for a recipient of this campaign."""
    (request,) = make_requests(campaign, 1, label="answers")
    router = ChannelRouter(dict.fromkeys(Channel), tenants=campaign.tenant_uuid)
    routing = router.route_with_fallback(campaign, request.profile, request.content)
    assert routing.channel is CHANNELS[0], routing
    plan = full.scheduler.get_optimal_send_time(campaign, request.profile, routing.channel)
    return Answers(routing=routing, plan=plan)


async def _check_totals(bench: _Bench, carried: int) -> None:
    totals = await read_totals(bench.database)
    price = to_micros(bench.campaign.resolved().settings.price_of(CHANNELS[0]))
    assert totals.stored == totals.sent == totals.accepted == carried, (totals, carried)
    assert totals.held_micros == 0, totals
    assert totals.spent_micros == carried * price, (totals, carried * price)
    print(f"\n{carried} outreaches stored, sent once and paid for; every account balances.")


def main() -> None:
    """Measure as the command line says."""
    usual = Size()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.throughput")
    parser.add_argument("--outreaches", type=positive, default=usual.outreaches, help="per round")
    parser.add_argument("--rounds", type=positive, default=usual.rounds)
    parser.add_argument("--open-at-once", type=positive, default=usual.open_at_once)
    parser.add_argument("--profile", action="store_true", help="sample one more full round")
    given = parser.parse_args()
    size = Size(given.outreaches, given.rounds, given.open_at_once, given.profile)
    uvloop.run(measure(size))


if __name__ == "__main__":
    main()
