"""The checker of money, on histories that are right and on ones that must be found."""

from dataclasses import replace

from tests.ledger_history.bookings import Commit, MoneyHistory
from tests.ledger_history.calls import Answer, Kind
from tests.ledger_history.money import check_money
from tests.unit.ledger_history.made_up import booking, commit, hold, made_call

ONE = {"campaign": 1}
REFUSED = {"answer": Answer.BUDGET_EXCEEDED, "about": "campaign"}


def found(limits, calls, *commits) -> list[str]:
    return check_money(MoneyHistory(limits, calls, commits))


def test_a_grant_up_to_the_limit_and_a_refusal_after_it_are_right():
    first, second = hold(1, 10, 20), hold(2, 30, 40, **REFUSED)
    assert found(ONE, [first, second], commit(booking(first))) == []


def test_a_refusal_beside_the_last_grant_is_right():
    first, second = hold(1, 10, 50), hold(2, 30, 40, **REFUSED)
    assert found(ONE, [first, second], commit(booking(first))) == []


def test_a_grant_beyond_the_limit_is_found():
    calls = [hold(1, 10, 20), hold(2, 30, 40)]
    (violation,) = found(ONE, calls, *(commit(booking(call)) for call in calls))
    assert "passed campaign" in violation


def test_a_refusal_before_the_grant_that_took_the_room_is_found():
    first, second = hold(1, 30, 40), hold(2, 10, 20, **REFUSED)
    (violation,) = found(ONE, [first, second], commit(booking(first)))
    assert "refused with room" in violation


def test_a_refusal_after_the_release_that_gave_room_is_found():
    first, second = hold(1, 10, 20), hold(2, 50, 60, **REFUSED)
    release = made_call(3, Kind.RELEASE, 30, 40, message=first.message, attempt=1)
    commits = [commit(booking(first)), commit(booking(release, "release", of=first))]
    assert "refused with room" in found(ONE, [first, second, release], *commits)[0]
    beside = replace(second, began=39)
    assert found(ONE, [first, beside, release], *commits) == []


def test_a_settled_hold_gives_no_room():
    first, second = hold(1, 10, 20), hold(2, 50, 60, **REFUSED)
    settled = made_call(3, Kind.SETTLE, 30, 40, message=first.message, attempt=1)
    commits = [commit(booking(first)), commit(booking(settled, "settle", of=first))]
    assert found(ONE, [first, second, settled], *commits) == []


def test_a_refusal_must_name_the_account_that_is_full():
    first = hold(1, 10, 20)
    limits = {"channel:chat": 1, "day": 5}
    by_channel = hold(2, 30, 40, answer=Answer.BUDGET_EXCEEDED, about="channel")
    by_day = replace(by_channel, about="day")
    by_text = replace(by_channel, channel="sms")
    assert found(limits, [first, by_channel], commit(booking(first))) == []
    assert "refused with room" in found(limits, [first, by_day], commit(booking(first)))[0]
    assert "refused with room" in found(limits, [first, by_text], commit(booking(first)))[0]


def test_messages_are_counted_by_the_day_and_cost_nothing_too():
    first = hold(1, 10, 20, amount=0)
    refused = hold(2, 30, 40, amount=0, answer=Answer.DAILY_LIMIT, about="messages")
    tomorrow = replace(refused, day="tuesday")
    assert found({"messages": 1}, [first, refused], commit(booking(first))) == []
    (violation,) = found({"messages": 1}, [first, tomorrow], commit(booking(first)))
    assert "refused with room" in violation
    second = hold(3, 30, 40, amount=0)
    commits = [commit(booking(first)), commit(booking(second))]
    assert "passed messages" in found({"messages": 1}, [first, second], *commits)[0]


def test_a_replaced_hold_makes_room_for_its_own_replacement_only():
    first = hold(1, 10, 20)
    moved = hold(2, 30, 40, message=first.message, attempt=2, replaces=1, **REFUSED)
    other = hold(3, 30, 40, replaces=1, **REFUSED)
    assert "refused with room" in found(ONE, [first, moved], commit(booking(first)))[0]
    assert found(ONE, [first, other], commit(booking(first))) == []
    too_much = replace(moved, amount=2)
    assert found(ONE, [first, too_much], commit(booking(first))) == []


def test_a_changed_limit_counts_from_its_commit_on():
    first = hold(1, 10, 20)
    raised = made_call(2, Kind.LIMIT, 30, 40, limit="campaign", value=2)
    refused = hold(3, 50, 60, **REFUSED)
    commits = [commit(booking(first)), Commit(frozenset([2]))]
    assert "refused with room" in found(ONE, [first, raised, refused], *commits)[0]
    assert found(ONE, [first, raised, replace(refused, began=39)], *commits) == []


