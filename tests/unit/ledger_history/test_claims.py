"""The checker of claims, on histories that are right and on ones that must be found."""

from dataclasses import replace

from tests.ledger_history.calls import Answer, Call, Kind
from tests.ledger_history.claims import (
    HOUR,
    ClaimChange,
    ClaimsHistory,
    Rules,
    check_claims,
)
from tests.unit.ledger_history.made_up import made_call

RULES = {
    "fair": Rules(lookback_hours=24, messages_per_day=2, messages_per_week=3),
    "ball": Rules(lookback_hours=24, messages_per_day=2, messages_per_week=3),
    "race": Rules(lookback_hours=24, messages_per_day=2, messages_per_week=3),
    "show": Rules(lookback_hours=24, messages_per_day=9, messages_per_week=3),
}


def claim(number: int, began: int, ended: int, **asked) -> Call:
    return made_call(number, Kind.CLAIM, began, ended, **{"identifiers": ("id:marie",), **asked})


def duplicate(number: int, began: int, ended: int, **asked) -> Call:
    return claim(number, began, ended, answer=Answer.DUPLICATE, **asked)


def capped(period: str, number: int, began: int, ended: int, **asked) -> Call:
    return claim(number, began, ended, answer=Answer.FREQUENCY_CAP, about=period, **asked)


def end(kind: Kind, number: int, began: int, ended: int, of: Call) -> Call:
    return made_call(number, kind, began, ended, message=of.message)


def change(call: Call) -> ClaimChange:
    kind = {Kind.CLAIM: "claim", Kind.SETTLE: "sent", Kind.CLOSE: "release"}[call.kind]
    return ClaimChange(kind, call.message, call.number)


def found(*calls: Call) -> list[str]:
    """What is wrong, if the granted calls were committed in the order they are given in."""
    changes = [change(call) for call in calls if call.answer is Answer.GRANTED]
    return check_claims(ClaimsHistory(RULES, calls, changes))


def test_one_claim_and_a_refusal_after_it_are_right():
    assert found(claim(1, 10, 20), duplicate(2, 30, 40)) == []


def test_a_refusal_beside_the_grant_is_right_and_one_before_it_is_found():
    assert found(claim(1, 10, 20), duplicate(2, 5, 15)) == []
    assert "refused at no instant" in found(claim(1, 10, 20), duplicate(2, 5, 9))[0]


def test_two_live_claims_of_a_campaign_are_found():
    assert "against the rule duplicate" in found(claim(1, 10, 20), claim(2, 30, 40))[0]
    assert found(claim(1, 10, 20), claim(2, 30, 40, identifiers=("id:jane",))) == []


def test_one_identifier_in_common_makes_one_person():
    first = claim(1, 10, 20, identifiers=("id:marie", "phone:1"))
    second = claim(2, 30, 40, identifiers=("id:jane", "phone:1"))
    assert "against the rule duplicate" in found(first, second)[0]
    assert found(first, replace(second, answer=Answer.DUPLICATE)) == []


def test_a_claim_that_ended_before_allows_another_and_justifies_no_refusal():
    first = claim(1, 10, 20)
    close = end(Kind.CLOSE, 2, 30, 40, first)
    assert found(first, close, claim(3, 50, 60)) == []
    assert found(first, close, duplicate(3, 35, 60)) == []
    assert "refused at no instant" in found(first, close, duplicate(3, 41, 60))[0]


def test_a_grant_in_front_of_the_end_it_needs_is_found():
    first = claim(1, 10, 20)
    close = end(Kind.CLOSE, 2, 30, 60, first)
    assert "against the rule duplicate" in found(first, claim(3, 40, 50), close)[0]


