"""The next step of a campaign, in every situation."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madan_sara.contracts.campaign import FINAL_STATUSES, CampaignStatus
from madan_sara.contracts.campaign_run import NextStep, WaitReason
from madan_sara.contracts.outreach import ExitReason, OutreachState
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.policy.budget import Account, AccountScope
from madan_sara.policy.campaign_days import campaign_day
from madan_sara.policy.campaign_progress import BATCH, CampaignFacts, cheapest_affordable, next_step
from tests.unit.policy.builders import NOW, campaign

CENT = 10_000
END = NOW + timedelta(days=5)


def facts(
    *,
    left: int | None = None,
    today: int = 0,
    used_today: int = 0,
    by_reason: dict[str, int] | None = None,
    daily_share: int | None = None,
    states: dict[str, int] | None = None,
    without_room: int = 0,
    **changes: Any,
) -> CampaignFacts:
    """A campaign by e-mail at a cent a message, with so many cents left."""
    settings = OrchestratorSettings(prices={"email": Decimal("0.01")})
    its = campaign(**{"channels": ["email"], "settings": settings, **changes})
    day = campaign_day(its, NOW)
    return CampaignFacts(
        campaign=its,
        by_state=states or {},
        by_reason=by_reason or {},
        without_room=without_room,
        accounts=[
            Account(AccountScope.CAMPAIGN, "", left and left * CENT, 0, 0, None, 0)
            if left != 0
            else Account(AccountScope.CAMPAIGN, "", 0, 0, 0, None, 0),
            Account(AccountScope.DAY, "2026-11-01", None, 0, 9 * CENT, None, 9),
            Account(AccountScope.DAY, day.isoformat(), None, 0, used_today * CENT, None, today),
        ],
        today=day,
        daily_share=daily_share,
    )


def step(**given: Any) -> NextStep:
    return next_step(facts(**given), NOW)


def waits_for(reason: WaitReason, until: datetime | None, next_: NextStep) -> bool:
    return next_.wait is not None and (next_.wait.reason, next_.wait.until) == (reason, until)


def test_a_batch_at_a_time_is_started():
    assert step(states={"queued": 100_000}).dispatch == BATCH
    assert step(states={"queued": 3}).dispatch == 3


@pytest.mark.parametrize(
    ("limits", "started"),
    [
        ({"daily_limit": 10, "today": 4}, 6),
        ({"daily_limit": 10, "daily_share": 7, "today": 4}, 3),
        ({"daily_limit": 10, "daily_share": 70, "today": 4}, 6),
        ({"daily_spend_limit": Decimal("0.09"), "used_today": 4}, 5),
        ({"left": 8}, 8),
    ],
)
def test_no_recipient_is_started_without_room(limits, started):
    assert step(states={"queued": 50}, **limits).dispatch == started
    # A message being decided may take one of it.
    assert step(states={"queued": 50, "deciding": 2}, **limits).dispatch == started - 2


def test_a_full_day_is_slept_through():
    tomorrow = NOW.replace(hour=0, minute=0) + timedelta(days=1)
    full: dict[str, Any] = {"states": {"queued": 5}, "daily_limit": 4, "today": 4}
    assert waits_for(WaitReason.NEXT_DAY, tomorrow, step(**full))
    soon = NOW + timedelta(hours=1)
    assert waits_for(WaitReason.NEXT_DAY, soon, step(end_date=soon, **full))


def test_without_room_those_taken_and_perhaps_not_started_are_seen_to_and_no_others():
    states = {"queued": 5, "deciding": 1}
    full: dict[str, Any] = {"states": states, "daily_limit": 4, "today": 3}
    assert step(**full) == NextStep(retake=1)
    assert step(states=states, left=1) == NextStep(retake=1)
    assert step(states=states, left=0) == NextStep(retake=1)


def test_it_stays_open_while_a_bounce_may_still_come():
    settings = OrchestratorSettings(receipt_wait_minutes=60)
    taken = NOW - timedelta(minutes=20)

    def reported(**changes: Any) -> NextStep:
        its = facts(states={"sent": 3}, settings=settings, **changes)
        return next_step(replace(its, last_taken_at=taken), NOW)

    heard = taken + timedelta(minutes=60)
    assert waits_for(WaitReason.OUTCOMES, heard, reported())
    soon = NOW + timedelta(minutes=5)
    assert waits_for(WaitReason.OUTCOMES, soon, reported(end_date=soon))
    taken = NOW - timedelta(minutes=60)
    assert reported() == NextStep(end=CampaignStatus.COMPLETED)
    taken = NOW
    settings = OrchestratorSettings()
    assert reported() == NextStep(end=CampaignStatus.COMPLETED)


def test_paused_or_not_begun_it_waits():
    states = {"queued": 5}
    paused = step(states=states, status=CampaignStatus.PAUSED, end_date=END)
    assert waits_for(WaitReason.RESUME, END, paused)
    assert waits_for(WaitReason.RESUME, None, step(states=states, status=CampaignStatus.PAUSED))
    later = NOW + timedelta(days=1)
    assert waits_for(WaitReason.START, later, step(states=states, start_date=later))


def test_out_of_money_it_waits_for_those_under_way_then_for_more_then_ends():
    assert waits_for(
        WaitReason.OUTCOMES, None, step(left=0, states={"queued": 5, "scheduled": 1}, end_date=END)
    )
    assert waits_for(WaitReason.BUDGET, END, step(left=0, states={"queued": 5}, end_date=END))
    sweep = step(left=0, states={"queued": 5}).sweep
    assert sweep is not None
    assert (sweep.states, sweep.state, sweep.reason) == (
        [OutreachState.QUEUED],
        OutreachState.BLOCKED,
        ExitReason.BUDGET_EXCEEDED,
    )


def test_a_day_whose_money_pays_for_no_message_is_not_waited_for_again_and_again():
    poor: dict[str, Any] = {"states": {"queued": 5}, "daily_spend_limit": Decimal("0.009")}
    sweep = step(**poor).sweep
    assert sweep is not None
    assert (sweep.state, sweep.reason) == (OutreachState.BLOCKED, ExitReason.BUDGET_EXCEEDED)
    assert waits_for(WaitReason.BUDGET, END, step(**poor, end_date=END))


def test_recipients_without_room_are_queued_again_once_money_has_come_back():
    waiting: dict[str, Any] = {"states": {"queued": 5}, "without_room": 5, "left": 3}
    assert step(**waiting).requeue
    assert waits_for(
        WaitReason.OUTCOMES, None, step(**{**waiting, "states": {"queued": 5, "sending": 1}})
    )
    again = next_step(facts(**waiting), NOW, requeued_at_micros=3 * CENT)
    assert again.sweep is not None
    assert again.sweep.reason is ExitReason.BUDGET_EXCEEDED
    in_time = next_step(facts(**waiting, end_date=END), NOW, requeued_at_micros=3 * CENT)
    assert waits_for(WaitReason.BUDGET, END, in_time)
    assert step(states={"queued": 7}, without_room=5).dispatch == 2


@pytest.mark.parametrize(
    "situation",
    [{}, {"status": CampaignStatus.CANCELLED}, {"end_date": NOW - timedelta(seconds=1)}],
    ids=["all are started", "cancelled", "at its end"],
)
def test_recipients_taken_and_never_started_are_started(situation):
    assert step(states={"deciding": 3, "sending": 1}, **situation).retake == 3
    assert waits_for(WaitReason.OUTCOMES, None, step(states={"sending": 1}, **situation))


def test_a_free_channel_can_always_be_paid():
    settings = OrchestratorSettings(prices={"email": Decimal("0.01"), "chat": Decimal(0)})
    its = facts(left=0, channels=["email", "chat"], settings=settings)
    assert cheapest_affordable(its) == 0
    assert cheapest_affordable(facts(left=0)) is None


@pytest.mark.parametrize(
    ("given", "end"),
    [
        ({"states": {"sent": 3, "blocked": 1}}, CampaignStatus.COMPLETED),
        (
            {"states": {"sent": 3, "blocked": 1}, "by_reason": {"budget_exceeded": 1}, "left": 0},
            CampaignStatus.BUDGET_EXHAUSTED,
        ),
        (
            {"states": {"sent": 3, "blocked": 1}, "by_reason": {"duplicate": 1}, "left": 0},
            CampaignStatus.COMPLETED,
        ),
        ({"states": {"cancelled": 3}, "status": CampaignStatus.CANCELLED}, "cancelled"),
    ],
)
def test_the_end_is_named_by_its_cause(given, end):
    assert step(**given).end == end


def test_at_its_end_the_rest_is_closed_and_those_under_way_are_waited_for():
    late: dict[str, Any] = {"end_date": NOW - timedelta(seconds=1)}
    sweep = step(states={"queued": 2}, **late).sweep
    assert sweep is not None
    assert sweep.reason is ExitReason.EXPIRED
    broke = step(states={"queued": 2}, left=0, **late).sweep
    assert broke is not None
    assert broke.reason is ExitReason.BUDGET_EXCEEDED
    assert waits_for(WaitReason.OUTCOMES, None, step(states={"sending": 1}, **late))
    # Planned before the end was moved: they would sleep on, some of them for days.
    asleep = step(states={"scheduled": 2, "sending": 1}, left=0, **late).sweep
    assert asleep is not None
    assert (asleep.states, asleep.reason) == ([OutreachState.SCHEDULED], ExitReason.EXPIRED)
    ended: dict[str, Any] = {"states": {"sent": 1, "blocked": 2}}
    assert step(by_reason={"expired": 2}, **ended, **late).end is CampaignStatus.EXPIRED
    assert step(by_reason={"duplicate": 2}, **ended, **late).end is CampaignStatus.COMPLETED


def test_a_cancel_closes_sleeping_messages_and_waits_for_those_on_their_way():
    cancelled: dict[str, Any] = {"status": CampaignStatus.CANCELLED}
    sweep = step(states={"scheduled": 2, "sending": 1}, **cancelled).sweep
    assert sweep is not None
    assert OutreachState.SCHEDULED in sweep.states
    assert OutreachState.SENDING not in sweep.states
    assert sweep.state is OutreachState.CANCELLED
    assert waits_for(WaitReason.OUTCOMES, None, step(states={"sending": 1}, **cancelled))


@given(
    states=st.dictionaries(st.sampled_from(OutreachState), st.integers(0, 2_000)),
    status=st.sampled_from(CampaignStatus),
    left=st.none() | st.integers(0, 50),
    daily_limit=st.none() | st.integers(0, 50),
    today=st.integers(0, 50),
    hours=st.none() | st.integers(-5, 5),
)
def test_there_is_one_next_step_and_none_that_forgets_a_recipient(
    states, status, left, daily_limit, today, hours
):
    end = None if hours is None else NOW + timedelta(hours=hours)
    given_ = {"states": states, "status": status, "left": left, "end_date": end}
    next_ = step(**given_, daily_limit=daily_limit, today=today)

    parts = (next_.dispatch, next_.retake, next_.wait, next_.sweep, next_.end)
    assert len([part for part in parts if part]) == 1
    open_states = ("queued", "deciding", "scheduled", "sending")
    if next_.end is not None:
        assert not any(states.get(OutreachState(state)) for state in open_states)
        assert next_.end in FINAL_STATUSES
    if next_.dispatch is not None:
        assert status is CampaignStatus.ACTIVE
        assert next_.dispatch <= states[OutreachState.QUEUED]
        assert daily_limit is None or next_.dispatch <= daily_limit - today
        assert left is None or next_.dispatch <= left
    if next_.retake is not None:
        assert next_.retake == states[OutreachState.DECIDING]
    if next_.sweep is not None:
        assert any(states.get(state) for state in next_.sweep.states)
