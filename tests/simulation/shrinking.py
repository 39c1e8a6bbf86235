"""From a life that broke a rule to the shortest one that breaks the same."""

from collections.abc import Callable, Sequence

from tests.simulation.draws import Draws
from tests.simulation.errors import Violation
from tests.simulation.life import Life

#: Lives that are tried at most.
_MOST_TRIES = 3_000


def shrink(seed: int, taken: Sequence[int], checker: str) -> list[int]:
    """The simplest choices found that still break a rule.

    Args:
        seed: the life's.
        taken: its choices.
        checker: the rule that they break.
    """
    tries = 0

    def still_fails(choices: Sequence[int]) -> bool:
        nonlocal tries
        tries += 1
        return tries <= _MOST_TRIES and _breaks(seed, choices, checker)

    best = list(taken)
    while True:
        simpler = _zero_some(_drop_some(_cut_the_end(best, still_fails), still_fails), still_fails)
        if simpler == best:
            return best
        best = simpler


def _breaks(seed: int, choices: Sequence[int], checker: str) -> bool:
    try:
        Life(Draws(seed, choices)).live()
    except Violation as violation:
        return violation.checker == checker
    return False


def _cut_the_end(choices: list[int], fails: Callable[[Sequence[int]], bool]) -> list[int]:
    """Nothing special happens after some moment."""
    shortest, longest = 0, len(choices)
    while shortest < longest:
        middle = (shortest + longest) // 2
        if fails(choices[:middle]):
            longest = middle
        else:
            shortest = middle + 1
    return choices[:longest]


def _drop_some(choices: list[int], fails: Callable[[Sequence[int]], bool]) -> list[int]:
    """Choices left out, in pieces of fewer and fewer."""
    size = 16
    while size:
        start = 0
        while start < len(choices):
            fewer = choices[:start] + choices[start + size :]
            if fails(fewer):
                choices = fewer
            else:
                start += size
        size //= 2
    return choices


def _zero_some(choices: list[int], fails: Callable[[Sequence[int]], bool]) -> list[int]:
    """Choices replaced by the plain one."""
    for position, value in enumerate(choices):
        if value:
            plainer = [*choices[:position], 0, *choices[position + 1 :]]
            if fails(plainer):
                choices = plainer
    return choices
