"""The border where errors of Temporal's client become errors of ours."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

from temporalio.client import (
    RPCTimeoutOrCancelledError,
    WorkflowFailureError,
    WorkflowQueryFailedError,
)
from temporalio.service import RPCError, RPCStatusCode

from madan_sara.contracts.errors import MadanSaraError, NotFoundError, UnreachableError

P = ParamSpec("P")
R = TypeVar("R")

_WAY_ON: Final = "see that it runs, set TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE, and try again"


def temporal_border(
    call: Callable[P, Coroutine[Any, Any, R]],
) -> Callable[P, Coroutine[Any, Any, R]]:
    """Have a call of Temporal raise nothing but errors of ours."""

    @wraps(call)
    async def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await call(*args, **kwargs)
        except MadanSaraError:
            raise
        except (
            RPCError,
            RPCTimeoutOrCancelledError,
            RuntimeError,
            WorkflowFailureError,
            WorkflowQueryFailedError,
        ) as error:
            raise _translated(error) from error

    return guarded


def _translated(error: Exception) -> MadanSaraError:
    if isinstance(error, WorkflowFailureError):
        return NotFoundError("its workflow was ended from outside and has no result; start it anew")
    if isinstance(error, WorkflowQueryFailedError):
        return UnreachableError("its workflow cannot be asked; see what its workers log")
    if isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND:
        # The id is the tenant's own, so that it is the namespace or a workflow long ended.
        return UnreachableError(f"Temporal does not know it ({error.message}); {_WAY_ON}")
    reason = error.message if isinstance(error, RPCError) else error
    return UnreachableError(f"Temporal does not answer ({reason}); {_WAY_ON}")
