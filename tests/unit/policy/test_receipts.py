"""The effects of each kind of receipt, in every situation."""

from itertools import product

import pytest

from madan_sara.contracts.delivery import AttemptState, DeliveryEventKind
from madan_sara.policy.receipts import RULES, state_after, suppressed_by

KINDS, STATES = list(DeliveryEventKind), list(AttemptState)
HARD, SOFT = "5.1.1", "5.2.2"
#: States of an attempt that a provider has taken, or may have.
TAKEN = {AttemptState.ACCEPTED, AttemptState.UNKNOWN, AttemptState.BOUNCED}
REACTIONS = {DeliveryEventKind.OPENED, DeliveryEventKind.CLICKED, DeliveryEventKind.REPLIED}
OPT_OUTS = {DeliveryEventKind.UNSUBSCRIBED, DeliveryEventKind.COMPLAINED}


def test_every_kind_has_a_rule():
    assert set(RULES) == set(KINDS)


@pytest.mark.parametrize(("kind", "state"), [*product(KINDS, STATES)])
def test_an_attempt_is_changed_by_a_bounce_alone_once_its_provider_may_have_it(kind, state):
    is_over = kind is DeliveryEventKind.BOUNCED and state in TAKEN
    assert state_after(kind, state) is (AttemptState.BOUNCED if is_over else state)


@pytest.mark.parametrize(("first", "second"), [*product(KINDS, KINDS)])
def test_receipts_change_the_same_in_any_order_and_number(first, second):
    for state in STATES:
        once = state_after(first, state)
        assert state_after(first, once) is once
        assert state_after(second, once) is state_after(first, state_after(second, state))


@pytest.mark.parametrize(("kind", "state"), [*product(KINDS, STATES)])
def test_no_receipt_makes_a_message_paid_or_unpaid(kind, state):
    assert (state_after(kind, state) in TAKEN) == (state in TAKEN)


@pytest.mark.parametrize(("kind", "code"), [*product(KINDS, [None, SOFT, HARD])])
def test_only_an_opt_out_holds_for_the_person_too(kind, code):
    assert ("recipient" in suppressed_by(kind, code)) == (kind in OPT_OUTS)
    is_dead = kind is DeliveryEventKind.BOUNCED and code == HARD
    assert ("address" in suppressed_by(kind, code)) == (kind in OPT_OUTS or is_dead)


@pytest.mark.parametrize("kind", KINDS)
def test_the_next_channel_has_its_turn_where_the_attempt_is_over(kind):
    rule = RULES[kind]
    changes = {state for state in STATES if state_after(kind, state) is not state}
    assert rule.moves_on == bool(changes)
    assert rule.ends_wait or not rule.moves_on


@pytest.mark.parametrize("kind", KINDS)
def test_a_reaction_engages_and_an_unknown_receipt_changes_nothing(kind):
    assert RULES[kind].engages == (kind in REACTIONS)
    assert RULES[kind].ends_wait == (kind is not DeliveryEventKind.UNKNOWN)
