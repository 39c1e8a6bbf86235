"""The time in a run of an activity."""

from datetime import datetime, timedelta

from madan_sara.activities.sender import running_seconds


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
