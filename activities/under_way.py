"""Deliveries that are under way in this process, also those that outlive their activity."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Final

from temporalio import activity

from madan_sara.contracts.outreach import DeliverResult

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

    def get(self, key: str) -> Delivery | None:
        """The run of an attempt; None: there is none in this process."""
        return self._running.get(key)

    def join_or_begin(
        self, key: str, begin: Callable[[], Coroutine[object, object, DeliverResult]]
    ) -> Delivery:
        """The run of an attempt that is under way, or a new one."""
        running = self._running.get(key)
        if running is None:
            running = self._running[key] = asyncio.ensure_future(begin())
            running.add_done_callback(partial(self._forget, key))
        return running

    async def finish(self) -> None:
        """Wait for all of them, before what they use is closed."""
        while self._running:
            await asyncio.wait(self._running.values())

    def _forget(self, key: str, ended: Delivery) -> None:
        del self._running[key]
        if not ended.cancelled():
            ended.exception()  # The next activity finds the result in the database.


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
