"""What a check finds, and how it is shown."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from rich.console import Console
from rich.text import Text

#: Faults of one promise that are shown; the rest is counted.
_SHOWN: Final = 20


@dataclass(frozen=True)
class Verdict:
    """One promise of the system, looked at."""

    #: What holds, or should.
    promise: str
    #: Where it does not; empty when it does.
    faults: list[str] = field(default_factory=list)


def show_verdicts(console: Console, verdicts: Iterable[Verdict]) -> bool:
    """Show each promise with its verdict.

    Args:
        console: Where to show it.
        verdicts: What the checks found.

    Returns:
        Whether every promise holds.
    """
    holds = True
    console.print(Text("\nChecked", style="bold"))
    for verdict in verdicts:
        holds = holds and not verdict.faults
        mark = ("  wrong ", "bold red") if verdict.faults else ("  ok    ", "green")
        console.print(Text.assemble(mark, verdict.promise))
        for fault in verdict.faults[:_SHOWN]:
            console.print(Text(f"          {fault}", style="red"))
        if len(verdict.faults) > _SHOWN:
            console.print(Text(f"          and {len(verdict.faults) - _SHOWN} more", style="red"))
    return holds
