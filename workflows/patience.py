"""Short steps that an outage of the database neither loses nor buries in history."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from madan_sara.workflows.options import PATIENT_STEP, STEP, UNREADABLE

A = TypeVar("A")
R = TypeVar("R")


async def run_step(step: Callable[[Any, A], Awaitable[R]], argument: A, summary: str) -> R:
    """Run a short step: beside the workflow, and as an activity of its own if that lasts.

    Raises:
        ApplicationError: the step says no, or no other try of it can succeed.
    """
    try:
        return await workflow.execute_local_activity_method(step, argument, summary=summary, **STEP)
    except FailureError as error:
        # A local step fails with its own error, or with a timeout.
        if isinstance(error, ApplicationError) and is_final(error):
            raise
    try:
        return await workflow.execute_activity_method(
            step, argument, summary=f"{summary}, once the database is back", **PATIENT_STEP
        )
    except ActivityError as error:
        raise (error.cause or error) from None


def is_final(error: ApplicationError) -> bool:
    """Whether no other try of a step can end otherwise."""
    return error.non_retryable or error.type in UNREADABLE


async def uninterrupted(work: Awaitable[R]) -> R:
    """Run work to its end, also through a cancel."""
    running = asyncio.ensure_future(work)
    while not running.done():
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            if running.cancelled():
                raise
        except FailureError:
            break
    return running.result()
