"""Lines every view is made of."""

from collections.abc import Mapping

from rich.console import RenderableType
from rich.text import Text

from starter.cli.terminal import plain


def section(title: str, *lines: str) -> list[RenderableType]:
    """A heading with lines below it."""
    return [Text(f"\n{title}", style="bold"), *(Text(f"  {plain(line)}") for line in lines)]


def facts(named: Mapping[str, object]) -> list[Text]:
    """A line per fact; those that are None are left out."""
    return [fact(name, value) for name, value in named.items() if value is not None]


def fact(name: str, value: object) -> Text:
    """A name and what is known under it."""
    return Text.assemble((f"  {plain(name):<12}", "cyan"), f" {plain(str(value))}")
