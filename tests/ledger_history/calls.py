"""A call to the ledger or the claims, as its caller saw it."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The thing a call asked for."""

    HOLD = "hold"  #: The price of an attempt; it may replace another attempt's hold.
    RELEASE = "release"  #: A hold is given back.
    SETTLE = "settle"  #: A provider has taken an attempt.
    CLAIM = "claim"  #: The right to contact a person.
    CLOSE = "close"  #: A message ends unsent; its claim and its holds are given back.
    LIMIT = "limit"  #: A limit of a campaign becomes another.


class Answer(StrEnum):
    """The answer to a call."""

    GRANTED = "granted"
    BUDGET_EXCEEDED = "budget_exceeded"
    DAILY_LIMIT = "daily_limit"
    DUPLICATE = "duplicate"
    FREQUENCY_CAP = "frequency_cap"
    BELOW_USED = "below_used"  #: The limit would be below what is held or spent.
    HAS_ENDED = "has_ended"  #: The message takes no hold, and no claim, any more.
    FOUND_AGAIN = "found_again"  #: Money is held for the message already: it gets no claim anew.
    CONFLICT = "conflict"  #: Another call on the same message was first; a worker would try again.


@dataclass(frozen=True)
class Call:
    """One call. Fields that its kind does not need stay empty."""

    #: The instant the caller named, in microseconds; no two calls of a history share one, so
    #: that each row of the books says which call wrote it.
    number: int
    kind: Kind
    campaign: str
    #: Nanoseconds of the machine's monotonic clock.
    began: int
    ended: int
    answer: Answer
    #: The scope, period or limit a refusal names.
    about: str = ""
    message: str = ""
    attempt: int = 0
    #: The attempt whose hold is replaced; 0: none.
    replaces: int = 0
    channel: str = ""
    day: str = ""
    amount: int = 0
    #: What the person of a claim is known by.
    identifiers: tuple[str, ...] = ()
    #: The limit that was to change, and its new value.
    limit: str = ""
    value: int = 0

    def __str__(self) -> str:
        asked = {
            name: value
            for name, value in asdict(self).items()
            if value and name not in ("kind", "answer", "about", "campaign")
        }
        return f"{self.kind} answered {self.answer} {self.about} {asked}"


def write_calls(calls: Iterable[Call]) -> str:
    """Calls as lines of JSON."""
    return "".join(f"{json.dumps(asdict(call))}\n" for call in calls)


def read_calls(lines: Iterable[str]) -> Iterator[Call]:
    """The calls of `write_calls`."""
    for line in lines:
        found = json.loads(line)
        found["kind"], found["answer"] = Kind(found["kind"]), Answer(found["answer"])
        found["identifiers"] = tuple(found["identifiers"])
        yield Call(**found)
