"""Live thousands of simulated lives, or tell one: `python -m tests.simulation --help`."""

import argparse
import sys
import time

from tests.simulation.draws import Draws
from tests.simulation.errors import Violation
from tests.simulation.life import Life
from tests.simulation.runs import live_all, simulated_world
from tests.simulation.shrinking import shrink


def main() -> int:
    """Run what the command line asks for; the exit code is 1 where a rule was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=2_000, help="how many lives")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="this one life only")
    parser.add_argument("--story", action="store_true", help="tell it, as short as can be")
    parser.add_argument("--at-most", type=int, default=1, help="violations to find before the end")
    asked = parser.parse_args()
    if asked.seed is not None:
        return _tell_one(asked.seed, is_short=asked.story)
    return _live_many(range(asked.first, asked.first + asked.seeds), at_most=asked.at_most)


def _live_many(seeds: range, *, at_most: int) -> int:
    began = time.process_time()
    lived = live_all(seeds, at_most=at_most)
    seconds = time.process_time() - began
    messages = lived.outreaches.total()
    print(
        f"{lived.lives:,} lives, {messages:,} outreaches, {lived.steps:,} statements and calls "
        f"in {seconds:.0f} s of CPU: {messages / seconds:.0f} outreaches a second"
    )
    print("ended as " + ", ".join(f"{s} {n:,}" for s, n in lived.outreaches.most_common()))
    print("because of " + ", ".join(f"{r} {n:,}" for r, n in lived.reasons.most_common()))
    for found in lived.found:
        print(found)
    return 1 if lived.found else 0


def _tell_one(seed: int, *, is_short: bool) -> int:
    with simulated_world():
        lived = live_all([seed])
        if not lived.found:
            return _tell(seed, None)
        (found,) = lived.found
        choices = found.taken
        if is_short:
            choices = shrink(seed, choices, found.violation.checker)
        return _tell(seed, choices)


def _tell(seed: int, choices: list[int] | None) -> int:
    try:
        Life(Draws(seed, choices), print).live()
    except Violation as violation:
        print(f"broken: {violation}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
