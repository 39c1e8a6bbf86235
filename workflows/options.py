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


#: Short idempotent SQL. Ten seconds is far beyond any healthy statement; a database that
#: is away is waited for without end, because giving up would lose the message.
STEP: Final = _StepOptions(
    start_to_close_timeout=timedelta(seconds=10),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(milliseconds=100),
        backoff_coefficient=2.0,
        maximum_interval=timedelta(seconds=10),
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
    ),
)

#: One provider call. Mail servers scan a message before they answer, so three minutes; ten
#: seconds without a heartbeat mean that the worker is gone, not that the provider is slow.
#: Tries are counted with the attempt in the database, not here: waiting for a paused
#: campaign or for a look-up must not use them up. A cancel waits to hear whether the
#: provider took the message.
DELIVERY: Final = _DeliveryOptions(
    start_to_close_timeout=timedelta(minutes=3),
    heartbeat_timeout=timedelta(seconds=10),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(seconds=1),
        backoff_coefficient=2.0,
        maximum_interval=timedelta(minutes=1),
    ),
    cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
)
