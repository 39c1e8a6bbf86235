"""A campaign's progress, shown while it runs, and its costs meanwhile."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import psutil
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from madan_sara.contracts.outreach import FINAL_STATES
from madan_sara.devstack.beside import beside
from madan_sara.starter.campaign_status import CampaignStatusResult
from madan_sara.starter.orchestrator import OutreachOrchestrator

#: In a terminal; elsewhere a line says the same now and then.
_LOOK_SECONDS: Final = 1.0
_LINE_SECONDS: Final = 15.0


@dataclass(frozen=True)
class Sample:
    """One look at a campaign under way."""

    #: Since its start.
    seconds: float
    #: Recipients with an outcome, of all there are.
    done: int
    total: int
    #: Resident memory of the worker.
    worker_bytes: int
    #: How long the question for the status took.
    status_seconds: float


class Watch:
    """Asks for a campaign's status once a second until its block ends.

    Args:
        orchestrator: A client of the running stack.
        worker_pid: Gives the process whose memory is measured: it may be started again.
        console: Where to show it.
    """

    def __init__(
        self, orchestrator: OutreachOrchestrator, worker_pid: Callable[[], int], console: Console
    ) -> None:
        self._orchestrator = orchestrator
        self._worker_pid = worker_pid
        self._console = console
        self._looked = asyncio.Event()
        self.samples: list[Sample] = []

    async def until(self, share: float) -> None:
        """Return once a share of the recipients has been seen to have their outcome."""
        while not self.samples or self.samples[-1].done < share * self.samples[-1].total:
            await self._looked.wait()

    def peak_bytes(self, share: float) -> int:
        """The worker's largest memory until a share of the recipients had their outcome."""
        return max((s.worker_bytes for s in self.samples if s.done <= share * s.total), default=0)

    def rate(self, begin: float = 0.0, end: float = 1.0) -> float:
        """Outcomes a second while they rose from one share of the recipients to another."""
        first = next(s for s in self.samples if s.done >= begin * s.total)
        last = next(s for s in self.samples if s.done >= end * s.total)
        seconds = last.seconds - first.seconds
        return (last.done - first.done) / seconds if seconds else 0.0

    @asynccontextmanager
    async def watching(self, name: str, campaign_id: UUID) -> AsyncIterator[None]:
        """Show one campaign beside the block."""
        started = time.monotonic()
        async with beside(self._watch(name, campaign_id, started)):
            yield
        await self._look(campaign_id, started)

    async def _watch(self, name: str, campaign_id: UUID, started: float) -> None:
        with _bar(self._console) as bar:
            task = bar.add_task(name, total=None, words="")
            next_line = _LINE_SECONDS
            while True:
                status = await self._look(campaign_id, started)
                seen = self.samples[-1]
                words = _in_words(status, seen)
                bar.update(task, total=seen.total, completed=seen.done, words=words)
                if bar.disable and seen.seconds >= next_line:
                    next_line = seen.seconds + _LINE_SECONDS
                    line = f"  {seen.seconds:5.0f} s  {seen.done} of {seen.total}  {words}"
                    self._console.print(Text(line), soft_wrap=True)
                await asyncio.sleep(_LOOK_SECONDS)

    async def _look(self, campaign_id: UUID, started: float) -> CampaignStatusResult:
        asked = time.monotonic()
        status = await self._orchestrator.get_orchestration_status(campaign_id)
        states = status["by_state"].items()
        self.samples.append(
            Sample(
                seconds=asked - started,
                done=sum(number for state, number in states if state in FINAL_STATES),
                total=status["total_messages"],
                worker_bytes=_resident_bytes(self._worker_pid()),
                status_seconds=time.monotonic() - asked,
            )
        )
        self._looked.set()
        self._looked = asyncio.Event()
        return status


def _resident_bytes(pid: int) -> int:
    """The memory of a process; of one that has just ended, none."""
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _bar(console: Console) -> Progress:
    """A bar in a terminal, nothing elsewhere."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[words]}"),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )


def _in_words(status: CampaignStatusResult, seen: Sample) -> str:
    states = ", ".join(f"{state} {number}" for state, number in status["by_state"].items())
    budget = status["budget"]["budget_remaining"]
    left = "" if budget is None else f", {budget:.2f} left"
    return f"{seen.done / max(seen.seconds, 1):.1f}/s  {states}{left}"
