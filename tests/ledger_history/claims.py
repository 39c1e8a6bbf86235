"""Whether rights to contact people were granted and refused rightly.

Pure: the calls of the clients and the changes of claims in the order of their commits, and what
is wrong with them. Grants on one identifier of a person wait for each other, so that the order
of their commits is the order in which they happened. Ends of claims wait for none: a reader may
still see a claim whose end has a place in the order already, as long as the call that ends it
has not returned.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from tests.ledger_history.calls import Answer, Call, Kind
from tests.ledger_history.order import CommitOrder, Span

#: Microseconds, as the numbers of calls are.
HOUR: Final = 3_600_000_000
DAY: Final = 24 * HOUR
WEEK: Final = 7 * DAY

_NO_REFUSALS: Final = (Answer.GRANTED, Answer.HAS_ENDED, Answer.FOUND_AGAIN)


@dataclass(frozen=True)
class Rules:
    """The rules of a campaign on how often a person is contacted."""

    lookback_hours: int
    messages_per_day: int
    messages_per_week: int


@dataclass(frozen=True)
class ClaimChange:
    """A claim was granted (`claim`), became one of a sent message (`sent`) or ended (`release`)."""

    kind: str
    message: str
    #: The call that wrote it.
    number: int


@dataclass(frozen=True)
class ClaimsHistory:
    """The claims of one tenant.

    Args:
        rules: by campaign.
        calls: in any order.
        changes: in the order of their commits.
    """

    rules: Mapping[str, Rules]
    calls: Sequence[Call]
    changes: Sequence[ClaimChange]


@dataclass(frozen=True)
class _Change:
    """A change's place in the order of commits, and its call."""

    position: int
    call: Call


@dataclass(frozen=True)
class _Right:
    """A claim from its grant to its end."""

    granted: _Change
    sent: _Change | None = None
    released: _Change | None = None

    def counts_before(self, since: int, *, position: int) -> bool:
        """Whether it counted when the commit at a position was decided.

        Args:
            since: a message sent at this instant, or before, does not count.
            position: a place in the order of commits.
        """
        if self.granted.position >= position:
            return False
        if self.released is not None and self.released.position < position:
            return False
        sent = self.sent
        return sent is None or sent.position > position or sent.call.number > since

    def can_count_at(self, since: int, *, instant: int) -> bool:
        """Whether it can have counted at an instant of the machine's clock."""
        if self.granted.call.began > instant:
            return False
        if self.released is not None and self.released.call.ended < instant:
            return False
        sent = self.sent
        return sent is None or sent.call.ended >= instant or sent.call.number > since


def check_claims(history: ClaimsHistory) -> list[str]:
    """All that is wrong with a history; nothing, if none of it is."""
    calls = {call.number: call for call in history.calls}
    stray = [change for change in history.changes if change.number not in calls]
    if stray:
        return [f"no call was made that can have written {change}" for change in stray]
    order = CommitOrder([Span.within([calls[change.number]]) for change in history.changes])
    rights = _rights(history, calls)
    persons = _by_identifier(rights.values())
    return [
        *_answers_against_books(history, rights),
        *(
            f"ended before a commit in front of it can have begun: {history.changes[position]}"
            for position in order.contradictions()
        ),
        *_wrongly_granted(history, rights, persons),
        *_wrongly_refused(history, persons),
        *_left_behind(history, rights),
    ]


def _rights(history: ClaimsHistory, calls: Mapping[int, Call]) -> dict[str, _Right]:
    """The granted claims, by their messages."""
    rights: dict[str, _Right] = {}
    for position, change in enumerate(history.changes):
        noted = _Change(position, calls[change.number])
        if change.kind == "claim":
            rights[change.message] = _Right(noted)
        elif change.kind == "sent":
            rights[change.message] = replace(rights[change.message], sent=noted)
        else:
            rights[change.message] = replace(rights[change.message], released=noted)
    return rights


