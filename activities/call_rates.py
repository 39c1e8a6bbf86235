"""Port to the rates at which accounts at providers may be called, which all workers share."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol


@dataclass(frozen=True)
class Turn:
    """The answer to a delivery that is ready to call."""

    #: Whether it may call once its turn comes; else a place in the line comes, to ask again from.
    may_call: bool
    #: Both by the clock of the rates, which all workers share and none compares with its own.
    asked_at: datetime
    comes_at: datetime

    @property
    def wait(self) -> timedelta:
        """Until it comes."""
        return self.comes_at - self.asked_at


class CallRates(Protocol):
    """The accounts whose calls are spaced, each with the line that waits for it."""

    async def ask(self, account: str, apart: timedelta, *, in_line: bool) -> Turn:
        """Ask to call an account once.

        Turns are `apart` and never given back: a turn is for the run that has got it, and dies
        with it. A turn that comes soon is given at once, else a place in the line is: where the
        next one to come back is to ask again. Before a line of others, only an account that is
        idle is called.

        Args:
            account: as its sender names it.
            apart: the time from one call to the next.
            in_line: whether the delivery comes back: at its place in the line, or after it was put
                off or lost its answer.
        """
        ...


class CallRate:
    """The rate of one account, as the deliveries of a channel keep to it.

    Args:
        rates: the rates of all accounts.
        account: as its sender names it.
        per_second: calls per second over all workers.
    """

    def __init__(self, rates: CallRates, account: str, per_second: float) -> None:
        self._rates = rates
        self._account = account
        self.per_second = per_second
        # Rounded up: the clock of PostgreSQL has whole microseconds.
        self._apart = timedelta(microseconds=math.ceil(1_000_000 / per_second))

    async def ask(self, *, in_line: bool) -> Turn:
        """Ask for one call; see `CallRates`."""
        return await self._rates.ask(self._account, self._apart, in_line=in_line)
