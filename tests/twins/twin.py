"""Two stores behind one port, asked the same."""

from collections.abc import Awaitable, Callable
from typing import Any, Final, NamedTuple

import asyncpg
from sqlalchemy.exc import IntegrityError

from madan_sara.contracts.errors import MadanSaraError
from tests.simulation.tables import ConstraintError
from tests.twins.plain import differences, plain

#: What a constraint's refusal comes out as: in memory, of either driver.
REFUSED: Final = (ConstraintError, asyncpg.IntegrityConstraintViolationError, IntegrityError)


class TwinsDifferError(AssertionError):
    """A store in memory and its twin in PostgreSQL do not say the same."""


class _Outcome(NamedTuple):
    answer: Any
    error: Exception | None = None

    @property
    def plain(self) -> Any:
        if self.error is None:
            return plain(self.answer)
        refused = isinstance(self.error, REFUSED)
        return {"raises": "a constraint" if refused else type(self.error).__name__}


class Twin:
    """Answers as the store in PostgreSQL does, and sees that the one in memory does, too.

    Args:
        name: of the port.
        memory: the one.
        postgres: the other.
        asked: is told the name of each method that was called.
    """

    def __init__(
        self, name: str, memory: object, postgres: object, asked: Callable[[str], None]
    ) -> None:
        self._name = name
        self._memory = memory
        self._postgres = postgres
        self._asked = asked

    def __getattr__(self, method: str) -> Callable[..., Awaitable[Any]]:
        called = f"{self._name}.{method}"

        async def ask(*args: Any, **kwargs: Any) -> Any:
            self._asked(called)
            ours = await _outcome(getattr(self._memory, method)(*args, **kwargs))
            theirs = await _outcome(getattr(self._postgres, method)(*args, **kwargs))
            require_equal(called, ours.plain, theirs.plain)
            if theirs.error is not None:
                raise theirs.error
            return theirs.answer

        return ask


def require_equal(what: str, memory: Any, postgres: Any) -> None:
    """See that two plain values are equal.

    Raises:
        TwinsDifferError: they are not; each difference stands in a line.
    """
    if found := list(differences(memory, postgres)):
        raise TwinsDifferError("\n".join([what, *found]))


async def _outcome(call: Awaitable[Any]) -> _Outcome:
    try:
        return _Outcome(await call)
    except (MadanSaraError, *REFUSED) as error:
        return _Outcome(None, error)
