from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madan_sara.contracts.campaign import Campaign, OptimalTimes
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.decision import SendPlan, TimingReason, ZoneSource
from madan_sara.contracts.recipient import CustomerType, RecipientProfile
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.policy.data import best_practice_times
from madan_sara.policy.send_time import (
    check_requested_time,
    is_allowed,
    next_allowed,
    plan_send_time,
)
from madan_sara.policy.zones import localize
from tests.unit.policy.builders import NOW, campaign, channels, profile
from tests.unit.policy.test_zones import moments_in_zones, quiet_hours, walls

DEFAULTS = OrchestratorSettings()
AWAKE = OrchestratorSettings(quiet_hours=None)


def plan(
    *,
    of: Campaign | None = None,
    rules: OrchestratorSettings = DEFAULTS,
    to: RecipientProfile | None = None,
    on: Channel = Channel.EMAIL,
    now: datetime = NOW,
    **asked: Any,
) -> SendPlan:
    return plan_send_time(of or campaign(), rules, to or profile(), on, now=now, **asked)


def at_times(weekday: str, weekend: str | None = None) -> dict[Channel, OptimalTimes]:
    ends = weekend and time.fromisoformat(weekend)
    return {Channel.EMAIL: OptimalTimes(weekday=time.fromisoformat(weekday), weekend=ends or None)}


def hour_of(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


def test_best_practice_of_channel_and_customer_type():
    planned = plan(to=profile(customer_type=CustomerType.RETURNING), on=Channel.INSTAGRAM)
    assert planned.scheduled_at == hour_of(24, 20)
    assert planned.reason is TimingReason.BEST_PRACTICE
    assert (planned.zone, planned.zone_source) == ("UTC", ZoneSource.UTC)
    assert planned.adjustments == []


def test_unknown_customer_type_gets_the_times_of_a_new_one():
    assert plan(on=Channel.LINKEDIN, now=hour_of(24, 9)).scheduled_at == hour_of(24, 11)


def test_weekends_are_the_recipients():
    friday_night = hour_of(27, 23, 30)
    in_tokyo = plan(to=profile(timezone="Asia/Tokyo"), now=friday_night, rules=AWAKE)
    assert in_tokyo.scheduled_at == hour_of(28, 5)  # Saturday, 14:00
    assert plan(now=friday_night, rules=AWAKE).scheduled_at == hour_of(28, 14)
    thursday = plan(now=hour_of(26, 9), rules=AWAKE)
    assert thursday.scheduled_at == hour_of(26, 10)


@pytest.mark.parametrize(("weekend", "expected"), [("13:00", 13), (None, 11)])
def test_campaign_times_come_before_best_practice(weekend, expected):
    own = campaign(optimal_send_times=at_times("11:00", weekend))
    saturday = plan(of=own, now=hour_of(28, 9))
    assert saturday.scheduled_at == hour_of(28, expected)
    assert saturday.reason is TimingReason.CAMPAIGN_OPTIMAL
    assert plan(of=own, on=Channel.CHAT).reason is TimingReason.BEST_PRACTICE


def test_passed_slot_moves_to_the_next_day():
    planned = plan(now=hour_of(24, 10, 1))
    assert planned.scheduled_at == hour_of(25, 10)
    assert planned.adjustments == ["the slot of 2026-11-24 had passed; moved to 2026-11-25"]
    assert plan(now=hour_of(24, 10)).scheduled_at == hour_of(24, 10)


def test_slot_in_quiet_hours_moves_to_their_end():
    early = campaign(optimal_send_times=at_times("06:00"))
    planned = plan(of=early, now=hour_of(24, 5))
    assert planned.scheduled_at == hour_of(24, 8)
    assert planned.adjustments == ["the slot 06:00 lies in quiet hours; moved to their end"]
    late = campaign(optimal_send_times=at_times("23:00"))
    assert plan(of=late, now=hour_of(24, 7)).scheduled_at == hour_of(24, 8)
    assert plan(of=late, now=hour_of(24, 9)).scheduled_at == hour_of(25, 8)


def test_slot_the_clock_skips_moves_behind_the_gap():
    nightly = campaign(optimal_send_times=at_times("02:30"), timezone="America/New_York")
    spring = datetime(2026, 3, 8, 5, tzinfo=UTC)
    planned = plan(of=nightly.model_copy(update={"start_date": spring}), now=spring, rules=AWAKE)
    assert planned.scheduled_at == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)
    assert planned.adjustments == ["the clock skips 02:30 that day; moved behind the gap"]


def test_slot_after_the_end_moves_to_the_first_allowed_moment():
    ending = campaign(end_date=hour_of(24, 16))
    planned = plan(of=ending)
    assert planned.scheduled_at == NOW
    assert planned.adjustments == [
        "the slot 2026-11-25 10:00 is not before the campaign's end; moved to 2026-11-24 15:00"
    ]
    moment_before = hour_of(24, 16) - timedelta(microseconds=1)
    assert plan(of=ending, now=moment_before).scheduled_at == moment_before
    assert plan(of=ending, now=hour_of(24, 16)).scheduled_at is None
    over = plan(of=ending, now=hour_of(24, 17))
    assert over.scheduled_at is None
    assert over.adjustments == ["no allowed moment is left before the campaign ends"]
    assert plan(of=ending, now=hour_of(24, 17), force=True).scheduled_at is None


