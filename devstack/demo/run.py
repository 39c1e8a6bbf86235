"""`python -m devstack demo`: every way an outreach can end, played through and checked."""

import shlex
import shutil
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from rich.console import Console
from rich.text import Text
from temporalio.client import WorkflowFailureError

from devstack.demo.checks import check_mails, check_outcomes, check_sandbox
from devstack.demo.examples import ExampleMessage, Examples, Then, load_examples
from devstack.demo.ledger import Verdict, check_ledger, check_nothing_left
from devstack.demo.outcomes import Outcome, lost_answers, outcome_groups
from devstack.demo.progress import Progress
from devstack.receipt_relay import ReceiptRelay
from devstack.stack import Stack, sole_owner
from persistence.database import Database
from starter.orchestrator import OutreachOrchestrator

#: A provider that does not answer is waited for this long; five times for one message.
_WORKER_SETTINGS: Final = {"MADAN_SARA_SANDBOX_TIMEOUT_SECONDS": "1"}

_Sent = tuple[ExampleMessage, UUID]


async def run_demo(state_dir: Path, recipients: Path, console: Console) -> bool:
    """Start a stack of its own, send to everybody, show and check what came of it.

    Args:
        state_dir: Where its stack keeps everything; what is there is deleted.
        recipients: The file with the messages to send.
        console: Where to show it.

    Returns:
        Whether every outcome and every check is as expected.

    Raises:
        DevstackError: Something stands in the way, or a file is wrong.
    """
    examples = load_examples(recipients)
    _wipe(state_dir)
    console.print("Starting PostgreSQL, Temporal, mail sink, sandbox and worker ...")
    async with Stack(state_dir, worker_settings=_WORKER_SETTINGS) as stack:
        console.print(f"Temporal Web UI: {stack.temporal.ui_url}")
        database = Database(stack.database_url)
        try:
            async with await stack.connect() as orchestrator:
                demo = _Demo(stack, orchestrator, database, examples, console)
                outcomes = await demo.play()
                verdicts = await demo.check(outcomes)
        finally:
            await database.close()
        _report(console, outcomes, verdicts)
    _say_what_next(console, state_dir)
    return not any(verdict.faults for verdict in verdicts)


class _Demo:
    """The story, on a running stack."""

    def __init__(
        self,
        stack: Stack,
        orchestrator: OutreachOrchestrator,
        database: Database,
        examples: Examples,
        console: Console,
    ) -> None:
        self._stack = stack
        self._orchestrator = orchestrator
        self._database = database
        self._examples = examples
        self._progress = Progress(database, console)

    async def play(self) -> list[Outcome]:
        """Send everything, steer some of it, wait until nothing moves any more."""
        async with self._progress.shown():
            await self._prepare()
            sent = await self._send_all()
            self._progress.begin("Rescheduling, cancelling and redirecting what is asleep ...")
            await self._steer(sent)
            self._progress.begin("Waiting for the providers that fail and time out ...")
            await self._progress.rest()
            self._progress.begin("Taking in the providers' receipts; carrying on what bounced ...")
            await self._receive(sent)
            await self._progress.rest()
        lost = lost_answers(self._stack.sandbox.log)
        return [
            Outcome(
                example=example,
                record=await self._orchestrator.get_message(message_id),
                answer_lost=str(message_id) in lost,
            )
            for example, message_id in sent
        ]

    async def check(self, outcomes: Sequence[Outcome]) -> list[Verdict]:
        """Compare with what was expected, what arrived and what is on the books."""
        return [
            check_outcomes(outcomes),
            check_mails(outcomes, self._stack.mail_sink.messages),
            check_sandbox(outcomes, self._stack.sandbox.log),
            await check_ledger(self._database, self._examples.campaigns.values()),
            await check_nothing_left(self._database),
        ]

    async def _prepare(self) -> None:
        for campaign in self._examples.campaigns.values():
            await self._orchestrator.save_campaign(campaign)
        for suppression in self._examples.suppressions:
            await self._orchestrator.suppress(**dict(suppression))

    async def _send_all(self) -> list[_Sent]:
        """One after the other: who is blocked depends on who came first."""
        messages = self._examples.messages
        people = len({message.id for message in messages})
        campaigns = len({message.campaign for message in messages})
        self._progress.begin(
            f"Sending {len(messages)} messages of {campaigns} campaigns to {people} people ..."
        )
        sent = []
        for message in messages:
            answer = await self._orchestrator.send_outreach(
                self._examples.campaigns[message.campaign],
                message.id,
                message.profile(),
                self._examples.contents[message.campaign],
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


def _wipe(state_dir: Path) -> None:
    """Forget the last demo, but not which processes it may have left behind."""
    with sole_owner(state_dir):
        shutil.rmtree(state_dir / "postgres", ignore_errors=True)
        for file in state_dir.rglob("*"):
            if file.is_file() and file.name != "lock" and file.suffix != ".pid":
                file.unlink()


def _report(console: Console, outcomes: Sequence[Outcome], verdicts: Sequence[Verdict]) -> None:
    for group in outcome_groups(outcomes):
        console.print(group)
    console.print(Text("\nChecked", style="bold"))
    for verdict in verdicts:
        mark = ("  wrong ", "bold red") if verdict.faults else ("  ok    ", "green")
        console.print(Text.assemble(mark, verdict.promise))
        for fault in verdict.faults:
            console.print(Text(f"          {fault}", style="red"))


def _say_what_next(console: Console, state_dir: Path) -> None:
    here = Path.cwd()
    shown = state_dir.relative_to(here) if state_dir.is_relative_to(here) else state_dir
    lines = (
        "\nEverything is stopped; what was stored stays until the next demo. To look around in it:",
        f"  MADAN_SARA_DEVSTACK_DIR={shlex.quote(str(shown))} make up",
        "`make up` alone starts an empty system and keeps it running.",
    )
    for line in lines:
        console.print(Text(line))
