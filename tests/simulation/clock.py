"""An event loop on which time passes as soon as there is nothing else to do."""

import asyncio
from datetime import datetime, timedelta
from typing import Any, NoReturn


class NothingLeftError(Exception):
    """The loop waits, and nothing will ever wake it."""


class _NoWaiting:
    """Stands where a loop asks the operating system to wait: the clock is put forward instead."""

    def __init__(self, loop: "VirtualLoop") -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise NothingLeftError("nothing is left that could happen")
        self._loop.pass_time(timeout)
        return []


class VirtualLoop(asyncio.BaseEventLoop):
    """asyncio's own loop, in its own order, without a clock or a file.

    Args:
        starts_at: the instant at which its time begins.
    """

    def __init__(self, starts_at: datetime) -> None:
        super().__init__()
        self._selector = _NoWaiting(self)
        self._clock_resolution = 1e-6
        self._starts_at = starts_at
        self._passed = 0.0
        #: Everything that was ever begun on it.
        self.tasks: list[asyncio.Task[Any]] = []

    def create_task(self, coro: Any, **options: Any) -> asyncio.Task[Any]:
        """Begin something, and remember it: looking for all tasks there are is slow."""
        task: asyncio.Task[Any] = super().create_task(coro, **options)
        self.tasks.append(task)
        return task

    def time(self) -> float:
        """Seconds that have passed."""
        return self._passed

    def now(self) -> datetime:
        """The instant it is."""
        return self._starts_at + timedelta(seconds=self._passed)

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self._passed += seconds

    def jump(self, seconds: float) -> None:
        """Put the clock forward: everything that was due meanwhile is due at once."""
        self._passed += seconds

    def _process_events(self, event_list: list[Any]) -> None:
        pass

    def _write_to_self(self) -> NoReturn:
        raise RuntimeError("a simulated life has one thread")


class LoopTime:
    """Stands for the module `time` where activities read how long they have run."""

    CLOCK_BOOTTIME = 7

    @staticmethod
    def clock_gettime(clock: int) -> float:
        """Seconds of the running loop, which go on whatever is stopped."""
        return asyncio.get_running_loop().time()

    @staticmethod
    def time() -> float:
        """Seconds of the epoch: all clocks of a life agree."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        return loop.now().timestamp()
