"""`devstack demo`: every way an outreach can end, played through and checked."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from rich.console import Console
from rich.text import Text
from temporalio.client import WorkflowFailureError

from madan_sara.cli.campaign_views import campaign_view
from madan_sara.contracts.campaign import CampaignStatus
from madan_sara.devstack.checks.records import Records
from madan_sara.devstack.checks.results import CheckResult, show_results
from madan_sara.devstack.demo.checks import check_ends, check_outcomes
from madan_sara.devstack.demo.examples import Examples, SingleMessage, Then, load_examples
from madan_sara.devstack.demo.outcomes import Outcome, lost_answers, outcome_groups
from madan_sara.devstack.demo.progress import Progress
from madan_sara.devstack.play import Play, playing
from madan_sara.devstack.receipt_relay import ReceiptRelay

#: A provider that does not answer is waited for this long; five times for one message.
_WORKER_SETTINGS: Final = {"MADAN_SARA_SANDBOX_TIMEOUT_SECONDS": "1"}

_Sent = tuple[SingleMessage, UUID]


async def run_demo(state_dir: Path, folder: Path, console: Console) -> bool:
    """Start a stack of its own, run and send all, show and check the outcomes.

    Args:
        state_dir: The folder of its stack; its contents are deleted.
        folder: The files with its messages, recipients and expected outcomes.
        console: Where to show it.

    Returns:
        Whether every outcome and every check is as expected.

    Raises:
        DevstackError: Something stands in the way, or a file is wrong.
    """
    examples = load_examples(folder)
    async with playing(state_dir, _WORKER_SETTINGS, console) as play:
        return await _Demo(play, examples).run()


class _Demo:
    """The story, on a running stack."""

    def __init__(self, play: Play, examples: Examples) -> None:
        self._play = play
        self._stack = play.stack
        self._orchestrator = play.orchestrator
        self._console = play.console
        self._examples = examples
        self._progress = Progress(play.database, play.console)

    async def run(self) -> bool:
        """Run the campaigns, send the single messages, and check the outcomes."""
        async with self._progress.shown():
            await self._prepare()
            await self._start_campaigns()
            sent = await self._send_singles()
            self._progress.begin("Rescheduling, cancelling and redirecting what is asleep ...")
            await self._steer(sent)
            self._progress.begin("Waiting for the providers that fail and time out ...")
            await self._progress.rest()
            self._progress.begin("Taking in the providers' receipts; carrying on what bounced ...")
            await self._receive(sent)
            await self._progress.rest()
            ends = await self._await_campaigns()
        records = await self._play.read_records()
        outcomes = await self._outcomes(sent, records)
        for group in outcome_groups(outcomes):
            self._console.print(group)
        await self._show_first_campaign()
        return show_results(self._console, self._check(outcomes, ends, records))

    async def _prepare(self) -> None:
        for campaign in self._examples.campaigns.values():
            await self._orchestrator.save_campaign(campaign)
        for suppression in self._examples.suppressions:
            await self._orchestrator.suppress(**dict(suppression))

    async def _start_campaigns(self) -> None:
        """Import and start them; return when all of their recipients are decided on."""
        people, campaigns = len(self._examples.imported), len(self._examples.files)
        self._progress.begin(f"Running {campaigns} campaigns, {people} imported recipients ...")
        for name, file in self._examples.files.items():
            campaign_id = self._examples.campaigns[name].id
            rejects = self._stack.state_dir / f"{name}.rejected.csv"
            await self._orchestrator.import_recipients(campaign_id, file, rejects=rejects)
            await self._orchestrator.campaign(campaign_id).start()
        await self._progress.decided()

    async def _send_singles(self) -> list[_Sent]:
        """One after the other: the first may block the second."""
        messages = self._examples.messages
        self._progress.begin(f"Sending {len(messages)} messages one by one ...")
        sent = []
        for message in messages:
            campaign = self._examples.campaigns[message.campaign]
            answer = await self._orchestrator.send_outreach(
                campaign,
                message.id,
                message.profile(),
                campaign.templates or {},
                force_send=message.force_send,
            )
            sent.append((message, UUID(answer["message_id"])))
        return sent

    async def _steer(self, sent: Sequence[_Sent]) -> None:
        for message, message_id in sent:
            match message.then:
                case Then.RESCHEDULE:
                    planned = (await self._orchestrator.get_status(message_id)).next_wake_at
                    if planned is not None:
                        later = planned + timedelta(hours=2)
                        await self._orchestrator.reschedule(message_id, later)
                case Then.CANCEL:
                    await self._orchestrator.cancel(message_id)
                    with suppress(WorkflowFailureError):  # How a cancelled workflow ends.
                        await self._orchestrator.handle(message_id).result()
                case Then.FALL_BACK:
                    await self._orchestrator.process_fallback(message_id)

    async def _receive(self, sent: Sequence[_Sent]) -> None:
        """Receipts that come after their outreaches have ended."""
        await ReceiptRelay(self._stack.sandbox.url, self._orchestrator).carry()
        for message, message_id in sent:
            if message.then is Then.FALL_BACK_AFTER_BOUNCE:
                await self._orchestrator.process_fallback(message_id)

    async def _await_campaigns(self) -> dict[str, CampaignStatus]:
        """How each campaign that ran has ended."""
        ids = [self._examples.campaigns[name].id for name in self._examples.files]
        results = await asyncio.gather(
            *(self._orchestrator.campaign(campaign_id).result() for campaign_id in ids)
        )
        return {
            name: result.status for name, result in zip(self._examples.files, results, strict=True)
        }

    async def _outcomes(self, sent: Sequence[_Sent], records: Records) -> list[Outcome]:
        """The outcomes: of the imported recipients, then of the single messages."""
        ids = {(m.campaign_id, m.recipient_id): m.message_id for m in records.messages.values()}
        expected = [
            (example, ids[self._examples.campaigns[example.campaign].id, example.id])
            for example in self._examples.imported
        ]
        expected += [(message.example(), message_id) for message, message_id in sent]
        lost = lost_answers(self._stack.sandbox.log)
        return [
            Outcome(
                example=example,
                record=await self._orchestrator.get_message(message_id),
                answer_lost=str(message_id) in lost,
            )
            for example, message_id in expected
        ]

    async def _show_first_campaign(self) -> None:
        """The same figures that `madan-sara campaign status` shows."""
        first = self._examples.campaigns[next(iter(self._examples.files))]
        status = await self._orchestrator.get_orchestration_status(first.id)
        self._console.print(Text(f"\nHow {first.name} stands", style="bold"))
        self._console.print(campaign_view(status))

    def _check(
        self, outcomes: Sequence[Outcome], ends: Mapping[str, CampaignStatus], records: Records
    ) -> list[CheckResult]:
        """Compare with the expectations, the messages that arrived, and the records."""
        return [
            check_outcomes(outcomes),
            check_ends(ends, self._examples.ends),
            *self._play.check(records, self._examples.campaigns.values()),
        ]
