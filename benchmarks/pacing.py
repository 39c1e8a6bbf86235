"""The ends of campaigns that pace themselves: `python -m benchmarks.pacing`.

Each line plays the same campaigns another way; see `benchmarks/README.md` for what happens
to them. Target: with auto pacing 97 to 100 % of the budget spent, and never more.
"""

import argparse
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from benchmarks.arguments import positive
from benchmarks.figures import quantile
from benchmarks.played_campaigns import (
    Course,
    World,
    as_is,
    by_hand,
    clamped,
    draw_world,
    paced,
    play,
)

_TARGET: Final = 97.0
#: Far above what any limit here can spend.
_RICH: Final = 1_000
#: The money a daily limit could spend, in percent of the budget: the borders of the groups.
_BORDERS: Final = (0, 100, 125, 150)


@dataclass(frozen=True)
class Size:
    """How much to play."""

    campaigns: int = 200
    days: int = 30
    seed: int = 1


def measure(size: Size) -> None:
    """Play every campaign in every way, and print how they end."""
    seeds = range(size.seed * 1_000_000, size.seed * 1_000_000 + size.campaigns)
    worlds = [draw_world(seed, size.days) for seed in seeds]
    print(f"{size.campaigns} campaigns of {size.days} days, seed {size.seed}\n")
    print(_header())
    for name, way in _WAYS.items():
        print(_line(name, list(map(way, worlds))))
    print(
        "\nAuto pacing within that fixed limit, by what the limit could spend at most, used up\n"
        "every day, in percent of the budget:\n"
    )
    print(_header())
    for name, group in _by_room(worlds).items():
        if group:
            print(_line(name, list(map(_paced_within_limit, group))))


def _first_guess(world: World) -> int:
    return max(round(world.right_pace * world.estimate_factor), 1)


def _fixed(world: World) -> Course:
    return play(world, as_is, _first_guess(world), _first_guess(world))


def _paced(world: World) -> Course:
    return play(world, paced, None)


def _paced_within_limit(world: World) -> Course:
    return play(world, paced, _first_guess(world))


def _from_a_guess(world: World, *, pacing: Callable[..., int | None]) -> Course:
    return play(world, pacing, None, _first_guess(world))


_WAYS: Final[dict[str, Callable[[World], Course]]] = {
    "fixed daily limit, 0.4 to 3 times right": _fixed,
    "suggested limit taken over each morning": partial(_from_a_guess, pacing=by_hand),
    "auto pacing": _paced,
    "auto pacing, first share 0.4 to 3 times": partial(_from_a_guess, pacing=paced),
    "the same, never more than half a day": partial(_from_a_guess, pacing=clamped),
}


def _by_room(worlds: Sequence[World]) -> dict[str, list[World]]:
    """The campaigns by the money their fixed limit could spend."""
    groups: dict[str, list[World]] = {}
    for least, most in zip(_BORDERS, [*_BORDERS[1:], None], strict=True):
        name = f"{least} to {most} %" if most else f"{least} % and more"
        groups[name] = [w for w in worlds if least <= _room(w) < (most or float("inf"))]
    return groups


def _room(world: World) -> float:
    rich = replace(world, budget_micros=world.budget_micros * _RICH)
    limit = _first_guess(world)
    return play(rich, as_is, limit, limit).percent_spent * _RICH


def _header() -> str:
    return (
        f"{'':<40}{'n':>4} |{'min':>7}{'p5':>7}{'median':>8}{'p95':>7}{'max':>7} |{'97-100':>7} |"
        f"{'last':>5}{'1 day':>6}{'more':>5}{'left':>5} |{'changes':>8}{'most':>5} |{'unpaid':>7}"
    )


def _line(name: str, courses: Sequence[Course]) -> str:
    """How campaigns end: percent spent, days without money at the end, changes, unpaid."""
    spent = [course.percent_spent for course in courses]
    assert max(spent) <= 100, "a budget was overspent"
    met = 100 * sum(share >= _TARGET for share in spent) / len(spent)
    ends = Counter(_end(course.days_without_money) for course in courses)
    changes = [course.changes for course in courses]
    unpaid = quantile([course.without_money for course in courses], 0.95)
    return (
        f"{name:<40}{len(spent):4} |{min(spent):7.2f}{quantile(spent, 0.05):7.2f}"
        f"{statistics.median(spent):8.2f}{quantile(spent, 0.95):7.2f}{max(spent):7.2f} |"
        f"{met:6.1f}% |{ends['last']:5}{ends['1 day']:6}{ends['more']:5}{ends['left']:5} |"
        f"{statistics.median(changes):8.0f}{max(changes):5} |{unpaid:7.0f}"
    )


def _end(days_without_money: int | None) -> str:
    if days_without_money is None:
        return "left"
    return {0: "last", 1: "1 day"}.get(days_without_money, "more")


def main() -> None:
    """Play as the command line says."""
    usual = Size()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pacing")
    parser.add_argument("--campaigns", type=positive, default=usual.campaigns)
    parser.add_argument("--days", type=positive, default=usual.days)
    parser.add_argument("--seed", type=positive, default=usual.seed)
    given = parser.parse_args()
    measure(Size(campaigns=given.campaigns, days=given.days, seed=given.seed))


if __name__ == "__main__":
    main()
