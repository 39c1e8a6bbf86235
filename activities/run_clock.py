"""The time in a run of an activity."""

from datetime import datetime, timedelta
from typing import Final

from madan_sara.activities.sender import running_seconds, worker_time

#: How much later than usual a run's first line may come.
_LATE: Final = timedelta(seconds=5)
#: Longer than any run is in hand before its first line.
_DOUBT_SECONDS: Final = 30.0


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
    stood still, or its clock was put forward. All that it had in hand then is late alike; what
    comes some time after has only the clock in common.
    """

    def __init__(self) -> None:
        self._ahead = timedelta(0)
        #: The least distance since a doubt arose, and when it is taken for the clock's.
        self._doubted = timedelta(0)
        self._doubt_ends: float | None = None

    def stood_still_since(self, instant: datetime) -> bool:
        """Whether it did, since an instant that Temporal has given just now."""
        ahead, now = worker_time() - instant, running_seconds()
        if self._doubt_ends is not None and now >= self._doubt_ends:
            self._ahead, self._doubt_ends = self._doubted, None
        if ahead <= self._ahead + _LATE:
            self._ahead, self._doubt_ends = min(ahead, self._ahead), None
            return False
        if self._doubt_ends is None:
            self._doubted, self._doubt_ends = ahead, now + _DOUBT_SECONDS
        self._doubted = min(ahead, self._doubted)
        return True
