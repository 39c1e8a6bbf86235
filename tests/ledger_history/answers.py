"""Whether the answers to the calls of a campaign and its books agree."""

from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.ledger_history.bookings import Attempt, MoneyHistory, lives_of_holds
from tests.ledger_history.calls import Answer, Call, Kind
from tests.ledger_history.order import CommitOrder, Span


def check_answers(history: MoneyHistory, order: CommitOrder) -> Iterator[str]:
    """All answers that say other than the books, or that no other call explains."""
    yield from _bookings_of_calls(history)
    yield from _pairs_of_holds(history)
    yield from _ends_of_messages(history)
    yield from _unexplained_conflicts(history, order)


def _bookings_of_calls(history: MoneyHistory) -> Iterator[str]:
    """Calls whose bookings are not those of their answer."""
    written: defaultdict[int, Counter[tuple[str, str, int]]] = defaultdict(Counter)
    for commit in history.commits:
        for booking in commit.bookings:
            written[booking.number][(booking.kind, booking.message, booking.attempt)] += 1
    changing = {number for commit in history.commits for number in commit.numbers}
    for call in history.calls:
        if not _agrees(call, written[call.number], call.number in changing):
            yield f"the books have {dict(written[call.number])} for {call}"


def _agrees(call: Call, written: Counter[tuple[str, str, int]], has_committed: bool) -> bool:
    """Whether a call wrote what it answered."""
    if call.kind is Kind.LIMIT:
        return not written and has_committed == (call.answer is Answer.GRANTED)
    if call.answer is not Answer.GRANTED:
        return not written
    if call.kind is Kind.HOLD:
        # Another call may have given back what it replaces; see `_ends_of_messages`.
        given_back = Counter([("release", call.message, call.replaces)])
        return written - given_back == Counter([("hold", call.message, call.attempt)])
    if call.kind is Kind.CLOSE:
        return all(kind == "release" and m == call.message for kind, m, _ in written)
    # Another call may have ended the hold before it.
    end = "settle" if call.kind is Kind.SETTLE else "release"
    return written <= Counter([(end, call.message, call.attempt)])


def _pairs_of_holds(history: MoneyHistory) -> Iterator[str]:
    """Bookings that begin a hold twice, or end one that is not open."""
    open_holds: set[Attempt] = set()
    for commit in history.commits:
        for booking in sorted(commit.bookings, key=lambda b: b.kind != "hold"):
            attempt = (booking.message, booking.attempt)
            if (booking.kind == "hold") == (attempt in open_holds):
                yield f"{booking.kind} of a hold that is open already, or not open: {booking}"
            open_holds ^= {attempt}


def _ends_of_messages(history: MoneyHistory) -> Iterator[str]:
    """Holds on messages that were closed, and refusals to messages that were not."""
    ends: defaultdict[str, list[Call]] = defaultdict(list)
    for call in history.calls:
        has_closed = call.kind in (Kind.CLOSE, Kind.SETTLE) and call.answer is Answer.GRANTED
        if has_closed or call.answer in (Answer.DUPLICATE, Answer.FREQUENCY_CAP):
            ends[call.message].append(call)
    for call in history.calls:
        if call.answer is Answer.HAS_ENDED and not any(
            end.began <= call.ended for end in ends[call.message]
        ):
            yield f"refused to a message that had not ended: {call}"
    lives = lives_of_holds(history.commits)
    for call in history.calls:
        if call.kind is not Kind.HOLD or call.answer is not Answer.GRANTED or not call.replaces:
            continue
        replaced, new = (lives.get((call.message, no)) for no in (call.replaces, call.attempt))
        if replaced and new and replaced.open_in(new.opened):
            yield f"not given back by {call}"
    for life in lives.values():
        of_message = ends[life.booking.message]
        # A message that was sent, or refused its claim, is left alone by a close.
        is_closed = bool(of_message) and all(end.kind is Kind.CLOSE for end in of_message)
        if life.ended is None and is_closed:
            yield f"open after {of_message[0]}: {life.booking}"


def _unexplained_conflicts(history: MoneyHistory, order: CommitOrder) -> Iterator[str]:
    """Conflicts without another call on the message that was first."""
    holds = lives_of_holds(history.commits)
    settles: defaultdict[str, list[Call]] = defaultdict(list)
    for call in history.calls:
        if call.kind is Kind.SETTLE and call.answer is Answer.GRANTED:
            settles[call.message].append(call)
    for call in history.calls:
        if call.answer is not Answer.CONFLICT:
            continue
        if call.kind is Kind.SETTLE:
            explained = any(other.began <= call.ended for other in settles[call.message])
        else:
            replaced = holds.get((call.message, call.replaces))
            possible = order.states_during(Span(call.began, call.ended))
            explained = replaced is not None and any(not replaced.open_in(n) for n in possible)
        if not explained:
            yield f"no other call explains {call}"
