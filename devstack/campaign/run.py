"""`devstack campaign`: one campaign to many people, run and checked to the message."""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Final

from rich.console import Console

from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.devstack.campaign.audience import (
    Person,
    make_audience,
    suppress,
    write_file,
    written_to,
)
from madan_sara.devstack.campaign.campaigns import earlier_campaign, main_campaign
from madan_sara.devstack.campaign.fates import REACHED, REACHED_WITH_A_SPARE, Earlier
from madan_sara.devstack.campaign.figures import check_memory, figures
from madan_sara.devstack.campaign.outages import (
    Outages,
    Provider,
    check_no_tries_used_up,
    check_unmoved,
    lasts_at_least,
    slowly_enough,
)
from madan_sara.devstack.campaign.outcomes import check_fates, check_money_ran_out, outcome_table
from madan_sara.devstack.campaign.watch import Watch
from madan_sara.devstack.checks.counts import check_outcomes_counted
from madan_sara.devstack.checks.everything import check_everything
from madan_sara.devstack.checks.history import CampaignHistory, check_history, read_history
from madan_sara.devstack.checks.records import Records, read_records
from madan_sara.devstack.checks.results import CheckResult, show_results
from madan_sara.devstack.farewell import say_what_next
from madan_sara.devstack.receipt_relay import ReceiptRelay, relaying
from madan_sara.devstack.stack import Stack, begin_play
from madan_sara.persistence.database import Database
from madan_sara.starter.orchestrator import OutreachOrchestrator

#: A provider that does not answer is waited for this long; five times for one message.
_WORKER_SETTINGS: Final = {"MADAN_SARA_SANDBOX_TIMEOUT_SECONDS": "2"}

#: Recipients a second on two cores with nothing else to do, for the estimate.
_USUAL_RATE: Final = 20
#: To start, for the earlier campaigns, and for the last of those who never answer.
_SECONDS_BESIDES: Final = 45


async def run_campaign(
    state_dir: Path, size: int, seed: int, console: Console, *, outage_seconds: float = 0
) -> bool:
    """Start a stack of its own, run a campaign to an audience made up for it, check everything.

    Args:
        state_dir: Where its stack keeps everything; what is there is deleted.
        size: How many recipients.
        seed: The same seed makes the same audience.
        console: Where to show it.
        outage_seconds: For how long each provider is away in the middle of it, one after the
            other; 0: none is.

    Returns:
        Whether every check holds.

    Raises:
        DevstackError: Something stands in the way, or the size is out of bounds.
    """
    people = make_audience(size, seed, REACHED_WITH_A_SPARE if outage_seconds else REACHED)
    begin_play(state_dir)
    seconds = max(size / _USUAL_RATE, lasts_at_least(outage_seconds))
    minutes = (_SECONDS_BESIDES + seconds) / 60
    console.print(
        f"{size} recipients, seed {seed}: about {minutes:.0f} min on two cores with nothing else "
        "to do.\n"
        "Starting PostgreSQL, Temporal, mail sink, sandbox and worker ..."
    )
    settings = dict(_WORKER_SETTINGS)
    if outage_seconds:
        settings["MADAN_SARA_RATE_LIMITS"] = json.dumps(slowly_enough(people, outage_seconds))
    async with Stack(state_dir, worker_settings=settings) as stack:
        console.print(f"Temporal Web UI: {stack.temporal.ui_url}")
        async with stack.kept_up(console.print), await stack.connect() as orchestrator:
            run = _Run(stack, orchestrator, people, console, outage_seconds)
            all_is_well = await run.play()
    say_what_next(console, state_dir)
    return all_is_well


class _Run:
    """The story, on a running stack."""

    def __init__(
        self,
        stack: Stack,
        orchestrator: OutreachOrchestrator,
        people: Sequence[Person],
        console: Console,
        outage_seconds: float,
    ) -> None:
        self._stack = stack
        self._orchestrator = orchestrator
        self._people = people
        self._console = console
        providers: list[tuple[str, Provider]] = [
            ("the mail server", stack.mail_sink),
            ("the sandbox provider", stack.sandbox),
        ]
        self._outage_seconds = outage_seconds
        self._outages = Outages(providers, outage_seconds, console) if outage_seconds else None
        #: Every campaign that ran, and how many recipients it had.
        self._ran: list[tuple[OutreachCampaign, int]] = []

    async def play(self) -> bool:
        """Run the earlier campaigns, then the one, and look at what came of it."""
        await suppress(self._orchestrator, self._people)
        relay = ReceiptRelay(self._stack.sandbox.url, self._orchestrator)
        async with relaying(relay):
            for earlier in Earlier:
                await self._carry(earlier_campaign(earlier), written_to(self._people, earlier))
            campaign = main_campaign(self._people, longest_outage_seconds=self._outage_seconds)
            watch = await self._carry(campaign, self._people, self._outages)
        await relay.carry()
        records = await self._read_records()
        history = await read_history(await self._stack.temporal_client(), campaign.id)
        self._console.print(outcome_table(records, campaign))
        self._console.print(figures(watch, history))
        results = await self._check(records, campaign, watch, history)
        return show_results(self._console, results)

    async def _carry(
        self,
        campaign: OutreachCampaign,
        people: Sequence[Person],
        outages: Outages | None = None,
    ) -> Watch:
        """Import people into a campaign, start it, and stay until everybody has an outcome."""
        file = self._stack.state_dir / f"{campaign.name.lower().replace(' ', '-')}.csv"
        write_file(file, people)
        await self._orchestrator.save_campaign(campaign)
        imported = await self._orchestrator.import_recipients(campaign.id, file)
        self._console.print(
            f"{campaign.name}: {imported['added']} recipients imported in "
            f"{imported['seconds']:.1f} s, {imported['rejected']} rejected"
        )
        self._ran.append((campaign, len(people)))
        control = self._orchestrator.campaign(campaign.id)
        await control.start()
        watch = Watch(self._orchestrator, lambda: self._stack.worker.pid, self._console)
        happening = outages.beside(watch) if outages else nullcontext()
        async with watch.watching(campaign.name, campaign.id), happening:
            await control.result()
        return watch

    async def _read_records(self) -> Records:
        database = Database(self._stack.database_url)
        try:
            return await read_records(database)
        finally:
            await database.close()

    async def _check(
        self, records: Records, campaign: OutreachCampaign, watch: Watch, history: CampaignHistory
    ) -> list[CheckResult]:
        recipients = {ran.id: people for ran, people in self._ran}
        status = (await self._orchestrator.get_campaign(campaign.id)).status
        mails, sandbox = self._stack.mail_sink.messages, self._stack.sandbox
        return [
            check_outcomes_counted(records, recipients),
            check_fates(records, campaign, self._people),
            check_money_ran_out(records, campaign, status),
            *check_everything(
                records,
                [ran for ran, _ in self._ran],
                sandbox.log,
                sandbox.receipts,
                mails,
            ),
            check_history(history),
            *check_memory(watch),
            *self._check_outages(records, campaign),
        ]

    def _check_outages(self, records: Records, campaign: OutreachCampaign) -> list[CheckResult]:
        if self._outages is None:
            return []
        return [
            self._outages.check_happened(),
            check_unmoved(records, campaign, self._people),
            check_no_tries_used_up(records, campaign, self._people),
        ]
