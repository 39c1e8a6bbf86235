"""The sends of a campaign's recipients, spread over their hour."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.decision import SendPlan, TimingReason, ZoneSource
from madan_sara.contracts.settings import OrchestratorSettings, QuietHours
from madan_sara.policy.campaign_days import campaign_day
from madan_sara.policy.send_time import plan_send_time
from madan_sara.policy.spacing import spread_by_sequence
from tests.unit.policy.builders import campaign, profile

TEN = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)


def plan(
    its: Campaign,
    at: datetime = TEN,
    reason: TimingReason = TimingReason.BEST_PRACTICE,
) -> SendPlan:
    return SendPlan(
        channel=Channel.EMAIL,
        scheduled_at=at,
        reason=reason,
        zone="UTC",
        zone_source=ZoneSource.UTC,
        campaign_day=campaign_day(its, at),
    )


def shift(number: int, at: datetime = TEN, **changes: Any) -> timedelta:
    its = campaign(**changes)
    moved = spread_by_sequence(plan(its, at), number, its, now=at - timedelta(days=1))
    assert moved.scheduled_at is not None
    return moved.scheduled_at - at


def test_the_first_lie_evenly_in_their_hour():
    minutes = [shift(number) / timedelta(minutes=1) for number in range(8)]
    assert minutes == [0, 30, 15, 45, 7.5, 37.5, 22.5, 52.5]


@given(first=st.integers(0, 10**9), exponent=st.integers(0, 6))
def test_any_neighbours_lie_evenly(first, exponent):
    neighbours = 2**exponent
    part = timedelta(hours=1) / neighbours
    parts = {shift(first + n) // part for n in range(neighbours)}
    assert parts == set(range(neighbours))


def test_none_leaves_its_hour_its_day_its_window_or_its_allowed_hours():
    for number in range(50):
        assert timedelta(0) <= shift(number) < timedelta(hours=1)
    midnight = TEN.replace(hour=23, minute=45)
    no_quiet = OrchestratorSettings(quiet_hours=None)
    assert shift(1, midnight, settings=no_quiet) == timedelta(0)
    assert shift(1, end_date=TEN + timedelta(minutes=10)) == timedelta(0)
    quiet = QuietHours(start=time(10, 20), end=time(11, 30))
    assert shift(1, settings=OrchestratorSettings(quiet_hours=quiet)) == timedelta(0)


def test_without_spacing_all_go_at_once():
    assert shift(1, settings=OrchestratorSettings(min_spacing_minutes=0)) == timedelta(0)


@pytest.mark.parametrize("reason", TimingReason)
def test_a_send_that_is_due_at_once_is_kept(reason):
    its = campaign()
    kept = plan(its, reason=reason)
    assert spread_by_sequence(kept, 1, its, now=TEN) == kept


def test_a_time_that_was_asked_for_is_kept():
    its = campaign()
    kept = plan(its, reason=TimingReason.REQUESTED)
    assert spread_by_sequence(kept, 1, its, now=TEN - timedelta(days=1)) == kept


@given(people=st.integers(2, 60), night=st.integers(0, 10))
def test_sends_that_the_quiet_hours_hold_up_do_not_all_go_in_the_second_they_end(people, night):
    """Started at night without best times, or missed in an outage that ended at night."""
    its = campaign(send_time_optimization=False, settings=OrchestratorSettings())
    now = TEN.replace(hour=21) + timedelta(hours=night)
    planned = plan_send_time(its, its.settings, profile(), Channel.EMAIL, now=now, force=True)
    assert planned.scheduled_at == TEN.replace(hour=8) + timedelta(days=1)
    sends = [
        spread_by_sequence(planned, number, its, now=now).scheduled_at for number in range(people)
    ]
    moments = {at for at in sends if at is not None}
    assert len(moments) == people
    assert min(moments) == planned.scheduled_at
    assert max(moments) - min(moments) < timedelta(hours=1)
