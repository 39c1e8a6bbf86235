"""Every choice of a simulated life, drawn from one seed."""

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Draws:
    """A stream of choices that a seed, or a recorded list, repeats exactly.

    Zero is the plain choice everywhere: nothing goes wrong, no time passes. A recorded list
    that ends early goes on with zeros, so that a list with less in it is a simpler life.

    Args:
        seed: where the choices come from.
        recorded: the choices to make instead.
    """

    def __init__(self, seed: int, recorded: Sequence[int] | None = None) -> None:
        self._random = random.Random(seed).random
        self._recorded = recorded
        #: The choices so far.
        self.taken: list[int] = []

    def below(self, limit: int) -> int:
        """A whole number from 0 on."""
        if self._recorded is None:
            value = int(self._random() * limit)
        else:
            position = len(self.taken)
            value = self._recorded[position] if position < len(self._recorded) else 0
            value = min(value, limit - 1)
        self.taken.append(value)
        return value

    def one_in(self, limit: int) -> bool:
        """Whether something happens that happens once in so many times."""
        return self.below(limit) == limit - 1

    def pick(self, options: Sequence[T]) -> T:
        """One of some options; the first is the plain one."""
        return options[self.below(len(options))]

    def rarely(self, limit: int, options: Sequence[T]) -> T | None:
        """One of some rare options, each once in `limit` times; None: nothing rare."""
        position = self.below(limit) - (limit - len(options))
        return options[position] if position >= 0 else None
