"""Rounds of whole outreaches, and their costs."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from benchmarks.machine import CpuMeter, CpuUse
from madan_sara.persistence.messages import NewMessage

#: Carries one request from its storing to its end.
Carry = Callable[[NewMessage], Awaitable[None]]


class Line(Protocol):
    """One way to carry outreaches."""

    @property
    def name(self) -> str:
        """What to call it."""
        ...

    @property
    def open_at_once(self) -> int:
        """Outreaches open at a time."""
        ...

    def running(self) -> AbstractAsyncContextManager[Carry]:
        """What carries requests, while its workers run."""
        ...

    async def shape(self, request: NewMessage) -> str:
        """What is kept of a request that was carried, in words.

        Raises:
            AssertionError: it was not carried in this line's way.
        """
        ...


@dataclass(frozen=True)
class Round:
    """One round of a line."""

    outreaches: int
    seconds: float
    cpu: CpuUse

    @property
    def rate(self) -> float:
        """Outreaches a second."""
        return self.outreaches / self.seconds


class Rounds:
    """Runs rounds, each with workers of its own.

    Args:
        meter: of the CPU time.
        warm_up: outreaches carried before the clock runs.
    """

    def __init__(self, meter: CpuMeter, *, warm_up: int) -> None:
        self._meter = meter
        self._warm_up = warm_up

    async def run(self, line: Line, requests: Sequence[NewMessage]) -> Round:
        """Carry the warm-up and then the rest of the requests, the rest on the clock."""
        async with line.running() as carry:
            await _carry_all(carry, requests[: self._warm_up], line.open_at_once)
            timed = requests[self._warm_up :]
            self._meter.lap()
            started = time.perf_counter()
            await _carry_all(carry, timed, line.open_at_once)
            seconds = time.perf_counter() - started
            # Read before the workers and the connections go: ended processes count no more.
            return Round(outreaches=len(timed), seconds=seconds, cpu=self._meter.lap())


async def _carry_all(carry: Carry, requests: Sequence[NewMessage], open_at_once: int) -> None:
    """Carry each; a task that is done takes the next one."""
    waiting = iter(requests)

    async def carry_some() -> None:
        for request in waiting:
            await carry(request)

    async with asyncio.TaskGroup() as group:
        for _ in range(open_at_once):
            group.create_task(carry_some())
