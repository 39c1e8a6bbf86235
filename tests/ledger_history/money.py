"""Whether a campaign's money and counts were granted and refused rightly.

Pure: the calls of a campaign's clients and the commits in its books, and what is wrong with
them. Nothing here is shared with the code that is checked.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.ledger_history.answers import check_answers
from tests.ledger_history.bookings import (
    Account,
    Booking,
    Commit,
    MoneyHistory,
    lives_of_holds,
)
from tests.ledger_history.calls import Answer, Call, Kind
from tests.ledger_history.order import CommitOrder, Span


@dataclass(frozen=True)
class State:
    """A campaign between two commits.

    Limits are named `campaign`, `channel:...`, `day` and `messages`; the last two are those of
    each day. What has no limit is not there.
    """

    limits: Mapping[str, int]
    used: Mapping[Account, int]
    #: Messages by day.
    messages: Mapping[str, int]

    def after(self, commit: Commit, limits: Mapping[str, int]) -> "State":
        """The state one commit later."""
        used, messages = Counter(self.used), Counter(self.messages)
        for booking in commit.bookings:
            sign = {"hold": 1, "release": -1, "settle": 0}[booking.kind]
            messages[booking.day] += sign
            for account in booking.accounts:
                used[account] += sign * booking.amount
        return State({**self.limits, **limits}, used, messages)

    def beyond(self, changed: Mapping[str, int] | None = None) -> set[str]:
        """The names of the limits that are passed.

        Args:
            changed: limits to assume in place of its own.
        """
        limits = {**self.limits, **(changed or {})}
        passed = {
            _limit_name(account)
            for account, used in self.used.items()
            if used > limits.get(_limit_name(account), used)
        }
        most = max(self.messages.values(), default=0)
        return passed | ({"messages"} if most > limits.get("messages", most) else set())

    def lacking(self, asked: Call, given_back: Booking | None) -> set[str]:
        """The scopes without room for a hold, or `messages` where the day has no room."""
        freed = given_back.accounts if given_back else ()
        amount = given_back.amount if given_back else 0
        scopes = set()
        for account in (("campaign", ""), ("channel", asked.channel), ("day", asked.day)):
            limit = self.limits.get(_limit_name(account))
            used = self.used.get(account, 0) - (amount if account in freed else 0)
            if limit is not None and asked.amount and used + asked.amount > limit:
                scopes.add(account[0])
        count = self.messages.get(asked.day, 0) - (("day", asked.day) in freed)
        if count + 1 > self.limits.get("messages", count + 1):
            scopes.add("messages")
        return scopes


def check_money(history: MoneyHistory) -> list[str]:
    """All that is wrong with a history; nothing, if none of it is."""
    calls = {call.number: call for call in history.calls}
    stray = {n for commit in history.commits for n in commit.numbers} - calls.keys()
    if stray:
        return [f"a commit says call {number} wrote it, which was never made" for number in stray]
    order = CommitOrder(
        [Span.within([calls[n] for n in commit.numbers]) for commit in history.commits]
    )
    states = list(_states(history, calls))
    return [
        *check_answers(history, order),
        *(
            f"ended before a commit in front of it can have begun: {_made(commit, calls)}"
            for commit in map(history.commits.__getitem__, order.contradictions())
        ),
        *(
            f"passed {', '.join(sorted(passed))}: {_made(commit, calls)}"
            for commit, state in zip(history.commits, states[1:], strict=True)
            if (passed := state.beyond())
        ),
        *_unjustified(history, order, states),
    ]


def _made(commit: Commit, calls: Mapping[int, Call]) -> str:
    return "; ".join(str(calls[number]) for number in sorted(commit.numbers))


def _states(history: MoneyHistory, calls: Mapping[int, Call]) -> Iterator[State]:
    """The state before each commit, and the last."""
    state = State(history.limits, {}, {})
    yield state
    for commit in history.commits:
        changed = [calls[n] for n in commit.numbers if calls[n].kind is Kind.LIMIT]
        state = state.after(commit, {call.limit: call.value for call in changed})
        yield state


def _unjustified(
    history: MoneyHistory, order: CommitOrder, states: Sequence[State]
) -> Iterator[str]:
    """Refusals in none of whose possible states the named room was missing."""
    holds = lives_of_holds(history.commits)
    for call in history.calls:
        possible = order.states_during(Span(call.began, call.ended))
        if call.answer in (Answer.BUDGET_EXCEEDED, Answer.DAILY_LIMIT):
            replaced = holds.get((call.message, call.replaces))
            justified = any(
                call.about in states[n].lacking(call, replaced.open_in(n) if replaced else None)
                for n in possible
            )
        elif call.answer is Answer.BELOW_USED:
            justified = any(states[n].beyond({call.limit: call.value}) for n in possible)
        else:
            continue
        if not justified:
            yield f"refused with room in each state it can have met: {call}"


def _limit_name(account: Account) -> str:
    scope, key = account
    return f"channel:{key}" if scope == "channel" else scope