def test_a_limit_is_never_lowered_below_what_is_used():
    first = hold(1, 10, 20)
    lowered = made_call(2, Kind.LIMIT, 30, 40, limit="campaign", value=0)
    commits = [commit(booking(first)), Commit(frozenset([2]))]
    assert "passed campaign" in found(ONE, [first, lowered], *commits)[0]
    refused = replace(lowered, answer=Answer.BELOW_USED)
    assert found(ONE, [first, refused], commits[0]) == []
    early = replace(refused, began=1, ended=2)
    assert "refused with room" in found(ONE, [first, early], commits[0])[0]


def test_commits_against_real_time_are_found():
    first, second = hold(1, 30, 40), hold(2, 10, 20)
    violations = found({}, [first, second], commit(booking(first)), commit(booking(second)))
    assert len(violations) == 2
    assert all("ended before a commit in front of it" in v for v in violations)


def test_commits_made_together_lie_inside_of_all_their_calls():
    first, second = hold(1, 10, 20), hold(2, 30, 40)
    together = commit(booking(first), booking(second))
    assert "ended before a commit" in found({}, [first, second], together)[0]
    assert found({}, [first, replace(second, began=19)], together) == []


def test_answers_that_the_books_contradict_are_found():
    granted, refused = hold(1, 10, 20), hold(1, 10, 20, answer=Answer.HAS_ENDED)
    assert "the books have" in found({}, [granted])[0]
    assert "the books have" in found({}, [refused], commit(booking(refused)))[0]
    moved = hold(2, 30, 40, message=granted.message, attempt=2, replaces=1)
    commits = [commit(booking(granted)), commit(booking(moved))]
    assert "not given back by" in found({}, [granted, moved], *commits)[0]
    assert "never made" in found({}, [], commit(booking(granted)))[0]


def test_a_hold_that_ends_twice_is_found():
    first = hold(1, 10, 20)
    ends = [made_call(n, Kind.RELEASE, 30, 40, message=first.message, attempt=1) for n in (2, 3)]
    commits = [commit(booking(end, "release", of=first)) for end in ends]
    violations = found({}, [first, *ends], commit(booking(first)), *commits)
    assert any("open already, or not open" in violation for violation in violations)
    assert found({}, [first, *ends], commit(booking(first)), commits[0]) == []


def test_a_conflict_needs_another_call_that_was_first():
    first = hold(1, 10, 20)
    release = made_call(2, Kind.RELEASE, 30, 40, message=first.message, attempt=1)
    moved = hold(3, 35, 50, message=first.message, attempt=2, replaces=1, answer=Answer.CONFLICT)
    commits = [commit(booking(first)), commit(booking(release, "release", of=first))]
    assert found({}, [first, release, moved], *commits) == []
    early = replace(moved, began=21, ended=29)
    assert "no other call explains" in found({}, [first, release, early], *commits)[0]
    plain = hold(4, 35, 50, answer=Answer.CONFLICT)
    assert "no other call explains" in found({}, [first, release, plain], *commits)[0]


def test_a_settle_conflicts_with_another_settle_of_its_message_only():
    settles = [
        made_call(n, Kind.SETTLE, 10, 20, message="m", attempt=n, answer=answer)
        for n, answer in ((1, Answer.GRANTED), (2, Answer.CONFLICT))
    ]
    assert found({}, settles) == []
    assert "no other call explains" in found({}, settles[1:])[0]


def test_a_message_takes_no_hold_after_its_end_and_every_hold_before():
    close = made_call(1, Kind.CLOSE, 10, 20, message="m")
    refused = hold(2, 15, 30, message="m", answer=Answer.HAS_ENDED)
    assert found({}, [close, refused]) == []
    assert "had not ended" in found({}, [close, replace(refused, began=1, ended=9)])[0]
    blocked = made_call(3, Kind.CLAIM, 10, 20, message="m", answer=Answer.DUPLICATE)
    assert found({}, [blocked, refused]) == []


def test_a_hold_that_a_close_leaves_open_is_found():
    first = hold(1, 10, 30)
    close = made_call(2, Kind.CLOSE, 20, 40, message=first.message)
    kept, given_back = commit(booking(first)), commit(booking(close, "release", of=first))
    assert "open after close" in found({}, [first, close], kept)[0]
    assert found({}, [first, close], kept, given_back) == []
    sent = made_call(3, Kind.SETTLE, 20, 40, message=first.message, attempt=2)
    assert found({}, [first, sent, close], kept) == []
