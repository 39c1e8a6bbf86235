"""Lines that make up every view."""

from collections.abc import Mapping
from typing import Final

from rich import box
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from madan_sara.cli.terminal import one_line, plain

#: Columns where the value of a fact begins, and where a line of a section does.
_FACT_COLUMN: Final = 14
_INDENT: Final = (0, 0, 0, 2)


def section(title: str, *lines: str) -> list[RenderableType]:
    """A heading with lines below it; a long line goes on below its own beginning."""
    below = (Padding(Text(plain(line)), _INDENT, expand=False) for line in lines)
    return [Text(f"\n{title}", style="bold"), *below]


def facts(named: Mapping[str, object]) -> list[RenderableType]:
    """A line per fact; those that are None are left out."""
    return [fact(name, value) for name, value in named.items() if value is not None]


def fact(name: str, value: object) -> RenderableType:
    """A name and its value."""
    line = Table.grid(padding=(0, 1))
    line.add_column(min_width=_FACT_COLUMN, no_wrap=True)
    line.add_column(overflow="fold")
    line.add_row(Text(f"  {plain(name)}", style="cyan"), Text(one_line(str(value))))
    return line


def table() -> Table:
    """An empty table, with as little between its columns as can be read."""
    return Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
