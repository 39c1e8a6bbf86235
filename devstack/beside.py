"""Work that runs beside a block of code."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")


@asynccontextmanager
async def beside(work: Coroutine[Any, Any, T]) -> AsyncIterator[asyncio.Task[T]]:
    """Run work beside the block, and end it with the block.

    Args:
        work: Runs until it is cancelled, or ends by itself.

    Raises:
        Exception: The work has failed; raised when the block ends.
    """
    running = asyncio.create_task(work)
    try:
        yield running
    finally:
        running.cancel()
        # A cancel that reaches the block meanwhile is the block's own, and is not swallowed.
        await asyncio.wait([running])
        if not running.cancelled():
            running.result()
