"""How long a caller waits for the answer to a send: `python -m benchmarks.sending`.

`send_outreach` answers once a worker has decided. One client sends to a saved campaign, one
request after the other and with many at once; the worker is a process of its own, and its
provider takes everything.
"""

import argparse
import asyncio
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import uvloop

from benchmarks.arguments import positive
from benchmarks.figures import quantile
from benchmarks.ledger import read_totals, wait_for_messages
from benchmarks.load import CHANNELS, CONTENT, make_campaign, make_profile
from benchmarks.machine import CpuUse, describe
from benchmarks.servers import throwaway_folder
from benchmarks.system import System, running_system
from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.contracts.money import to_micros
from madan_sara.contracts.outreach import OutreachState
from madan_sara.starter.orchestrator import OutreachOrchestrator

#: Sent before the clock runs: connections are open and statements prepared by then.
_WARM_UP: Final = 50


@dataclass(frozen=True)
class Size:
    """How much to measure."""

    outreaches: int = 600
    rounds: int = 3
    at_once: int = 32


@dataclass(frozen=True)
class _Round:
    """One round: how long each answer took, and what it all cost."""

    milliseconds: Sequence[float]
    seconds: float
    cpu: CpuUse


async def measure(size: Size) -> None:
    """Measure, then check that every outreach was sent once and paid for."""
    with throwaway_folder() as folder:
        print(f"Answers to send_outreach\n{describe(folder)}\n")
        async with running_system(folder, metered_client=True) as system:
            orchestrator = OutreachOrchestrator(system.client, system.database)
            campaign = make_campaign("Spring fair", sends_at_once=True)
            await orchestrator.save_campaign(campaign)
            await _send_all(orchestrator, campaign, "warm-up", _WARM_UP, size.at_once)
            seen: dict[int, list[_Round]] = defaultdict(list)
            sent = _WARM_UP
            for number in range(size.rounds):
                for at_once in (1, size.at_once) if number % 2 == 0 else (size.at_once, 1):
                    label, sent = f"{at_once}-{number}", sent + size.outreaches
                    one = await _measure_round(
                        system, campaign, label, size.outreaches, at_once, sent
                    )
                    seen[at_once].append(one)
            _report(seen)
            await _check(system, campaign, sent)


async def _measure_round(
    system: System,
    campaign: OutreachCampaign,
    label: str,
    outreaches: int,
    at_once: int,
    sent: int,
) -> _Round:
    """Send some, and wait until these are out: `sent` are, with those before."""
    orchestrator = OutreachOrchestrator(system.client, system.database)
    system.meter.lap()
    started = time.perf_counter()
    milliseconds = await _send_all(orchestrator, campaign, label, outreaches, at_once)
    seconds = time.perf_counter() - started
    await wait_for_messages(system.database, sent, OutreachState.SENT)
    return _Round(milliseconds, seconds, system.meter.lap())


async def _send_all(
    orchestrator: OutreachOrchestrator,
    campaign: OutreachCampaign,
    label: str,
    outreaches: int,
    at_once: int,
) -> list[float]:
    """Send so many, some at a time; the milliseconds until each answer."""
    milliseconds: list[float] = []
    waiting: Iterator[int] = iter(range(outreaches))

    async def send_some() -> None:
        for number in waiting:
            profile = make_profile(label, number)
            started = time.perf_counter()
            answer = await orchestrator.send_outreach(
                campaign.id, f"{label}-{number}", profile, CONTENT
            )
            milliseconds.append((time.perf_counter() - started) * 1000)
            assert answer["status"] == OutreachState.SCHEDULED, answer

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(send_some())
    return milliseconds


def _report(seen: dict[int, list[_Round]]) -> None:
    """Print a line for each number at once: medians over its rounds."""
    programs = list(seen[1][0].cpu.by_program)
    columns = ["p50 ms", "p99 ms", "a second", *(f"{name} ms" for name in programs), "together"]
    print(f"{'at once':<8}" + "".join(f"{column:>14}" for column in columns))
    for at_once, rounds in sorted(seen.items()):
        costs = [
            statistics.median(
                one.cpu.by_program[name] * 1000 / len(one.milliseconds) for one in rounds
            )
            for name in programs
        ]
        figures = [
            statistics.median(quantile(one.milliseconds, 0.5) for one in rounds),
            statistics.median(quantile(one.milliseconds, 0.99) for one in rounds),
            statistics.median(len(one.milliseconds) / one.seconds for one in rounds),
            *costs,
            sum(costs),
        ]
        print(f"{at_once:<8}" + "".join(f"{figure:14.1f}" for figure in figures))
    print("The columns after `a second` are CPU-milliseconds each, until it is sent.")


async def _check(system: System, campaign: OutreachCampaign, sent: int) -> None:
    totals = await read_totals(system.database)
    price = to_micros(campaign.resolved().settings.price_of(CHANNELS[0]))
    assert totals.stored == totals.sent == totals.accepted == sent, (totals, sent)
    assert totals.held_micros == 0, totals
    assert totals.spent_micros == sent * price, (totals, sent * price)
    print(f"\n{sent} outreaches sent once and paid for; every account balances.")


def main() -> None:
    """Measure as the command line says."""
    usual = Size()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sending")
    parser.add_argument("--outreaches", type=positive, default=usual.outreaches, help="per round")
    parser.add_argument("--rounds", type=positive, default=usual.rounds)
    parser.add_argument("--at-once", type=positive, default=usual.at_once)
    given = parser.parse_args()
    uvloop.run(measure(Size(given.outreaches, given.rounds, given.at_once)))


if __name__ == "__main__":
    main()
