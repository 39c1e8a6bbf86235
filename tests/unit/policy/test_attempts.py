"""The table of moves, over every situation there is, and the waits."""

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.policy.attempts import (
    LONGEST_ASKED,
    LONGEST_OUTAGE,
    RULES,
    Known,
    Move,
    Obstacle,
    Recovery,
    Situation,
    next_move,
    patience_left,
    wait_between_probes,
    wait_for_recipient,
)

_FLAGS = ("is_settled", "was_lost", "has_tries", "is_account_down")
SITUATIONS = [
    Situation(known, recovery, obstacle, **dict(zip(_FLAGS, flags, strict=True)))
    for known, recovery, obstacle in product(Known, Recovery, Obstacle)
    for flags in product((True, False), repeat=len(_FLAGS))
]
WAITS = {
    Move.SETTLE,
    Move.WAIT_FOR_ACCOUNT,
    Move.WAIT_FOR_HOURS,
    Move.WAIT_FOR_RESUME,
}


def situations(**fixed):
    return [s for s in SITUATIONS if all(getattr(s, name) in v for name, v in fixed.items())]


def test_every_rule_is_reached_and_every_situation_has_a_move():
    reached = {next(i for i, (fits, _) in enumerate(RULES) if fits(s)) for s in SITUATIONS}
    assert reached == set(range(len(RULES)))


def test_an_attempt_with_an_outcome_is_answered_in_any_situation():
    assert {next_move(s) for s in situations(known=[Known.CONCLUDED])} == {Move.ANSWER}


def test_what_may_be_out_is_called_again_only_where_that_is_safe_or_was_chosen():
    out = situations(known=[Known.MAY_BE_OUT])
    calls = {s.recovery for s in out if next_move(s) is Move.CALL}
    assert calls == {Recovery.KEYS, Recovery.RESEND}
    assert all(s.is_settled for s in out if next_move(s) is Move.CALL and s.recovery != "keys")


def test_the_properties_of_a_recovery_agree_with_the_table():
    for recovery in Recovery:
        free = Situation(Known.MAY_BE_OUT, recovery)
        assert recovery.calls_again == (next_move(free) is Move.CALL)
        assert not recovery.may_send_twice or recovery.calls_again


def test_nothing_is_called_beside_a_call_that_may_be_under_way():
    """Whatever its provider honours: it might refuse a key that is in use."""
    under_way = [s for s in situations(known=[Known.MAY_BE_OUT]) if not s.is_settled]
    assert {next_move(s) for s in under_way} == {Move.SETTLE}


def test_a_provider_is_asked_before_anything_else_and_never_too_early():
    asked = situations(known=[Known.MAY_BE_OUT], recovery=[Recovery.LOOK_UP])
    assert {next_move(s) for s in asked if s.is_settled} == {Move.LOOK_UP}
    assert {next_move(s) for s in asked if not s.is_settled} == {Move.SETTLE}


def test_nothing_is_given_up_that_was_never_lost():
    for s in SITUATIONS:
        if s.known is Known.NOT_TAKEN and s.has_tries:
            assert next_move(s) is not Move.LOSE


def test_a_pause_is_asked_for_before_every_call():
    assert all(next_move(s) is not Move.CALL for s in situations(obstacle=[Obstacle.PAUSED]))


def test_what_nothing_can_tell_of_is_lost_only_when_the_call_must_be_over():
    out = situations(known=[Known.MAY_BE_OUT], recovery=[Recovery.NONE])
    assert {next_move(s) for s in out if s.is_settled} == {Move.LOSE}
    assert {next_move(s) for s in out if not s.is_settled} == {Move.SETTLE}


def test_what_may_be_out_is_never_given_back_to_its_workflow():
    assert all(next_move(s) is not Move.YIELD for s in situations(known=[Known.MAY_BE_OUT]))


def test_nothing_is_called_in_a_pause_behind_a_rule_or_at_an_account_out_of_service():
    for s in SITUATIONS:
        if s.obstacle is not Obstacle.NONE or s.is_account_down:
            assert next_move(s) is not Move.CALL


def test_without_tries_nothing_waits_for_an_account_or_calls():
    for s in SITUATIONS:
        if not s.has_tries:
            assert next_move(s) not in (Move.WAIT_FOR_ACCOUNT, Move.CALL)


def test_every_wait_ends_with_its_cause():
    """Settled, in the allowed hours, resumed, the account back: no situation waits then."""
    for s in SITUATIONS:
        if next_move(s) in WAITS:
            over = replace(s, is_settled=True, obstacle=Obstacle.NONE, is_account_down=False)
            assert next_move(over) not in WAITS


def test_one_first_call_needs_nothing_but_a_working_account():
    first = Situation(Known.NOT_TAKEN, Recovery.NONE)
    assert next_move(first) is Move.CALL
    assert next_move(replace(first, is_account_down=True)) is Move.WAIT_FOR_ACCOUNT


@pytest.mark.parametrize(
    ("channel", "settings", "is_last", "is_outage", "patience"),
    [
        (Channel.EMAIL, {}, False, False, timedelta(hours=24)),
        (Channel.SMS, {}, False, True, timedelta(hours=2)),
        (Channel.WHATSAPP, {}, True, False, timedelta(hours=2)),
        (Channel.SMS, {}, True, True, LONGEST_OUTAGE),
        (Channel.SMS, {"patience_minutes": {"sms": 5}}, False, False, timedelta(minutes=5)),
        (Channel.EMAIL, {"fallback_after_minutes": 9}, False, True, timedelta(minutes=9)),
        (Channel.EMAIL, {"fallback_after_minutes": 9}, True, False, timedelta(hours=24)),
        (Channel.SMS, {"fallback_after_minutes": 600}, False, False, timedelta(hours=2)),
    ],
)
def test_patience(channel, settings, is_last, is_outage, patience):
    waited = timedelta(minutes=3)
    left = patience_left(
        OrchestratorSettings(**settings), channel, waited, is_last=is_last, is_outage=is_outage
    )
    assert left == patience - waited


def test_mail_that_is_put_off_is_tried_after_growing_waits():
    waited, waits = timedelta(0), []
    while waited < timedelta(hours=6):
        wait = wait_for_recipient(Channel.EMAIL, waited, None)
        waits.append(int(wait.total_seconds() // 60))
        waited += wait + timedelta(seconds=2)
    assert waits == [1, 5, 10, 30, 60, 120, 120, 120]


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400)))
def test_a_recipient_is_left_alone_as_long_as_the_provider_asks_but_looked_at_each_hour(asked):
    wait = wait_for_recipient(Channel.SMS, timedelta(0), asked)
    assert timedelta(seconds=1) <= wait <= LONGEST_ASKED
    if timedelta(seconds=1) <= asked <= LONGEST_ASKED:
        assert wait == asked


@given(
    st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=9)),
    st.none() | st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400)),
    st.booleans(),
)
def test_an_account_is_looked_at_now_and_then_however_long_it_is_away(down_for, asked, wrong):
    wait = wait_between_probes(down_for, asked, misconfigured=wrong)
    assert timedelta(seconds=5) <= wait <= LONGEST_ASKED
    assert wait >= min(asked or timedelta(0), LONGEST_ASKED)
