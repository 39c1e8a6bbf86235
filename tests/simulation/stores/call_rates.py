"""The rates of accounts, as `persistence/call_rates.py` keeps them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from madan_sara.activities.call_rates import Turn
from madan_sara.policy.attempts import EMPTY_LINE, SHORT_WAIT

if TYPE_CHECKING:
    from tests.simulation.life import Life


@dataclass
class Line:
    """The row of one account: when it is free, and the last place in the line for that."""

    free_at: datetime
    ends_at: datetime
    #: The last place before the line, for what came late for its own.
    front_ends_at: datetime
    asked_at: datetime
    #: The smallest space between calls that was asked for in this line.
    apart: timedelta

    @classmethod
    def begun(cls, now: datetime, apart: timedelta) -> "Line":
        """The row of an account that nothing has called."""
        return cls(free_at=now, ends_at=now, front_ends_at=now, asked_at=now, apart=apart)

    def ask(self, now: datetime, apart: timedelta, *, in_line: bool) -> Turn:
        """Give a turn, or a place in the line."""
        back = max(self.asked_at - now, timedelta(0))
        self.asked_at, self.free_at = now, self.free_at - back
        self.ends_at, self.front_ends_at = self.ends_at - back, self.front_ends_at - back
        is_idle = self.free_at + max(apart, EMPTY_LINE) < now
        if apart < self.apart or (is_idle and not in_line):
            self.ends_at = min(self.ends_at, now)
        self.apart = min(self.apart, apart) if self.ends_at > now else apart
        goes_first = in_line or self.ends_at <= now
        if self.free_at <= now + (SHORT_WAIT if goes_first else timedelta(0)):
            turn_at = max(self.free_at, now)
            self.free_at = turn_at + apart
            return Turn(may_call=True, asked_at=now, comes_at=turn_at)
        front_at = max(self.front_ends_at + apart, self.free_at)
        if in_line and front_at <= now + 2 * apart:
            self.front_ends_at = front_at
            return Turn(may_call=False, asked_at=now, comes_at=front_at)
        self.ends_at = max(self.ends_at + apart, self.free_at)
        return Turn(may_call=False, asked_at=now, comes_at=self.ends_at)


class MemoryCallRates:
    """`CallRates` in memory.

    Args:
        life: whose network leads to them, and whose clock they have.
    """

    def __init__(self, life: "Life") -> None:
        self._life = life
        self._lines: dict[str, Line] = {}

    async def ask(self, account: str, apart: timedelta, *, in_line: bool) -> Turn:
        def commit() -> Turn:
            now = self._life.now()
            line = self._lines.setdefault(account, Line.begun(now, apart))
            return line.ask(now, apart, in_line=in_line)

        return await self._life.network.call("ask for a turn", commit)
