"""Many lives, one after the other: what they came to, and what broke a rule."""

import gc
import logging
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from madan_sara.activities import sender
from tests.simulation.clock import LoopTime
from tests.simulation.draws import Draws
from tests.simulation.errors import Violation
from tests.simulation.life import Life

#: The command that repeats one life.
_REPEAT = "python -m tests.simulation --seed {seed} --story"


@dataclass
class Found:
    """A rule that a life has broken."""

    seed: int
    violation: Violation
    #: The choices that led there.
    taken: list[int]

    def __str__(self) -> str:
        return f"seed {self.seed}: {self.violation}\n  {_REPEAT.format(seed=self.seed)}"


@dataclass
class Lived:
    """What some lives came to."""

    lives: int = 0
    #: Messages by their last state.
    outreaches: Counter[str] = field(default_factory=Counter)
    #: Reasons of those that were not sent.
    reasons: Counter[str] = field(default_factory=Counter)
    #: Statements and calls.
    steps: int = 0
    found: list[Found] = field(default_factory=list)

    def add(self, life: Life) -> None:
        """Count a life that is over."""
        self.lives += 1
        self.steps += life.steps
        for message in life.tables.messages.values():
            self.outreaches[message.state] += 1
            if message.reason is not None:
                self.reasons[message.reason] += 1


def live_all(seeds: Iterable[int], *, at_most: int = 1) -> Lived:
    """Live one life for each seed, until so many have broken a rule."""
    lived = Lived()
    with simulated_world():
        for seed in seeds:
            draws = Draws(seed)
            life = Life(draws)
            try:
                life.live()
            except Violation as violation:
                lived.found.append(Found(seed, violation, draws.taken))
            lived.add(life)
            if len(lived.found) >= at_most:
                break
    return lived


@contextmanager
def simulated_world() -> Iterator[None]:
    """Have activities read the loop's time, and log nothing; no collection of garbage per life."""
    names = vars(sender)
    real_time, names["time"] = names["time"], LoopTime
    disabled, thresholds = logging.root.manager.disable, gc.get_threshold()
    logging.disable(logging.CRITICAL)
    gc.set_threshold(100_000, 20, 100)
    try:
        with warnings.catch_warnings():
            # The SDK only warns of an update that a workflow leaves without an answer.
            warnings.simplefilter("error")
            yield
    finally:
        gc.set_threshold(*thresholds)
        logging.disable(disabled)
        names["time"] = real_time
