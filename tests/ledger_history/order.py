"""Commits in their order, each known only to lie inside of the calls that made it.

The order of commits is known, their instants are not. A commit came after the begin of its own
calls and of all before it, and before the end of its own calls and of all after it. Between the
two it may have been at any instant; so a call can have met each state that no such bound
forbids.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from tests.ledger_history.calls import Call


@dataclass(frozen=True)
class Span:
    """The instants between which something happened."""

    began: int
    ended: int

    @classmethod
    def within(cls, calls: Sequence[Call]) -> "Span":
        """The instants inside of every one of some calls."""
        return cls(max(call.began for call in calls), min(call.ended for call in calls))


class CommitOrder:
    """The commits of one campaign, or of anything else that takes one commit after the other.

    Args:
        spans: one per commit, in the order of the commits.
    """

    def __init__(self, spans: Sequence[Span]) -> None:
        self._earliest = list(accumulate((span.began for span in spans), max))
        latest = accumulate((span.ended for span in reversed(spans)), min)
        self._latest = list(latest)[::-1]

    def contradictions(self) -> Iterator[int]:
        """The commits that ended before a commit in front of them can have begun."""
        for position, bounds in enumerate(zip(self._earliest, self._latest, strict=True)):
            if bounds[0] > bounds[1]:
                yield position

    def states_during(self, span: Span) -> range:
        """The states that can have stood at an instant, each by the number of commits before."""
        first = bisect_left(self._latest, span.began)
        last = bisect_right(self._earliest, span.ended)
        return range(first, last + 1)
