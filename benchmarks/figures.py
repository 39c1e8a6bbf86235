"""Figures for people."""

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Final

_COLUMNS: Final = ("min", "median", "p95", "p99", "max")


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that at least this share of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def spread_table(milliseconds: Mapping[str, Sequence[float]]) -> str:
    """One line per name: how its times are spread.

    Args:
        milliseconds: times by name, none empty.
    """
    lines = [f"{'ms':<10}" + "".join(f"{column:>9}" for column in _COLUMNS)]
    for name, values in milliseconds.items():
        spread = (
            min(values),
            statistics.median(values),
            quantile(values, 0.95),
            quantile(values, 0.99),
            max(values),
        )
        lines.append(f"{name:<10}" + "".join(f"{value:9.1f}" for value in spread))
    return "\n".join(lines)
