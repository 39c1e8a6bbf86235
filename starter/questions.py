"""Questions to a workflow, repeated until it takes them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar
from uuid import uuid4

from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

A = TypeVar("A")

#: What the server says of a workflow whose task has failed. A task that would end the workflow
#: fails, too, if a signal or a cancel came meanwhile: it is run again, and with it the question.
#: https://github.com/temporalio/temporal/blob/main/service/history/workflow/update/errors_failures.go
_TASK_FAILED: Final = ("Workflow Task in failed state", "unexpected workflow task failure")
#: Pause before a workflow that takes no question is asked again.
_UNTIL_READY_SECONDS: Final = 1.0


def anew() -> str:
    """One question, the same each time it is asked."""
    return str(uuid4())


async def until_taken(ask: Callable[[], Awaitable[A]]) -> A:
    """Ask a workflow until it takes the question; the answer."""
    while True:
        try:
            return await ask()
        except WorkflowUpdateRPCTimeoutOrCancelledError as error:
            if isinstance(error.__cause__, asyncio.CancelledError):
                raise asyncio.CancelledError from error
        except RPCError as error:
            if not _is_for_the_moment(error):
                raise
            await asyncio.sleep(_UNTIL_READY_SECONDS)


def _is_for_the_moment(error: RPCError) -> bool:
    """Whether a workflow takes no question now: it has ten to answer, or its workers fail."""
    if error.status is RPCStatusCode.RESOURCE_EXHAUSTED:
        return True
    refused = error.status is RPCStatusCode.FAILED_PRECONDITION
    return refused and any(said in error.message for said in _TASK_FAILED)
