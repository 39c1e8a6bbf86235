"""Deliveries that are under way in this process, also those that outlive their activity."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Final

from temporalio import activity

from madan_sara.contracts.outreach import DeliverResult

#: As long as an activity of a delivery may take: a run that lasts longer hangs.
_LONGEST_LEFT_SECONDS: Final = 600.0

#: Well within the heartbeat timeout of a delivery, so that only a dead worker misses it.
_BEAT_SECONDS: Final = 3.0

Delivery = asyncio.Future[DeliverResult]


class DeliveriesUnderWay:
    """Runs of attempts, by their keys.

    A run is never interrupted: after an interrupted call it would be unknown whether the provider
    has the message. An activity that must end before its run leaves it here, and the attempt's
    next activity joins it.
    """

    def __init__(self) -> None:
        self._running: set[Delivery] = set()
        #: The newest run of an attempt that an activity did not hear out.
        self._left: dict[str, Delivery] = {}
        #: Those of them whose results the attempt's next activity is to take.
        self._untaken: dict[str, asyncio.TimerHandle] = {}

    def left(self, key: str) -> Delivery | None:
        """The run of an attempt that an activity has left, over or not; None: none is here."""
        return self._left.get(key)

    def take(self, key: str) -> Delivery | None:
        """The same, for the activity that hears it out: what comes after makes a run of its own."""
        timer = self._untaken.pop(key, None)
        if timer is None:
            return None
        timer.cancel()
        left = self._left[key]
        left.add_done_callback(partial(self._forget, key))
        return left

    def begin(self, run: Callable[[], Coroutine[object, object, DeliverResult]]) -> Delivery:
        """Begin a run."""
        running = asyncio.ensure_future(run())
        self._running.add(running)
        running.add_done_callback(self._ended)
        return running

    def leave(self, key: str, running: Delivery) -> None:
        """Leave a run to the attempt's next activity, which has some time to come."""
        self._left[key] = running
        loop = asyncio.get_running_loop()
        if (timer := self._untaken.pop(key, None)) is not None:
            timer.cancel()
        self._untaken[key] = loop.call_later(_LONGEST_LEFT_SECONDS, self._forget, key, running)

    async def finish(self) -> None:
        """Wait for what is under way, before what it uses is closed; not for what hangs."""
        if self._running:
            await asyncio.wait(self._running, timeout=_LONGEST_LEFT_SECONDS)

    def _ended(self, ended: Delivery) -> None:
        self._running.discard(ended)
        if not ended.cancelled():
            ended.exception()  # What no activity hears stands in the database.

    def _forget(self, key: str, left: Delivery) -> None:
        if self._left.get(key) is left:
            del self._left[key]
            self._untaken.pop(key, None)


async def hear_out(running: Delivery) -> DeliverResult:
    """The result of a run, with heartbeats, also through a cancel or shutdown.

    A heartbeat distinguishes a slow provider from a killed worker. It also brings cancels in, and
    those must wait.
    """
    while not await ends_within(running, _BEAT_SECONDS):
        activity.heartbeat()
    return running.result()


async def ends_within(running: Delivery, seconds: float) -> bool:
    """Whether a run ends so soon; a cancel or shutdown waits as long."""
    loop = asyncio.get_running_loop()
    over_at = loop.time() + seconds
    while not running.done() and (left := over_at - loop.time()) > 0:
        with suppress(asyncio.CancelledError):
            await asyncio.wait({running}, timeout=left)
    return running.done()
