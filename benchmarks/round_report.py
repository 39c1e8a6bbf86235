"""The report of a series of rounds."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Final

from benchmarks.outreach_rounds import Round

#: The part of the floor that the full line should reach, in the same pair of rounds.
_TARGET_RATIO: Final = 0.85

_Series = Mapping[str, Sequence[Round]]


def report_rates(seen: _Series, *, floor: str, full: str) -> None:
    """Print every round's rate, the medians, and the part of the floor the full line reaches."""
    print("\noutreaches a second, round by round")
    for name, rounds in seen.items():
        rates = "".join(f"{one.rate:9.1f}" for one in rounds)
        median = statistics.median(one.rate for one in rounds)
        print(f"{name:<13}{rates}    median {median:.1f}")
    ratios = [one.rate / idle.rate for idle, one in zip(seen[floor], seen[full], strict=True)]
    median = statistics.median(ratios)
    result = "met" if median >= _TARGET_RATIO else "missed"
    pairs = "".join(f"{ratio:9.2f}" for ratio in ratios)
    print(f"{'full / floor':<13}{pairs}    median {median:.2f}; target {_TARGET_RATIO} {result}")
    if len(ratios) > 1:
        mean, error = statistics.mean(ratios), statistics.stdev(ratios) / math.sqrt(len(ratios))
        print(f"{'':<13}mean {mean:.3f}, standard error {error:.3f}")


def report_cpu(seen: _Series, *, floor: str, full: str) -> None:
    """Print an outreach's CPU time, which neighbours disturb less than a rate."""
    programs = list(next(iter(seen.values()))[0].cpu.by_program)
    columns = [*programs, "together", "others"]
    print("\nCPU-milliseconds per outreach (medians), and cores used by others meanwhile")
    print(f"{'':<13}" + "".join(f"{column:>12}" for column in columns))
    together: dict[str, float] = {}
    for name, rounds in seen.items():
        costs = [_milliseconds_each(rounds, program) for program in programs]
        together[name] = sum(costs)
        others = statistics.median(one.cpu.elsewhere / one.seconds for one in rounds)
        figures = [*costs, together[name], others]
        print(f"{name:<13}" + "".join(f"{figure:12.2f}" for figure in figures))
    share = together[floor] / together[full]
    print(f"with every core busy, full / floor comes to {share:.2f}, the ratio of these costs")


def _milliseconds_each(rounds: Sequence[Round], program: str) -> float:
    """CPU-milliseconds of a program per outreach."""
    return statistics.median(one.cpu.by_program[program] * 1000 / one.outreaches for one in rounds)
