"""Unit tests on another day: `pytest tests/unit --at 2028-02-29T23:58`."""

from datetime import UTC, datetime

import pytest
import time_machine


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--at",
        type=_moment,
        metavar="ISO_TIME",
        help="let the clock start at this moment, in UTC, and go on from there",
    )


# Before the first test module is imported: code that reads the clock there counts, too.
def pytest_configure(config: pytest.Config) -> None:
    moment = config.getoption("--at", default=None)
    if moment is not None:
        # A number, because a moment with a zone would change the machine's zone, too.
        clock = time_machine.travel(moment.timestamp(), tick=True)
        clock.start()
        config.add_cleanup(clock.stop)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
