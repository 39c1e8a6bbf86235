"""The way of a statement to the database."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

R = TypeVar("R")


class Statements(Protocol):
    """Carries statements out, each committed in one step."""

    async def call(self, what: str, commit: Callable[[], R]) -> R:
        """Carry a statement out; its answer."""
        ...

    def planned(self, due_at: datetime | None) -> None:
        """Hear that a plan was stored."""
        ...
