"""When an activity that failed is run again, as Temporal decides it."""

from typing import TYPE_CHECKING

from temporalio.api.common.v1 import RetryPolicy
from temporalio.exceptions import ApplicationError, FailureError

from madan_sara.contracts.errors import MadanSaraError
from tests.simulation.activity_run import ActivityRun

if TYPE_CHECKING:
    from tests.simulation.server import Server


def as_kept(error: BaseException, run: ActivityRun, server: "Server") -> Exception:
    """An error of an activity as the server keeps it; one that nothing foresees is a fault."""
    if isinstance(error, FailureError):
        return error
    if not isinstance(error, MadanSaraError):
        server.fail(
            "no_activity_fails_unforeseen", f"{run.name} raised {type(error).__name__}: {error}"
        )
    return ApplicationError(str(error), type=type(error).__name__)


def is_final(error: Exception, policy: RetryPolicy) -> bool:
    """Whether it is not tried again whatever the number of tries."""
    if not isinstance(error, ApplicationError):
        return False
    return error.non_retryable or error.type in policy.non_retryable_error_types


def wait_before(tries: int, error: Exception, policy: RetryPolicy) -> float:
    """Seconds until the next try, after as many."""
    asked = error.next_retry_delay if isinstance(error, ApplicationError) else None
    if asked is not None:
        return asked.total_seconds()
    first = policy.initial_interval.ToNanoseconds() / 1e9
    longest = policy.maximum_interval.ToNanoseconds() / 1e9
    wait = first * policy.backoff_coefficient ** min(tries - 1, 30)
    return min(wait, longest) if longest else wait
