"""The time in a run of an activity."""

from datetime import datetime, timedelta
from typing import Final

from madan_sara.activities.sender import running_seconds, worker_time

#: How much later than usual a run's first line may come.
_LATE: Final = timedelta(seconds=5)


class RunClock:
    """Counts from the instant Temporal gives a run's start: workers need not agree on the time.

    Args:
        started_at: the run's start.
    """

    def __init__(self, started_at: datetime) -> None:
        self._started_at = started_at
        self._began = running_seconds()

    def now(self) -> datetime:
        """The present."""
        return self._started_at + timedelta(seconds=running_seconds() - self._began)


class StandstillWatch:
    """Notices that a worker stood still between Temporal's instant and the first line of a run.

    A run's clock would be late by that. How far the worker's own clock is ahead of Temporal's is
    the same for each run, however wrong it is; where it is further ahead than before, the worker
    stood still, or its clock was put forward.
    """

    def __init__(self) -> None:
        self._ahead = timedelta(0)

    def stood_still_since(self, instant: datetime) -> bool:
        """Whether it did, since an instant that Temporal has given just now; once for each time."""
        ahead = worker_time() - instant
        stood_still = ahead > self._ahead + _LATE
        self._ahead = ahead if stood_still else min(ahead, self._ahead)
        return stood_still
