"""A campaign's rate, and its expected finish."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.policy.budget import Account, AccountScope
from madan_sara.policy.campaign_progress import CampaignFacts
from madan_sara.policy.forecast import RATE_SAMPLE, RecentSends, prospects, rate_per_minute
from madan_sara.policy.tallies import Tallies, Tally, TallyKind
from tests.unit.policy.builders import NOW, campaign

MINUTE = timedelta(minutes=1)
CENT = 10_000
CENTS = OrchestratorSettings(prices={"email": Decimal("0.01")})
TODAY = NOW.date().isoformat()


def recent(count: int, since: timedelta, first_ever: timedelta | None = None) -> RecentSends:
    first = since if first_ever is None else first_ever
    return RecentSends(count=count, since=NOW - since, first_ever=NOW - first)


def stands(
    states: dict[str, int],
    *,
    days: dict[str, int] | None = None,
    due: datetime | None = None,
    a_day: int | None = None,
    left: int | None = None,
    **changes: Any,
) -> CampaignFacts:
    """A campaign whose messages are a cent each, with some on its days already."""
    its = campaign(**{"daily_limit": a_day, "channels": ["email"], "settings": CENTS, **changes})
    tallies = Tallies([Tally(TallyKind.STATE, name, "", "", n) for name, n in states.items()])
    whole = Account(AccountScope.CAMPAIGN, "", None if left is None else left * CENT, 0, 0, None, 0)
    of_days = [
        Account(AccountScope.DAY, day, None, n * CENT, 0, a_day, n, due)
        for day, n in (days or {}).items()
    ]
    return CampaignFacts.at(NOW, its, tallies, [whole, *of_days], daily_share=None)


def finish(
    states: dict[str, int], *, rate: float | None = None, now: datetime = NOW, **changes: Any
) -> datetime | None:
    return prospects(stands(states, **changes), rate, now).finish_at


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
    assert finish(states, rate=20.0, a_day=100, days={TODAY: 40}) == NOW + 5 * MINUTE


def test_what_does_not_is_done_a_days_share_at_a_time():
    states = {"queued": 250, "scheduled": 30}
    # Room for 60 today, then 100, then the last 90: they take 9 minutes of the day after next.
    midnight = datetime(2026, 11, 26, tzinfo=UTC)
    assert finish(states, a_day=100, days={TODAY: 40}, rate=10.0) == midnight + 9 * MINUTE
    assert finish(states, a_day=100, days={TODAY: 40}) == midnight
    over = finish(states, a_day=100, days={TODAY: 250}, rate=10.0)
    assert over == midnight + timedelta(days=1) + 5 * MINUTE


def test_what_is_held_for_later_days_takes_room_from_every_day_before():
    """195 people, 50 a day, started in the evening: the first fifty are planned for tomorrow."""
    evening = NOW.replace(hour=23)
    states = {"queued": 145, "scheduled": 50}
    held = {"2026-11-25": 50}
    # Nothing more is started on the 25th, then 50, 50 and 45.
    last = datetime(2026, 11, 28, tzinfo=UTC)
    assert finish(states, a_day=50, days=held, now=evening) == last
    # And so it was expected before the first was planned.
    assert finish({"queued": 195}, a_day=50, now=evening) == last
    assert finish({"queued": 195}, a_day=50) == datetime(2026, 11, 27, tzinfo=UTC)


def test_it_is_not_before_the_last_day_that_something_is_planned_for():
    held = {"2026-11-30": 1}
    last = datetime(2026, 11, 30, tzinfo=UTC)
    assert finish({"scheduled": 1}, days=held) == last
    assert finish({"scheduled": 1, "queued": 5}, days=held, rate=10.0) == last + MINUTE / 10


@pytest.mark.parametrize("rate", [None, 0.5, 600.0])
def test_it_is_not_before_the_last_send_that_is_planned_already(rate):
    evening = NOW + timedelta(hours=5)
    today: dict[str, Any] = {"days": {TODAY: 30}, "due": evening}
    finish_at = finish({"scheduled": 30}, rate=rate, **today)
    assert finish_at is not None
    assert finish_at >= evening
    if rate == 600:
        assert finish_at == evening
    tomorrow = datetime(2026, 11, 25, 19, tzinfo=UTC)
    ahead: dict[str, Any] = {"days": {"2026-11-25": 30}, "due": tomorrow}
    assert finish({"scheduled": 30}, rate=rate, **ahead) == tomorrow
    # A planned message that was sent or withdrawn holds nothing up.
    assert finish({"sent": 30}, rate=rate, **today) is None
    withdrawn: dict[str, Any] = {"days": {"2026-11-25": 0}, "due": tomorrow}
    finish_at = finish({"queued": 1}, rate=600.0, **withdrawn)
    assert finish_at is not None
    assert finish_at < tomorrow


def lost(states: dict[str, int], **changes: Any) -> tuple[int, int]:
    """Messages that the money will not pay for, and those that the end cuts off."""
    expected = prospects(stands(states, **changes), None, NOW)
    return expected.unpaid, expected.too_late


def test_messages_without_money_are_counted():
    assert lost({"queued": 120, "sent": 5}, left=100) == (20, 0)
    assert lost({"queued": 120, "sent": 5}, left=120) == (0, 0)
    assert lost({"queued": 120}, left=0) == (120, 0)
    assert lost({"queued": 120}) == (0, 0)


def test_those_whose_day_comes_after_the_end_are_counted():
    # 100 a day from the 24th on; the 27th ends before anything may be sent.
    end: dict[str, Any] = {"end_date": datetime(2026, 11, 27, 7, tzinfo=UTC), "a_day": 100}
    assert lost({"queued": 300}, **end) == (0, 0)
    assert lost({"queued": 330}, **end) == (0, 30)
    assert lost({"queued": 330, "scheduled": 40}, days={TODAY: 40}, **end) == (0, 70)
    assert lost({"queued": 330}, left=310, **end) == (20, 10)
    assert lost({"queued": 10}, **{**end, "a_day": 0}) == (0, 10)
    assert finish({"queued": 330}, **end) == end["end_date"]


def test_the_days_money_is_a_limit_too():
    spend: dict[str, Any] = {"daily_spend_limit": Decimal("0.50")}
    assert finish({"queued": 120}, **spend) == datetime(2026, 11, 26, tzinfo=UTC)
    assert finish({"queued": 120}, a_day=100, **spend) == datetime(2026, 11, 26, tzinfo=UTC)


def test_money_that_does_not_last_is_waited_for_to_the_end():
    end = NOW + timedelta(days=30)
    assert finish({"queued": 120}, a_day=100, left=119, end_date=end) == end
    assert finish({"queued": 120}, a_day=100, left=120, end_date=end) == datetime(
        2026, 11, 25, tzinfo=UTC
    )
    # Without an end, those it cannot pay are blocked as soon as the others are sent.
    assert finish({"queued": 120}, a_day=10, left=15) == datetime(2026, 11, 25, tzinfo=UTC)


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
        ({"queued": 10}, {"rate": 10.0, "end_date": NOW - MINUTE}),
        ({"queued": 10}, {"daily_spend_limit": 0, "a_day": 10, "rate": 10.0}),
        ({"queued": 10}, {"a_day": 0, "rate": 10.0}),
        ({"queued": 10}, {"rate": 10.0, "status": "paused"}),
        ({"queued": 10}, {"rate": 10.0, "status": "cancelled"}),
        ({"queued": 10**9}, {"rate": 0.01}),
        ({"queued": 10**9}, {"a_day": 1}),
    ],
)
def test_what_cannot_be_reported_is_not(states, changes):
    assert finish(states, **changes) is None
