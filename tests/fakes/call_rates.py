"""Rates that answer as a test scripts it."""

from datetime import UTC, datetime, timedelta

from madan_sara.activities.call_rates import Turn

_ASKED_AT = datetime(2100, 1, 1, tzinfo=UTC)


def turn_after(**wait: float) -> Turn:
    """A turn that comes after a while."""
    return Turn(may_call=True, asked_at=_ASKED_AT, comes_at=_ASKED_AT + timedelta(**wait))


def place_after(**wait: float) -> Turn:
    """A place in the line that comes after a while."""
    return Turn(may_call=False, asked_at=_ASKED_AT, comes_at=_ASKED_AT + timedelta(**wait))


class ScriptedRates:
    """`CallRates` with one answer per question, the last one repeated.

    Args:
        *answers: what is said; an error is raised.
    """

    def __init__(self, *answers: Turn | Exception) -> None:
        self._answers = list(answers)
        #: Of each question whether it came from the line.
        self.asked: list[bool] = []

    async def ask(self, account: str, apart: timedelta, *, in_line: bool) -> Turn:
        """Give the next answer."""
        self.asked.append(in_line)
        answer = self._answers[min(len(self.asked), len(self._answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return answer
