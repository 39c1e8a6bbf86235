"""A play: a stack that starts empty, made-up people, and a check of their outcomes."""

import shlex
import shutil
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.text import Text

from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.devstack.checks.everything import check_everything
from madan_sara.devstack.checks.records import Records, read_records
from madan_sara.devstack.checks.results import CheckResult
from madan_sara.devstack.errors import DevstackError
from madan_sara.devstack.private import LOCK_NAME
from madan_sara.devstack.stack import Stack, sole_owner
from madan_sara.persistence.database import Database
from madan_sara.starter.orchestrator import OutreachOrchestrator

#: Marks a folder whose people are made up.
_MADE_UP: Final = "made-up-people"


@dataclass(frozen=True)
class Play:
    """A play's clients while its stack runs."""

    stack: Stack
    orchestrator: OutreachOrchestrator
    database: Database
    console: Console

    async def read_records(self) -> Records:
        """Read all that is stored; nothing may be under way meanwhile."""
        return await read_records(self.database)

    def check(self, records: Records, campaigns: Iterable[OutreachCampaign]) -> list[CheckResult]:
        """Run every check that holds for any play.

        Args:
            records: The stored facts.
            campaigns: Every campaign there is.
        """
        sandbox, mails = self.stack.sandbox, self.stack.mail_sink.messages
        return check_everything(records, campaigns, sandbox.log, sandbox.receipts, mails)


@asynccontextmanager
async def playing(
    state_dir: Path, worker_settings: Mapping[str, str], console: Console
) -> AsyncIterator[Play]:
    """Run an empty stack around the block, and say afterwards how to look around in it.

    Args:
        state_dir: The stack's folder; its contents are deleted.
        worker_settings: As `Stack` takes them.
        console: Where to show it.

    Raises:
        DevstackError: Something stands in the way.
    """
    begin_play(state_dir)
    console.print("Starting PostgreSQL, Temporal, mail sink, sandbox and worker ...")
    async with Stack(state_dir, worker_settings=worker_settings) as stack:
        console.print(f"Temporal Web UI: {stack.temporal.ui_url}")
        database = Database(stack.database_url)
        try:
            async with stack.kept_up(console.print), await stack.connect() as orchestrator:
                yield Play(stack, orchestrator, database, console)
        finally:
            await database.close()
    _say_what_next(console, state_dir)


def begin_play(state_dir: Path) -> None:
    """Delete a stack's data, and note that the next one plays with made-up people.

    The ids of processes that an earlier one may have left behind stay.

    Raises:
        DevstackError: Another process holds the folder, or it holds foreign things.
    """
    state_dir = state_dir.resolve()
    if state_dir.exists() and any(state_dir.iterdir()) and not (state_dir / LOCK_NAME).exists():
        raise DevstackError(
            f"{state_dir} holds things that are not a stack's, and would be emptied; "
            "choose another folder with MADAN_SARA_DEVSTACK_DIR"
        )
    with sole_owner(state_dir):
        shutil.rmtree(state_dir / "postgres", ignore_errors=True)
        for file in state_dir.rglob("*"):
            if file.is_file() and file.name != LOCK_NAME and file.suffix != ".pid":
                file.unlink()
        (state_dir / _MADE_UP).touch()


def has_made_up_people(state_dir: Path) -> bool:
    """Whether the stored people are made up: no real mail is for them."""
    return (state_dir / _MADE_UP).exists()


def _say_what_next(console: Console, state_dir: Path) -> None:
    here = Path.cwd()
    shown = state_dir.relative_to(here) if state_dir.is_relative_to(here) else state_dir
    lines = (
        "\nEverything is stopped; what was stored stays until the next time. To look around in it:",
        f"  MADAN_SARA_DEVSTACK_DIR={shlex.quote(str(shown))} make up",
        "`make up` alone starts an empty system and keeps it running.",
    )
    for line in lines:
        console.print(Text(line))
