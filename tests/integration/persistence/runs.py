"""Runs of activities without a server."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.testing import ActivityEnvironment

#: Tomorrow at noon: ahead of the clock, as a run that stood still before its first line is not; and
#: far from the end of a day.
STARTED_AT: Final = (datetime.now(UTC) + timedelta(days=1)).replace(
    hour=12, minute=0, second=0, microsecond=0
)


def run_environment() -> ActivityEnvironment:
    """Where a test runs an activity; each run has the same start unless the test moves it."""
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, started_time=STARTED_AT)
    return environment
