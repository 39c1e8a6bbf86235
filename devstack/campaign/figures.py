"""The costs of a run: time, memory, history, and questions for its status."""

import statistics
from typing import Final

from rich.table import Table

from madan_sara.devstack.campaign.watch import Watch
from madan_sara.devstack.checks.history import CampaignHistory
from madan_sara.devstack.checks.results import CheckResult

#: The moments at which the memory is shown: shares of the recipients that have their outcome.
_MARKS: Final = (0.1, 0.5, 1.0)

#: What the worker's memory may grow by from the first tenth of the audience to its end: what
#: it knows of the messages under way is the same at any time.
_MOST_GROWTH: Final = 1.25
#: Of fewer recipients a tenth is done before the worker has warmed up.
_FEWEST_FOR_MEMORY: Final = 5_000


def figures(watch: Watch, history: CampaignHistory) -> Table:
    """The figures of a run that has ended."""
    status_ms = statistics.median(sample.status_seconds for sample in watch.samples) * 1000
    table = Table(title="Figures", title_justify="left", title_style="bold", show_header=False)
    table.add_row("from the start to the last outcome", f"{watch.samples[-1].seconds:.0f} s")
    table.add_row("recipients with an outcome, a second", f"{watch.rate():.1f}")
    table.add_row("the same, in the first tenth", f"{watch.rate(end=0.1):.1f}")
    table.add_row("campaign workflow", f"{history.events} events in {history.runs} run(s)")
    peaks = " / ".join(f"{_megabytes(watch.peak_bytes(mark)):.0f}" for mark in _MARKS)
    marks = " / ".join(f"{mark:.0%}" for mark in _MARKS)
    table.add_row(f"peak memory of the worker until {marks}", f"{peaks} MB")
    table.add_row("get_orchestration_status, median", f"{status_ms:.0f} ms")
    return table


def check_memory(watch: Watch) -> list[CheckResult]:
    """The worker's memory must not grow with the audience; no result on a small one."""
    if watch.samples[-1].total < _FEWEST_FOR_MEMORY:
        return []
    first, last = watch.peak_bytes(_MARKS[0]), watch.peak_bytes(_MARKS[-1])
    grown = f"{_megabytes(first):.0f} MB at most, and then {_megabytes(last):.0f} MB"
    return [
        CheckResult(
            f"the worker took at most {_MOST_GROWTH} times the memory of the first tenth",
            [] if last <= first * _MOST_GROWTH else [grown],
        )
    ]


def _megabytes(size: int) -> float:
    return size / 1e6