def _by_identifier(rights: Iterable[_Right]) -> dict[str, list[_Right]]:
    found: defaultdict[str, list[_Right]] = defaultdict(list)
    for right in rights:
        for identifier in right.granted.call.identifiers:
            found[identifier].append(right)
    return found


def _others(call: Call, persons: Mapping[str, Sequence[_Right]]) -> list[_Right]:
    """The claims of other messages on any identifier of a claim's person."""
    found = {
        right.granted.call.message: right
        for identifier in call.identifiers
        for right in persons.get(identifier, ())
        if right.granted.call.message != call.message
    }
    return list(found.values())


def _answers_against_books(history: ClaimsHistory, rights: Mapping[str, _Right]) -> Iterator[str]:
    for call in history.calls:
        if call.kind is not Kind.CLAIM:
            continue
        right = rights.get(call.message)
        if (right is not None) != (call.answer is Answer.GRANTED):
            yield f"the books have {'a' if right else 'no'} claim for {call}"
        if call.answer is Answer.FOUND_AGAIN and not _is_held(call, history.calls):
            yield f"found again though nothing can have been held for it: {call}"


def _is_held(claim: Call, calls: Iterable[Call]) -> bool:
    """Whether money can have been held for a claim's message before it was answered."""
    return any(
        call.kind is Kind.HOLD
        and call.answer is Answer.GRANTED
        and call.message == claim.message
        and call.began < claim.ended
        for call in calls
    )


def _wrongly_granted(
    history: ClaimsHistory, rights: Mapping[str, _Right], persons: Mapping[str, Sequence[_Right]]
) -> Iterator[str]:
    """Grants that the claims committed before them forbade."""
    for right in rights.values():
        call = right.granted.call
        counts = partial(_Right.counts_before, position=right.granted.position)
        broken = _broken(history.rules[call.campaign], call, _others(call, persons), counts)
        for rule in sorted(broken):
            yield f"granted against the rule {rule}: {call}"


def _wrongly_refused(
    history: ClaimsHistory, persons: Mapping[str, Sequence[_Right]]
) -> Iterator[str]:
    """Refusals at no instant of whose calls the named rule can have been met."""
    for call in history.calls:
        if call.kind is not Kind.CLAIM or call.answer in _NO_REFUSALS:
            continue
        named = call.about if call.answer is Answer.FREQUENCY_CAP else call.answer.value
        rules, others = history.rules[call.campaign], _others(call, persons)
        # Between two begins of grants the claims that can count only become fewer.
        begins = [other.granted.call.began for other in others]
        instants = [call.began, *(at for at in begins if call.began < at <= call.ended)]
        if not any(
            named in _broken(rules, call, others, partial(_Right.can_count_at, instant=instant))
            for instant in instants
        ):
            yield f"refused at no instant at which the rule {named} can have been met: {call}"


def _left_behind(history: ClaimsHistory, rights: Mapping[str, _Right]) -> Iterator[str]:
    """Claims that still count though their messages were closed unsent."""
    for call in history.calls:
        right = rights.get(call.message) if call.kind is Kind.CLOSE else None
        if right is not None and right.sent is None and right.released is None:
            yield f"live after {call}: {right.granted.call}"


def _broken(
    rules: Rules, call: Call, others: Sequence[_Right], counts: Callable[[_Right, int], bool]
) -> set[str]:
    """The rules against a claim, by the words of their refusals.

    Args:
        rules: those of its campaign.
        call: the claim.
        others: claims on the same person.
        counts: whether one of them counts, if it was sent after an instant.
    """
    since_lookback = call.number - rules.lookback_hours * HOUR
    own = [o for o in others if o.granted.call.campaign == call.campaign]
    broken = set()
    if any(counts(other, since_lookback) for other in own):
        broken.add(Answer.DUPLICATE.value)
    if sum(counts(other, call.number - DAY) for other in others) >= rules.messages_per_day:
        broken.add("day")
    if sum(counts(other, call.number - WEEK) for other in others) >= rules.messages_per_week:
        broken.add("week")
    return broken
