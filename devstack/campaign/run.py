"""`devstack campaign`: one campaign to many people, run and checked to the message."""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Final

from rich.console import Console

from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.devstack.beside import beside
from madan_sara.devstack.campaign.audience import (
    Person,
    make_audience,
    suppress,
    write_file,
    written_to,
)
from madan_sara.devstack.campaign.campaigns import earlier_campaign, main_campaign
from madan_sara.devstack.campaign.figures import check_memory, figures
from madan_sara.devstack.campaign.outages import (
    Outages,
    Provider,
    check_no_tries_used_up,
    check_unmoved,
    lasts_at_least,
    slowly_enough,
)
from madan_sara.devstack.campaign.outcomes import (
    check_money_ran_out,
    check_scenarios,
    outcome_table,
)
from madan_sara.devstack.campaign.scenarios import REACHED, REACHED_WITH_A_SPARE, Earlier
from madan_sara.devstack.campaign.watch import Watch
from madan_sara.devstack.checks.counts import check_outcomes_counted
from madan_sara.devstack.checks.history import CampaignHistory, check_history, read_history
from madan_sara.devstack.checks.records import Records
from madan_sara.devstack.checks.results import CheckResult, show_results
from madan_sara.devstack.play import Play, playing
from madan_sara.devstack.receipt_relay import ReceiptRelay

#: A provider that does not answer is waited for this long; five times for one message.
_WORKER_SETTINGS: Final = {"MADAN_SARA_SANDBOX_TIMEOUT_SECONDS": "2"}

#: Recipients a second on two cores with nothing else to do, for the estimate.
_USUAL_RATE: Final = 20
#: To start, for the earlier campaigns, and for the last of those who never answer.
_SECONDS_BESIDES: Final = 45


async def run_campaign(
    state_dir: Path, size: int, seed: int, console: Console, *, outage_seconds: float = 0
) -> bool:
    """Start a stack of its own, run a campaign to a made-up audience, check the results.

    Args:
        state_dir: The folder of its stack; its contents are deleted.
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
    seconds = max(size / _USUAL_RATE, lasts_at_least(outage_seconds))
    minutes = (_SECONDS_BESIDES + seconds) / 60
    console.print(
        f"{size} recipients, seed {seed}: about {minutes:.0f} min on two cores with nothing else "
        "to do."
    )
    settings = dict(_WORKER_SETTINGS)
    if outage_seconds:
        settings["MADAN_SARA_RATE_LIMITS"] = json.dumps(slowly_enough(people, outage_seconds))
    async with playing(state_dir, settings, console) as play:
        return await _Run(play, people, outage_seconds).run()


class _Run:
    """The story, on a running stack."""

    def __init__(self, play: Play, people: Sequence[Person], outage_seconds: float) -> None:
        self._play = play
        self._stack = play.stack
        self._orchestrator = play.orchestrator
        self._console = play.console
        self._people = people
        providers: list[tuple[str, Provider]] = [
            ("the mail server", play.stack.mail_sink),
            ("the sandbox provider", play.stack.sandbox),
        ]
        self._outage_seconds = outage_seconds
        self._outages = Outages(providers, outage_seconds, play.console) if outage_seconds else None
        #: Every campaign that ran, and how many recipients it had.
        self._ran: list[tuple[OutreachCampaign, int]] = []

    async def run(self) -> bool:
        """Run the earlier campaigns, then the one, and check its outcomes."""
        await suppress(self._orchestrator, self._people)
        relay = ReceiptRelay(self._stack.sandbox.url, self._orchestrator)
        async with beside(relay.run()):
            for earlier in Earlier:
                await self._carry(earlier_campaign(earlier), written_to(self._people, earlier))
            campaign = main_campaign(self._people, longest_outage_seconds=self._outage_seconds)
            watch = await self._carry(campaign, self._people, self._outages)
        await relay.carry()
        records = await self._play.read_records()
        history = await read_history(
            await self._stack.temporal_client(), campaign.tenant_uuid, campaign.id
        )
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
        """Import people into a campaign, start it, and stay until each has an outcome."""
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
        happening = beside(outages.happen(watch)) if outages else nullcontext()
        async with watch.watching(campaign.name, campaign.id), happening:
            await control.result()
        return watch

    async def _check(
        self, records: Records, campaign: OutreachCampaign, watch: Watch, history: CampaignHistory
    ) -> list[CheckResult]:
        recipients = {ran.id: people for ran, people in self._ran}
        status = (await self._orchestrator.get_campaign(campaign.id)).status
        return [
            check_outcomes_counted(records, recipients),
            check_scenarios(records, campaign, self._people),
            check_money_ran_out(records, campaign, status),
            *self._play.check(records, [ran for ran, _ in self._ran]),
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
