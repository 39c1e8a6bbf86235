"""Waiting for a condition, never for a time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

_POLL_SECONDS = 0.02


async def eventually(
    condition: Callable[[], Awaitable[T]], what: str, *, timeout_seconds: float = 60.0
) -> T:
    """Ask until the answer is true; that answer.

    Args:
        condition: asked again and again.
        what: names it when it never comes true.
        timeout_seconds: far beyond any healthy wait; nothing is measured by it.
    """
    try:
        async with asyncio.timeout(timeout_seconds):
            while not (answer := await condition()):  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        raise AssertionError(f"never happened: {what}") from None
    return answer
