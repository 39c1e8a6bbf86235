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
        self._running: dict[str, Delivery] = {}
        #: Runs that an activity did not hear out; another one is to take their results.
        self._left: dict[str, Delivery] = {}

    def left(self, key: str) -> Delivery | None:
        """The run of an attempt that an activity has left, over or not; None: none is here."""
        return self._left.get(key)

    def take(self, key: str) -> Delivery | None:
        """The same, for the activity that hears it out: what comes after makes a run of its own."""
        return self._left.pop(key, None)

    def begin(
        self, key: str, run: Callable[[], Coroutine[object, object, DeliverResult]]
    ) -> Delivery:
        """Begin a run, beside one that hangs."""
        running = asyncio.ensure_future(run())
        self._running[key] = running
        running.add_done_callback(partial(self._ended, key))
        return running

    def leave(self, key: str) -> None:
        """Leave a run to the attempt's next activity, which has some time to come."""
        running = self._left[key] = self._running[key]
        loop = asyncio.get_running_loop()
        loop.call_later(_LONGEST_LEFT_SECONDS, self._forget, key, running)

    async def finish(self) -> None:
        """Wait for what is under way, before what it uses is closed; not for what hangs."""
        if self._running:
            await asyncio.wait(self._running.values(), timeout=_LONGEST_LEFT_SECONDS)

    def _ended(self, key: str, ended: Delivery) -> None:
        if self._running.get(key) is ended:
            del self._running[key]
        if not ended.cancelled():
            ended.exception()  # What no activity hears stands in the database.

    def _forget(self, key: str, left: Delivery) -> None:
        if self._left.get(key) is left:
            del self._left[key]


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
