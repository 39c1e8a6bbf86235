"""Work that must not be interrupted once it has begun."""

import asyncio
from collections.abc import Coroutine
from typing import Final, TypeVar

from temporalio import activity

R = TypeVar("R")

#: Well within the heartbeat timeout of a delivery, so that only a dead worker misses it.
_BEAT_SECONDS: Final = 3.0


async def run_uninterrupted(work: Coroutine[object, object, R]) -> R:
    """Run work to its end, with heartbeats, also through a cancel or shutdown.

    A heartbeat distinguishes a slow provider from a killed worker. It also brings cancels
    in, and those must wait: after an interrupted call it would be unknown whether the
    provider has the message.
    """
    running = asyncio.ensure_future(work)
    while True:
        try:
            done, _ = await asyncio.wait({running}, timeout=_BEAT_SECONDS)
        except asyncio.CancelledError:
            continue
        if done:
            return running.result()
        activity.heartbeat()
