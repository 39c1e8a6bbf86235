"""How the sandbox providers misbehave on request.

The recipient's address asks for it: a word in a handle, an id or the local part
of an e-mail address (`refuse-17`, `ana.refuse@example.com`), or the last three
digits of a phone number (`+50937001901`). `BEHAVIOURS` is the table.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Behaviour(StrEnum):
    """A behaviour of the sandbox provider; the value is the word in the address."""

    ACCEPT = "accept"  #: Takes it and says so; a delivered receipt follows.
    REFUSE = "refuse"  #: Answers 422, `recipient_refused`; every time.
    THROTTLE = "throttle"  #: Answers 429 with Retry-After 1 at first, then accepts.
    FLAKY = "flaky"  #: Answers 500 at first, then accepts.
    SWALLOW = "swallow"  #: Takes it and drops the connection: the answer is lost.
    VANISH = "vanish"  #: Does not take it and never answers; every time.
    BOUNCE = "bounce"  #: Takes it and says so; a bounced receipt follows.
    HANG = "hang"  #: Takes it at once, answers when released.
    STALL = "stall"  #: Takes it when released, and answers then; pending until then.
    BUSY = "busy"  #: Answers 409, `recipient_busy`, with Retry-After 1 at first, then accepts.
    YEARS = "years"  #: Answers 503 with a Retry-After of ten years; every time.
    PARROT = "parrot"  #: Answers 422 with the recipient's address for a code; every time.
    TRICKLE = "trickle"  #: Takes it; the answer comes a byte a second and never ends.
    ENDLESS = "endless"  #: Takes it; the answer goes on for as long as it is read, up to 64 MiB.
    BOMB = "bomb"  #: Takes it; the answer is small, and unpacks to 128 MiB.
    GARBAGE = "garbage"  #: Takes it; the answer is no HTTP.
    TANGLED = "tangled"  #: Takes it; the answer is nested 30,000 deep.
    GIANT = "giant"  #: Takes it; the id in the answer has 10,000 characters.
    NUL = "nul"  #: Takes it; the id in the answer has a NUL in it.
    EXTRA = "extra"  #: Takes it and says so, and says on the same connection that it refuses it.


@dataclass(frozen=True)
class Trigger:
    """The parts of addresses that ask for a behaviour."""

    word: str
    phone_ending: str


#: How to ask for each behaviour; any other address is accepted.
BEHAVIOURS: Final[Mapping[Behaviour, Trigger]] = MappingProxyType(
    {
        Behaviour.REFUSE: Trigger("refuse", "901"),
        Behaviour.THROTTLE: Trigger("throttle", "902"),
        Behaviour.FLAKY: Trigger("flaky", "903"),
        Behaviour.SWALLOW: Trigger("swallow", "904"),
        Behaviour.VANISH: Trigger("vanish", "905"),
        Behaviour.BOUNCE: Trigger("bounce", "906"),
        Behaviour.HANG: Trigger("hang", "907"),
        Behaviour.STALL: Trigger("stall", "908"),
        Behaviour.BUSY: Trigger("busy", "909"),
        Behaviour.YEARS: Trigger("years", "910"),
        Behaviour.PARROT: Trigger("parrot", "911"),
        Behaviour.TRICKLE: Trigger("trickle", "912"),
        Behaviour.ENDLESS: Trigger("endless", "913"),
        Behaviour.BOMB: Trigger("bomb", "914"),
        Behaviour.GARBAGE: Trigger("garbage", "915"),
        Behaviour.TANGLED: Trigger("tangled", "916"),
        Behaviour.GIANT: Trigger("giant", "917"),
        Behaviour.NUL: Trigger("nul", "918"),
        Behaviour.EXTRA: Trigger("extra", "919"),
    }
)

_BY_WORD: Final = {trigger.word: behaviour for behaviour, trigger in BEHAVIOURS.items()}
_BY_PHONE_ENDING: Final = {
    trigger.phone_ending: behaviour for behaviour, trigger in BEHAVIOURS.items()
}
_PHONE: Final = re.compile(r"\+?[0-9]{5,}")


def behaviour_for(address: str) -> Behaviour:
    """The behaviour an address asks for; `ACCEPT` if it asks for none."""
    if _PHONE.fullmatch(address):
        return _BY_PHONE_ENDING.get(address[-3:], Behaviour.ACCEPT)
    word = asked_word(address, _BY_WORD)
    return _BY_WORD[word] if word else Behaviour.ACCEPT


def asked_word(address: str, words: Iterable[str]) -> str | None:
    """The first of these words that stands by itself in an address.

    By itself means between anything but letters: `hang-1` asks, `changchun` does not.
    """
    present = set(re.split(r"[^a-z]+", address.lower()))
    return next((word for word in words if word in present), None)
