"""The way between a worker and the database: slow now and then, broken, or cut."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, TypeVar

from madan_sara.contracts.errors import UnreachableError
from tests.simulation.activity_run import CURRENT_RUN
from tests.simulation.errors import LifeOver
from tests.simulation.tables import ConstraintError

if TYPE_CHECKING:
    from tests.simulation.life import Life

R = TypeVar("R")


class Mishap(Enum):
    """What befalls a worker at one statement, before it is committed or after."""

    SLOW_BEFORE = auto()
    SLOW_AFTER = auto()
    FAILS_BEFORE = auto()
    FAILS_AFTER = auto()
    DIES_BEFORE = auto()
    DIES_AFTER = auto()
    STOPS_BEFORE = auto()
    STOPS_AFTER = auto()


#: A mishap each so many statements, of any one kind.
_ONCE_IN: Final = 400
_MISHAPS: Final = tuple(Mishap)
_AFTER: Final = frozenset(
    {Mishap.SLOW_AFTER, Mishap.FAILS_AFTER, Mishap.DIES_AFTER, Mishap.STOPS_AFTER}
)
_SLOW: Final = (0.01, 0.3, 2.0, 9.0)
#: A machine that was suspended goes on as if nothing had been.
_STOPPED: Final = (6.0, 12.0, 40.0, 200.0, 2_000.0)
#: Nothing is heard of a worker: it is taken for dead.
_TAKEN_FOR_DEAD: Final = 10.0


class Network:
    """How statements get to the database and answers back.

    Args:
        life: what it is part of.
    """

    def __init__(self, life: "Life") -> None:
        self._life = life
        self._draws = life.draws
        #: In some lives each statement of a step beside its workflow takes so long that the
        #: step's task is stored halfway, and whatever has arrived meanwhile comes in.
        self._step_lasts = self._draws.rarely(12, (4.5,)) or 0.0
        #: The database does not answer before this instant of the loop.
        self.away_until = 0.0

    async def call(self, what: str, commit: Callable[[], R]) -> R:
        """Have the database carry out a statement, committed in one step.

        Raises:
            UnreachableError: it was not carried out, or was and its answer is lost.
        """
        run = CURRENT_RUN.get()
        if run is not None and run.is_dead:
            raise LifeOver
        self._life.step(what)
        if self._step_lasts and run is not None and run.is_local:
            await asyncio.sleep(self._step_lasts)
        mishap = self._draws.rarely(_ONCE_IN, _MISHAPS)
        if self._life.loop.time() < self.away_until:
            mishap = Mishap.FAILS_BEFORE
        if mishap is None:
            return self._committed(what, commit)
        if mishap not in _AFTER:
            await self._befall(what, mishap)
            return self._committed(what, commit)
        answer = self._committed(what, commit)
        await self._befall(what, mishap)
        return answer

    def planned(self, due_at: datetime | None) -> None:
        """A plan was stored."""
        self._life.planned(due_at)

    def _committed(self, what: str, commit: Callable[[], R]) -> R:
        try:
            answer = commit()
        except ConstraintError as error:
            self._life.fail("nothing_breaks_a_constraint", f"{what}: {error}")
        self._life.checks.after_commit(what)
        return answer

    async def _befall(self, what: str, mishap: Mishap) -> None:
        run = CURRENT_RUN.get()
        self._life.tell("  %s: %s", what, mishap.name.lower().replace("_", " "))
        if mishap in (Mishap.FAILS_BEFORE, Mishap.FAILS_AFTER):
            raise UnreachableError
        if mishap in (Mishap.SLOW_BEFORE, Mishap.SLOW_AFTER):
            await asyncio.sleep(self._draws.pick(_SLOW))
        elif mishap in (Mishap.STOPS_BEFORE, Mishap.STOPS_AFTER):
            seconds = self._draws.pick(_STOPPED)
            if run is not None and seconds > _TAKEN_FOR_DEAD:
                run.worker_is_lost()
            await asyncio.sleep(seconds)
        elif run is not None:
            run.die()