def test_forced_sends_wait_for_quiet_hours_only():
    assert plan(force=True).scheduled_at == NOW
    assert plan(force=True).reason is TimingReason.IMMEDIATE
    night = plan(force=True, now=hour_of(24, 22))
    assert night.scheduled_at == hour_of(25, 8)
    assert night.adjustments == ["2026-11-24 22:00 lies in quiet hours; moved to 2026-11-25 08:00"]
    assert plan(of=campaign(send_time_optimization=False)).scheduled_at == NOW


def test_later_earliest_moments_are_kept_and_named():
    future = campaign(start_date=hour_of(26, 12))
    planned = plan(of=future)
    assert planned.scheduled_at == hour_of(27, 10)
    assert planned.adjustments[0] == ("waits until the campaign starts at 2026-11-26 12:00:00 UTC")
    deferred = plan(not_before=hour_of(25, 9))
    assert deferred.scheduled_at == hour_of(25, 10)
    assert deferred.adjustments == ["not before 2026-11-25 09:00:00 UTC"]


def test_unknown_zone_is_noted_in_the_plan():
    lost = profile().model_copy(update={"timezone": "Mars/Olympus"})
    assert plan(to=lost, now=hour_of(24, 9)).adjustments == [
        "the recipient's zone 'Mars/Olympus' is unknown here; used UTC"
    ]


@pytest.mark.parametrize("force", [True, False])
def test_nothing_is_planned_at_the_end_of_the_calendar(force):
    distant = campaign(start_date=datetime(9999, 12, 31, 23, 59, tzinfo=UTC))
    for zone in ("Pacific/Kiritimati", "Pacific/Niue"):
        planned = plan(of=distant, to=profile(timezone=zone), force=force)
        assert planned.scheduled_at is None


@given(
    where=moments_in_zones(),
    quiet=st.none() | quiet_hours,
    slots=st.none() | st.tuples(walls, st.none() | walls),
    on=channels,
    customer_type=st.none() | st.sampled_from(CustomerType),
    starts_in=st.timedeltas(timedelta(days=-3), timedelta(days=3)),
    lasts=st.none() | st.timedeltas(timedelta(minutes=1), timedelta(days=4)),
    waits=st.none() | st.timedeltas(timedelta(days=-1), timedelta(days=2)),
    force=st.booleans(),
    optimizes=st.booleans(),
)
@settings(max_examples=300, deadline=None)
def test_send_time_keeps_every_bound(
    where, quiet, slots, on, customer_type, starts_in, lasts, waits, force, optimizes
):
    name, now = where
    zone = ZoneInfo(name)
    start = now + starts_in
    of = campaign(
        start_date=start,
        end_date=lasts and start + lasts,
        send_time_optimization=optimizes,
        optimal_send_times=slots and {on: OptimalTimes(weekday=slots[0], weekend=slots[1])},
    )
    not_before = None if waits is None else now + waits
    rules = OrchestratorSettings(quiet_hours=quiet)
    to = profile(timezone=name, customer_type=customer_type)
    planned = plan(of=of, rules=rules, to=to, on=on, now=now, not_before=not_before, force=force)
    earliest = max(now, start, not_before or now)
    first = next_allowed(earliest, zone, quiet)
    at = planned.scheduled_at
    if at is None:
        assert of.end_date is not None
        assert first >= of.end_date
        return
    assert at.tzinfo is UTC
    assert earliest <= first <= at
    assert of.end_date is None or at <= of.end_date
    assert is_allowed(at, zone, quiet)
    if force or not optimizes:
        assert at == first
        return
    times = (of.optimal_send_times or {}).get(on) or best_practice_times(on, customer_type)
    days = [earliest.astimezone(zone).date() + timedelta(days=n) for n in range(-1, 4)]
    ideal = [localize(day, times.on(weekend=day.isoweekday() >= 6), zone) for day in days]
    slot = min(s for s in (next_allowed(i, zone, quiet) for i in ideal) if s >= earliest)
    assert at == (slot if of.end_date is None or slot <= of.end_date else first)


def check(
    at: datetime,
    of: Campaign | None = None,
    rules: OrchestratorSettings = DEFAULTS,
    to: RecipientProfile | None = None,
) -> Any:
    return check_requested_time(of or campaign(), rules, to or profile(), at=at, now=NOW)


def test_requested_times():
    ending = campaign(end_date=hour_of(30, 12))
    later = campaign(start_date=hour_of(26, 12))
    haitian = profile(timezone="America/Port-au-Prince")
    assert check(NOW, of=ending) is None
    assert check(hour_of(30, 11), of=ending) is None
    assert check(hour_of(30, 12), of=ending) == (
        "2026-11-30 12:00:00 UTC is not before the campaign ends at 2026-11-30 12:00:00 UTC"
    )
    assert "2026-11-24 14:59:00 UTC is in the past" in check(hour_of(24, 14, 59))
    assert "before the campaign starts at 2026-11-26 12:00:00 UTC" in check(hour_of(25, 12), later)
    assert "not before the campaign ends at 2026-11-30 12:00:00 UTC" in check(
        hour_of(30, 13), ending
    )
    assert check(hour_of(25, 2), to=haitian) == (
        "2026-11-25 02:00:00 UTC is 21:00 in America/Port-au-Prince, "
        "inside the quiet hours 21:00 to 08:00"
    )
    assert check(hour_of(25, 2), rules=AWAKE, to=haitian) is None
    beyond = datetime(9999, 12, 31, 23, tzinfo=UTC)
    assert "beyond the calendar" in check(beyond, to=profile(timezone="Pacific/Kiritimati"))


def test_requested_times_agree_with_planning():
    for hour in range(24):
        at = hour_of(25, hour)
        assert (check(at) is None) == is_allowed(at, ZoneInfo("UTC"), DEFAULTS.quiet_hours)
