"""Calls and commits for small made-up histories."""

from typing import Any

from tests.ledger_history.bookings import Booking, Commit
from tests.ledger_history.calls import Answer, Call, Kind


def made_call(number: int, kind: Kind, began: int, ended: int, **asked: Any) -> Call:
    """A granted call of the only campaign, unless it is said otherwise."""
    return Call(
        **{
            "number": number,
            "kind": kind,
            "campaign": "fair",
            "began": began,
            "ended": ended,
            "answer": Answer.GRANTED,
            "message": f"m{number}",
            **asked,
        }
    )


def hold(number: int, began: int, ended: int, **asked: Any) -> Call:
    """A call for one unit on a channel and a day."""
    place = {"attempt": 1, "channel": "chat", "day": "monday", "amount": 1}
    return made_call(number, Kind.HOLD, began, ended, **{**place, **asked})


def booking(call: Call, kind: str = "hold", *, of: Call | None = None) -> Booking:
    """An entry that a call wrote, for its own hold or for that of another call."""
    held = of or call
    return Booking(
        number=call.number,
        kind=kind,
        message=held.message,
        attempt=held.attempt,
        channel=held.channel,
        day=held.day,
        amount=held.amount,
    )


def commit(*bookings: Booking) -> Commit:
    """Entries that became visible together."""
    return Commit(frozenset(b.number for b in bookings), bookings)
