"""Timeouts and retry policies of the activities, each with its reason."""

from datetime import timedelta
from typing import Final, TypedDict

from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType


class _StepOptions(TypedDict):
    start_to_close_timeout: timedelta
    retry_policy: RetryPolicy


class _LongStepOptions(TypedDict):
    start_to_close_timeout: timedelta
    heartbeat_timeout: timedelta
    retry_policy: RetryPolicy


class _DeliveryOptions(TypedDict):
    start_to_close_timeout: timedelta
    heartbeat_timeout: timedelta
    retry_policy: RetryPolicy
    cancellation_type: ActivityCancellationType


#: No further try finds a missing row, or reads one that this version cannot.
UNREADABLE: Final = ("NotFoundError", "UnreadableRowError")

#: Short idempotent SQL, beside the workflow. Ten seconds is far beyond any healthy statement.
#: While it is tried again here its workflow task is kept alive by heartbeats, each of which
#: grows the history. So ten tries, which take half a minute while the database refuses, and
#: then the step goes on as `PATIENT_STEP`. Tries are counted because the SDK's local
#: activities overrun a schedule-to-close timeout (temporalio 1.35, measured).
STEP: Final = _StepOptions(
    start_to_close_timeout=timedelta(seconds=10),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(milliseconds=100),
        backoff_coefficient=2.0,
        maximum_interval=timedelta(seconds=10),
        maximum_attempts=10,
        non_retryable_error_types=UNREADABLE,
    ),
)

#: The same step as an activity of its own, whose tries leave nothing in the history. A database
#: that is away is waited for without end, because giving up would lose the message.
PATIENT_STEP: Final = _StepOptions(
    start_to_close_timeout=timedelta(seconds=10),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=1),
        backoff_coefficient=2.0,
        maximum_interval=timedelta(seconds=30),
        non_retryable_error_types=UNREADABLE,
    ),
)

#: Many messages of a campaign, page by page with a heartbeat after each. An hour is beyond
#: any batch, on a server in trouble too; fifteen seconds without a heartbeat mean that the
#: worker is gone, and the next run goes on where it was.
LONG_STEP: Final = _LongStepOptions(
    start_to_close_timeout=timedelta(hours=1),
    heartbeat_timeout=timedelta(seconds=15),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=1),
        backoff_coefficient=2.0,
        maximum_interval=timedelta(minutes=1),
        non_retryable_error_types=UNREADABLE,
    ),
)

#: One provider call, of three minutes at most, and five more to write its result down; ten
#: seconds without a heartbeat mean that the worker is gone, not that the provider is slow.
#: Waits of hours are runs of this activity, too: they leave nothing in the history. The number
#: and the end of tries are decided with the attempt in the database. A cancel waits to hear
#: whether the provider took the message.
DELIVERY: Final = _DeliveryOptions(
    start_to_close_timeout=timedelta(minutes=10),
    heartbeat_timeout=timedelta(seconds=10),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=1),
        backoff_coefficient=2.0,
        maximum_interval=timedelta(minutes=1),
        non_retryable_error_types=UNREADABLE,
    ),
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
)

#: Its first try, while the workflow's task is open. It ends by itself; the time is a step's. One
#: try: whatever fails goes on as the delivery above.
DELIVERY_AT_ONCE: Final = _StepOptions(
    start_to_close_timeout=STEP["start_to_close_timeout"],
    retry_policy=RetryPolicy(maximum_attempts=1),
)
