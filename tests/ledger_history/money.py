"""Whether a campaign's money and counts were granted and refused rightly.

Pure: the calls of a campaign's clients and the commits in its books, and what is wrong with
them. Nothing here is shared with the code that is checked.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tests.ledger_history.calls import Answer, Call, Kind
from tests.ledger_history.order import CommitOrder, Span

#: Scope and key: the campaign's own account, a channel's or a day's.
Account = tuple[str, str]
#: A message and the number of its attempt.
Attempt = tuple[str, int]


@dataclass(frozen=True)
class Booking:
    """An entry of the ledger."""

    #: The call that wrote it.
    number: int
    kind: str
    message: str
    attempt: int
    channel: str
    day: str
    amount: int

    @property
    def accounts(self) -> tuple[Account, Account, Account]:
        """The accounts it moves."""
        return (("campaign", ""), ("channel", self.channel), ("day", self.day))


@dataclass(frozen=True)
class Commit:
    """Bookings and changed limits of a campaign that became visible together."""

    #: The calls that wrote it, by their numbers.
    numbers: frozenset[int]
    bookings: tuple[Booking, ...] = ()


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


@dataclass(frozen=True)
class MoneyHistory:
    """The calls and commits of one campaign.

    Args:
        limits: those it began with.
        calls: in any order.
        commits: in their order.
    """

    limits: Mapping[str, int]
    calls: Sequence[Call]
    commits: Sequence[Commit]


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
        *_answers_against_books(history),
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
    holds = _lives_of_holds(history.commits)
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


@dataclass(frozen=True)
class _Hold:
    """A hold, and the states in which it is open."""

    booking: Booking
    opened: int
    ended: int | None = None

    def open_in(self, state: int) -> Booking | None:
        is_open = self.opened <= state and (self.ended is None or state < self.ended)
        return self.booking if is_open else None


def _lives_of_holds(commits: Sequence[Commit]) -> dict[Attempt, _Hold]:
    holds: dict[Attempt, _Hold] = {}
    for state, commit in enumerate(commits, 1):
        for booking in commit.bookings:
            attempt = (booking.message, booking.attempt)
            if booking.kind == "hold":
                holds[attempt] = _Hold(booking, state)
            elif attempt in holds:
                holds[attempt] = replace(holds[attempt], ended=state)
    return holds


def _answers_against_books(history: MoneyHistory) -> Iterator[str]:
    """Calls whose bookings are not those of their answer, and holds that end twice or unbegun."""
    written: defaultdict[int, Counter[tuple[str, str, int]]] = defaultdict(Counter)
    open_holds: set[Attempt] = set()
    for commit in history.commits:
        for booking in sorted(commit.bookings, key=lambda b: b.kind != "hold"):
            attempt = (booking.message, booking.attempt)
            written[booking.number][(booking.kind, *attempt)] += 1
            if (booking.kind == "hold") == (attempt in open_holds):
                yield f"{booking.kind} of a hold that is open already, or not open: {booking}"
            open_holds ^= {attempt}
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
        due = Counter([("hold", call.message, call.attempt)])
        if call.replaces:
            due[("release", call.message, call.replaces)] += 1
        return written == due
    if call.kind is Kind.CLOSE:
        return all(kind == "release" and m == call.message for kind, m, _ in written)
    # Another call may have ended the hold before it.
    end = "settle" if call.kind is Kind.SETTLE else "release"
    return written <= Counter([(end, call.message, call.attempt)])


def _limit_name(account: Account) -> str:
    scope, key = account
    return f"channel:{key}" if scope == "channel" else scope
