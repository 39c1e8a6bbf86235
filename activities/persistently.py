"""Writing results that must not be lost."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, TypeVar

from temporalio import activity

from madan_sara.activities.sender import running_seconds

R = TypeVar("R")

#: How long an answer in hand is written again. A database away for longer is handled as after a
#: crash.
WRITING_PATIENCE: Final = timedelta(minutes=5)
_ONE_WRITE_SECONDS: Final = 10.0
_FIRST_WAIT_SECONDS: Final = 0.1
_LONGEST_WAIT_SECONDS: Final = 5.0


async def persistently(write: Callable[[], Awaitable[R]]) -> R:
    """Write something, again and again while the database is away.

    Args:
        write: may be run again also where it has succeeded.

    Raises:
        Exception: its last error, once patience is over.
    """
    ends = running_seconds() + WRITING_PATIENCE.total_seconds()
    wait = _FIRST_WAIT_SECONDS
    while True:
        try:
            async with asyncio.timeout(_ONE_WRITE_SECONDS):
                return await write()
        except Exception as error:  # Only the store knows its errors.
            if running_seconds() > ends:
                raise
            activity.logger.warning(
                "what came of a call cannot be written (%s); trying again", type(error).__name__
            )
        await asyncio.sleep(wait)
        wait = min(wait * 2, _LONGEST_WAIT_SECONDS)
