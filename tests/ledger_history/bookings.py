"""The entries of a campaign's ledger, commit by commit, and the lives of its holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tests.ledger_history.calls import Call

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


@dataclass(frozen=True)
class HoldLife:
    """A hold, and the states in which it is open."""

    booking: Booking
    opened: int
    ended: int | None = None

    def open_in(self, state: int) -> Booking | None:
        """The hold, if it is open in a state."""
        is_open = self.opened <= state and (self.ended is None or state < self.ended)
        return self.booking if is_open else None


def lives_of_holds(commits: Sequence[Commit]) -> dict[Attempt, HoldLife]:
    """Every hold from its commit to that of its end."""
    holds: dict[Attempt, HoldLife] = {}
    for state, commit in enumerate(commits, 1):
        for booking in commit.bookings:
            attempt = (booking.message, booking.attempt)
            if booking.kind == "hold":
                holds[attempt] = HoldLife(booking, state)
            elif attempt in holds:
                holds[attempt] = replace(holds[attempt], ended=state)
    return holds
