"""One client of the ledger: it draws an operation, makes the call and notes what it saw."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Final

from tests.ledger_history.calls import Answer, Call, Kind
from tests.ledger_history.desk import Desk
from tests.ledger_history.round import CHANNELS, FIRST_DAY, LIMITS, Round

#: Numbers of one client are further apart than this; so those of two clients differ.
_MOST_CLIENTS: Final = 64
#: The campaigns' clock runs faster than the machine's, two and a half days to a second: the
#: windows of claims pass within a round.
_MICROSECONDS_PER_NANOSECOND: Final = 216
#: With so few messages some calls meet others on the same message, but most do not.
_MESSAGES: Final = 16

#: Calls of a client until it goes on to the next day.
_CALLS_PER_DAY: Final = 12

_WEIGHTS: Final = {
    "claim": 24,
    "hold": 26,
    "move": 14,
    "release": 8,
    "settle": 8,
    "close": 12,
    "change_limit": 8,
}


@dataclass
class Letter:
    """A message, as far as its process knows; calls under way may have changed it."""

    campaign: str
    message: str
    #: Granted, and not known to have ended.
    holds: list[Call] = field(default_factory=list)
    attempts: int = 0
    is_claimed: bool = False


@dataclass
class Shared:
    """The messages that the clients of a process share, and all their calls so far."""

    letters: list[Letter] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)


class Client:
    """Makes calls one after the other.

    Args:
        desk: the stores.
        share: the round.
        number: tells it from all other clients of the round.
        shared: what it shares with the others of its process.
    """

    def __init__(self, desk: Desk, share: Round, number: int, shared: Shared) -> None:
        self._desk = desk
        self._round = share
        self._number = number
        self._shared = shared
        self._made = 0
        self._dice = random.Random(share.seed * _MOST_CLIENTS + number)

    async def make_calls(self) -> None:
        """Make the calls of its share."""
        while self._made < self._round.calls_per_client:
            name = self._dice.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
            self._made += await getattr(self, f"_{name}")()

    async def _claim(self) -> bool:
        person, number = self._dice.choice(self._round.people)
        letter = await self._new_letter(person, number)
        identifiers = (f"id:{person}", f"phone:{number}")
        letter.is_claimed = True
        # Some are closed, or get a hold, while they are still claimed.
        is_early = self._dice.random() < 0.1
        if is_early:
            self._shared.letters.append(letter)
        call = await self._make(Kind.CLAIM, letter, identifiers=identifiers)
        if call.answer is not Answer.GRANTED:
            _forget(self._shared.letters, letter)
        elif not is_early:
            self._shared.letters.append(letter)
        return True

    async def _hold(self) -> bool:
        letters = self._shared.letters
        if len(letters) < _MESSAGES:
            letter = await self._new_letter(*self._dice.choice(self._round.people))
            letters.append(letter)
        else:
            letter = self._dice.choice(letters)
        if letter.holds:
            return False
        await self._take_hold(letter, replaced=None)
        return True

    async def _move(self) -> bool:
        letter = self._held_letter()
        if letter is not None:
            await self._take_hold(letter, replaced=self._dice.choice(letter.holds))
        return letter is not None

    async def _release(self) -> bool:
        letter = self._held_letter()
        if letter is not None:
            hold = self._dice.choice(letter.holds)
            await self._make(Kind.RELEASE, letter, attempt=hold.attempt)
            _forget(letter.holds, hold)
        return letter is not None

    async def _settle(self) -> bool:
        letter = self._held_letter()
        if letter is None:
            return False
        hold = self._dice.choice(letter.holds)
        if not await self._desk.open_attempt(replace(hold, number=self._instant())):
            return False
        await self._make(Kind.SETTLE, letter, attempt=hold.attempt)
        _forget(self._shared.letters, letter)
        return True

    async def _close(self) -> bool:
        claimed = [letter for letter in self._shared.letters if letter.is_claimed]
        # Most people would wait for the end of a claim until the end of the round.
        letters = claimed if self._dice.random() < 0.8 else self._shared.letters
        if not letters:
            return False
        letter = self._dice.choice(letters)
        await self._make(Kind.CLOSE, letter)
        _forget(self._shared.letters, letter)
        return True

    async def _change_limit(self) -> bool:
        letter = Letter(self._dice.choice(self._round.campaigns), "")
        limit = self._dice.choice(list(LIMITS))
        # Messages that are sent use limits up: raised more than lowered, they keep pace.
        step = self._dice.choice((-2, -1, 1, 2, 2)) * (2 if limit == "campaign" else 1)
        await self._make(Kind.LIMIT, letter, limit=limit, value=step)
        return True

    async def _take_hold(self, letter: Letter, replaced: Call | None) -> None:
        letter.attempts += 1
        call = await self._make(
            Kind.HOLD,
            letter,
            attempt=letter.attempts,
            replaces=replaced.attempt if replaced else 0,
            channel=self._dice.choice(CHANNELS).value,
            day=self._day().isoformat(),
            amount=self._dice.choice((0, 1, 1, 2)),
        )
        if call.answer is Answer.GRANTED:
            letter.holds.append(call)
            if replaced is not None:
                _forget(letter.holds, replaced)

    async def _make(self, kind: Kind, letter: Letter, **asked: Any) -> Call:
        """Make a call and note it."""
        draft = Call(
            number=self._instant(),
            kind=kind,
            campaign=letter.campaign,
            began=time.monotonic_ns(),
            ended=0,
            answer=Answer.GRANTED,
            message=letter.message,
            **asked,
        )
        outcome = await self._desk.answer(draft)
        call = replace(
            draft,
            ended=time.monotonic_ns(),
            answer=outcome.answer,
            about=outcome.about,
            value=outcome.value,
        )
        self._shared.calls.append(call)
        return call

    async def _new_letter(self, person: str, number: str) -> Letter:
        campaign = self._dice.choice(self._round.campaigns)
        return Letter(campaign, await self._desk.message(campaign, person, number))

    def _held_letter(self) -> Letter | None:
        held: Sequence[Letter] = [letter for letter in self._shared.letters if letter.holds]
        return self._dice.choice(held) if held else None

    def _day(self) -> date:
        """One of two days, which go on as calls are made: accounts are opened all the time."""
        return FIRST_DAY + timedelta(self._made // _CALLS_PER_DAY + self._dice.randrange(2))

    def _instant(self) -> int:
        """The present of the campaigns' clock, which no other call names."""
        elapsed = (time.monotonic_ns() - self._round.clock_base) * _MICROSECONDS_PER_NANOSECOND
        return elapsed // _MOST_CLIENTS * _MOST_CLIENTS + self._number


def _forget(things: list[Any], gone: object) -> None:
    """Take a thing out of a list, unless another call has done so."""
    if gone in things:
        things.remove(gone)