def test_a_sent_message_counts_until_the_window_has_passed():
    first = claim(1, 10, 20)
    sent = end(Kind.SETTLE, 2, 30, 40, first)
    inside, outside = 2 + 24 * HOUR - 1, 2 + 24 * HOUR
    assert "against the rule duplicate" in found(first, sent, claim(inside, 50, 60))[0]
    assert found(first, sent, duplicate(inside, 50, 60)) == []
    assert found(first, sent, claim(outside, 50, 60)) == []
    assert found(first, sent, duplicate(outside, 39, 60)) == []
    assert "refused at no instant" in found(first, sent, duplicate(outside, 50, 60))[0]


def test_the_cap_of_the_day_holds_over_all_campaigns():
    two = [claim(1, 10, 20), claim(2, 10, 20, campaign="ball")]
    third = claim(3, 30, 40, campaign="race")
    assert "against the rule day" in found(*two, third)[0]
    assert found(*two, replace(third, answer=Answer.FREQUENCY_CAP, about="day")) == []
    alone = capped("day", 3, 30, 40, campaign="race")
    assert "refused at no instant" in found(two[0], alone)[0]


def test_a_refusal_must_name_the_period_that_is_full():
    two = [claim(1, 10, 20), claim(2, 10, 20, campaign="ball")]
    assert "refused at no instant" in found(*two, capped("week", 3, 30, 40, campaign="race"))[0]


def test_the_cap_of_the_week_counts_messages_of_days_ago():
    first, second = claim(1, 10, 20), claim(2, 10, 20, campaign="ball")
    sent = [end(Kind.SETTLE, 3, 30, 40, first), end(Kind.SETTLE, 4, 30, 40, second)]
    third = claim(30 * HOUR, 50, 60, campaign="race")
    granted = claim(31 * HOUR, 70, 80, campaign="show")
    refused = replace(granted, answer=Answer.FREQUENCY_CAP, about="week")
    assert "against the rule week" in found(first, second, *sent, third, granted)[0]
    assert found(first, second, *sent, third, refused) == []


def test_claims_that_counted_one_after_the_other_justify_no_refusal():
    first, second = claim(1, 10, 20), claim(3, 50, 60, campaign="ball")
    close = end(Kind.CLOSE, 2, 30, 40, first)
    refused = capped("day", 4, 15, 70, campaign="race")
    assert "refused at no instant" in found(first, close, second, refused)[0]
    beside = replace(close, ended=55)
    assert found(first, beside, second, refused) == []


def test_commits_against_real_time_are_found():
    violations = found(claim(1, 30, 40), claim(2, 10, 20, identifiers=("id:jane",)))
    assert len(violations) == 2
    assert all("ended before a commit in front of it" in v for v in violations)


def test_answers_that_the_books_contradict_are_found():
    granted = claim(1, 10, 20)
    assert "the books have no claim" in check_claims(ClaimsHistory(RULES, [granted], []))[0]
    refused = replace(granted, answer=Answer.DUPLICATE)
    history = ClaimsHistory(RULES, [refused], [change(granted)])
    assert "the books have a claim" in check_claims(history)[0]
    assert "no call was made" in check_claims(ClaimsHistory(RULES, [], [change(granted)]))[0]


def test_a_claim_is_found_again_only_where_money_can_have_been_held():
    again = claim(1, 10, 20, answer=Answer.FOUND_AGAIN)
    held = made_call(2, Kind.HOLD, 5, 15, message=again.message)
    assert check_claims(ClaimsHistory(RULES, [again, held], [])) == []
    for late in ([], [replace(held, began=25, ended=30)], [replace(held, answer=Answer.CONFLICT)]):
        history = ClaimsHistory(RULES, [again, *late], [])
        assert "nothing can have been held" in check_claims(history)[0]


def test_a_claim_that_a_close_leaves_live_is_found():
    first = claim(1, 10, 30)
    close = end(Kind.CLOSE, 2, 20, 40, first)
    assert found(first, close) == []
    left = check_claims(ClaimsHistory(RULES, [first, close], [change(first)]))
    assert "live after close" in left[0]
