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

#: https://github.com/temporalio/api/blob/master/temporal/api/errordetails/v1/message.proto
_NO_NAMESPACE: Final = "temporal.api.errordetails.v1.NamespaceNotFoundFailure"
#: What the server says to a question that was put and not answered when the workflow ended.
_CLOSING: Final = "aborted by closing workflow"
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


def is_gone(error: RPCError) -> bool:
    """Whether it is a workflow that Temporal does not find, and not the namespace."""
    return error.status is RPCStatusCode.NOT_FOUND and not _is_of_namespace(error)


def is_closing(error: RPCError) -> bool:
    """Whether a workflow has ended with a question to it unanswered."""
    return is_gone(error) and _CLOSING in error.message


def _is_of_namespace(error: RPCError) -> bool:
    details = error.grpc_status.details
    return any(detail.type_url.endswith(_NO_NAMESPACE) for detail in details)


def _translated(error: Exception) -> MadanSaraError:
    if isinstance(error, WorkflowFailureError):
        return NotFoundError("its workflow was ended from outside and has no result; start it anew")
    if isinstance(error, WorkflowQueryFailedError):
        return UnreachableError("its workflow cannot be asked; see what its workers log")
    if isinstance(error, RPCError) and error.status is RPCStatusCode.NOT_FOUND:
        if _is_of_namespace(error):
            return UnreachableError(
                f"Temporal does not know our namespace ({error.message}); {_WAY_ON}"
            )
        # The id is the tenant's own, so that its workflow has long ended.
        return UnreachableError(f"Temporal does not know it ({error.message}); {_WAY_ON}")
    reason = error.message if isinstance(error, RPCError) else error
    return UnreachableError(f"Temporal does not answer ({reason}); {_WAY_ON}")
