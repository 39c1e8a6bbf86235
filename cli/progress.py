"""A bar that shows how far an import has come, for people who look at a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Column
from rich.text import Text

from madan_sara.starter.importing.run import ImportProgress


@contextmanager
def import_bar(*, quiet: bool) -> Iterator[Callable[[ImportProgress], None] | None]:
    """A callback that shows the progress; None without a terminal.

    Args:
        quiet: show nothing, on a terminal neither.
    """
    if quiet or not sys.stderr.isatty():
        yield None
        return
    # On standard error, so that the answer can go to a file meanwhile; gone when it is done.
    with Progress(
        TextColumn("importing", table_column=Column(no_wrap=True)),
        BarColumn(bar_width=None),
        _RowsColumn(table_column=Column(no_wrap=True)),
        TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True)),
        TextColumn("left"),
        console=Console(stderr=True),
        transient=True,
        expand=True,
    ) as bar:
        task = bar.add_task("", total=None)

        def show(progress: ImportProgress) -> None:
            bar.update(task, total=progress.rows_total, completed=progress.rows_read)

        yield show


class _RowsColumn(ProgressColumn):
    """Rows read of all, and how many a second."""

    def render(self, task: Task) -> Text:
        total = "" if task.total is None else f" of {task.total:,.0f}"
        rate = f", {task.speed:,.0f} a second" if task.speed else ""
        return Text(f"{task.completed:,.0f}{total} rows{rate}")
