"""The result of a check, and its view."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from rich.console import Console
from rich.text import Text

#: Violations of one promise that are shown; the rest is counted.
_SHOWN: Final = 20


@dataclass(frozen=True)
class CheckResult:
    """One promise of the system, looked at."""

    #: The rule that is checked.
    promise: str
    #: Its violations, if any.
    violations: list[str] = field(default_factory=list)


def show_results(console: Console, results: Iterable[CheckResult]) -> bool:
    """Show each promise with its result.

    Args:
        console: Where to show it.
        results: The checks' results.

    Returns:
        Whether every promise holds.
    """
    holds = True
    console.print(Text("\nChecked", style="bold"))
    for result in results:
        holds = holds and not result.violations
        mark = ("  wrong ", "bold red") if result.violations else ("  ok    ", "green")
        console.print(Text.assemble(mark, result.promise))
        for violation in result.violations[:_SHOWN]:
            console.print(Text(f"          {violation}", style="red"))
        if len(result.violations) > _SHOWN:
            console.print(
                Text(f"          and {len(result.violations) - _SHOWN} more", style="red")
            )
    return holds
