"""How fast a campaign sends, and when it will be done."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from policy.forecast import (
    RATE_SAMPLE,
    Progress,
    RecentSends,
    expected_finish_at,
    rate_per_minute,
)
from policy.tallies import Tallies, Tally, TallyKind
from tests.unit.policy.builders import NOW, campaign

MINUTE = timedelta(minutes=1)


def recent(count: int, since: timedelta, first_ever: timedelta | None = None) -> RecentSends:
    first = since if first_ever is None else first_ever
    return RecentSends(count=count, since=NOW - since, first_ever=NOW - first)


def progress(
    states: dict[str, int],
    *,
    today: int = 0,
    a_day: int | None = None,
    rate: float | None = None,
    **changes: Any,
) -> Progress:
    return Progress(
        campaign=campaign(**changes),
        tallies=Tallies([Tally(TallyKind.STATE, name, "", "", n) for name, n in states.items()]),
        messages_today=today,
        messages_a_day=a_day,
        rate_per_minute=rate,
    )


def finish(*arguments: Any, **changes: Any) -> datetime | None:
    return expected_finish_at(progress(*arguments, **changes), NOW)


@pytest.mark.parametrize(
    ("sends", "rate"),
    [
        (recent(100, 4 * MINUTE, timedelta(days=3)), 20.0),
        (recent(1, 4 * MINUTE, timedelta(days=3)), 0.2),
        (recent(60, 2 * MINUTE), 30.0),
        # The first seconds of a campaign are no measure.
        (recent(30, timedelta(seconds=2)), 30.0),
        # A full sample is: it says how long it took.
        (recent(RATE_SAMPLE, MINUTE / 2, timedelta(days=3)), 2.0 * RATE_SAMPLE),
        (recent(RATE_SAMPLE, timedelta(0)), 60.0 * RATE_SAMPLE),
        (RecentSends(count=0, since=None, first_ever=NOW - timedelta(days=3)), None),
        (RecentSends(count=0, since=None, first_ever=None), None),
    ],
)
def test_the_rate_is_sends_by_the_time_they_took(sends, rate):
    assert rate_per_minute(sends, NOW) == rate


def test_what_fits_into_today_is_done_at_the_present_rate():
    states = {"queued": 50, "deciding": 10, "scheduled": 30, "sending": 10, "sent": 900}
    assert finish(states, rate=20.0) == NOW + 5 * MINUTE
    assert finish(states, rate=20.0, a_day=100, today=40) == NOW + 5 * MINUTE


def test_what_does_not_is_done_a_days_share_at_a_time():
    states = {"queued": 250, "scheduled": 30}
    # Room for 60 today, then 100, then the last 90: they take 9 minutes of the day after next.
    midnight = datetime(2026, 11, 26, tzinfo=UTC)
    assert finish(states, a_day=100, today=40, rate=10.0) == midnight + 9 * MINUTE
    assert finish(states, a_day=100, today=40) == midnight
    assert (
        finish(states, a_day=100, today=250, rate=10.0) == midnight + timedelta(days=1) + 5 * MINUTE
    )


def test_days_are_the_campaigns_own():
    states = {"queued": 150}
    expected = datetime(2026, 11, 25, 5, tzinfo=UTC)
    assert finish(states, a_day=100, timezone="America/Port-au-Prince") == expected


def test_a_campaign_that_starts_later_is_counted_from_its_start():
    later = NOW + timedelta(days=10)
    assert finish({"queued": 100}, start_date=later, rate=10.0) == later + 10 * MINUTE


def test_it_is_never_later_than_the_end():
    end = NOW + timedelta(hours=1)
    assert finish({"queued": 6000}, rate=10.0, end_date=end) == end
    assert finish({"queued": 6000}, a_day=10, end_date=end) == end
    assert finish({"queued": 60}, rate=10.0, end_date=end) == NOW + 6 * MINUTE


@pytest.mark.parametrize(
    ("states", "changes"),
    [
        ({"sent": 10, "blocked": 2}, {"rate": 10.0}),
        ({"queued": 10}, {}),
        ({"queued": 10}, {"a_day": 0, "rate": 10.0}),
        ({"queued": 10}, {"rate": 10.0, "status": "paused"}),
        ({"queued": 10}, {"rate": 10.0, "status": "cancelled"}),
        ({"queued": 10**9}, {"rate": 0.01}),
        ({"queued": 10**9}, {"a_day": 1}),
    ],
)
def test_what_cannot_be_told_is_not(states, changes):
    assert finish(states, **changes) is None
