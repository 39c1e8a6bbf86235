"""A whole campaign at size: `python -m benchmarks.campaign --recipients 100000`.

All recipients are imported from a file and sent one message by a provider that takes everything
at once. The question is what changes as the campaign goes on: its pace, the worker's memory,
the price of asking for its status; and how long its workflow's history becomes.
"""

import argparse
import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import uvloop
from rich.console import Console

from benchmarks.arguments import positive
from benchmarks.campaign_report import Tenth, report_header, report_tenth
from benchmarks.importing import write_recipients
from benchmarks.ledger import read_totals
from benchmarks.load import make_campaign
from benchmarks.machine import CpuMeter, describe
from benchmarks.servers import throwaway_folder
from benchmarks.system import System, running_system
from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.contracts.content import MessageContent
from madan_sara.devstack.campaign.watch import Watch
from madan_sara.devstack.checks.history import read_history
from madan_sara.persistence.database import Database
from madan_sara.starter.orchestrator import OutreachOrchestrator

_TENTHS: Final = 10
#: Whether one more tenth is done.
_LOOK_SECONDS: Final = 0.5
_TEXT: Final = "{{ name }}, {{ favourite_bread }} in {{ town }}, Saturday at six!"


@dataclass(frozen=True)
class Size:
    """How much to measure."""

    recipients: int = 20_000


async def measure(size: Size) -> None:
    """Run one campaign, then check that each recipient was sent to once and paid for."""
    with throwaway_folder() as folder:
        print(f"A campaign at size\n{describe(folder)}\n")
        file = folder / "recipients.csv"
        write_recipients(file, size.recipients)
        async with running_system(folder) as system:
            orchestrator = OutreachOrchestrator(system.client, system.database)
            await _measure(orchestrator, system, file, size)
            await _check(system.database, size)


async def _measure(
    orchestrator: OutreachOrchestrator, system: System, file: Path, size: Size
) -> None:
    campaign = _campaign()
    await orchestrator.save_campaign(campaign)
    imported = await orchestrator.import_recipients(campaign.id, file)
    print(f"{imported['added']} recipients imported in {imported['seconds']:.1f} s\n")
    report_header(list(system.meter.lap().by_program))
    watch = Watch(orchestrator, lambda: system.worker_pid, Console(quiet=True))
    await orchestrator.campaign(campaign.id).start()
    reporting = asyncio.create_task(_report_tenths(watch, system.meter))
    async with watch.watching(campaign.name, campaign.id):
        await orchestrator.campaign(campaign.id).result()
    await reporting
    seconds, rate = watch.samples[-1].seconds, watch.rate()
    history = await read_history(system.client, campaign.tenant_uuid, campaign.id)
    print(f"\n{size.recipients} recipients in {seconds:.0f} s, {rate:.1f} a second")
    print(f"campaign workflow: {history.events} events in {history.runs} run(s)")


async def _report_tenths(watch: Watch, meter: CpuMeter) -> None:
    """Print a line as soon as one more tenth of the recipients is done, or several are."""
    done = begin = 0
    while done < _TENTHS:
        await asyncio.sleep(_LOOK_SECONDS)
        seen = watch.samples[-1:]
        if seen and seen[0].done * _TENTHS >= seen[0].total * (done + 1):
            report_tenth(Tenth(watch.samples[begin:], meter.lap()))
            begin = len(watch.samples) - 1
            done = seen[0].done * _TENTHS // seen[0].total


def _campaign() -> OutreachCampaign:
    """A campaign with every kind of limit, none of which is ever reached."""
    templates = MessageContent.model_validate({"default": _TEXT})
    changes = {"templates": templates, "recipient_fields": ["town", "favourite_bread"]}
    return make_campaign("Spring fair", sends_at_once=True).model_copy(update=changes)


async def _check(database: Database, size: Size) -> None:
    totals = await read_totals(database)
    assert totals.stored == totals.sent == totals.accepted == size.recipients, totals
    assert totals.held_micros == 0, totals
    print(f"\n{totals.sent} recipients sent to once and paid for; every account balances.")


def main() -> None:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.campaign")
    parser.add_argument("--recipients", type=positive, default=Size().recipients)
    uvloop.run(measure(Size(parser.parse_args().recipients)))


if __name__ == "__main__":
    main()
