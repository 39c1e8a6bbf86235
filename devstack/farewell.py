"""What is said when a stack that played something through has stopped."""

import shlex
from pathlib import Path

from rich.console import Console
from rich.text import Text


def say_what_next(console: Console, state_dir: Path) -> None:
    """Say how to look around in what is stored.

    Args:
        console: Where to say it.
        state_dir: Where the stopped stack has kept everything.
    """
    here = Path.cwd()
    shown = state_dir.relative_to(here) if state_dir.is_relative_to(here) else state_dir
    lines = (
        "\nEverything is stopped; what was stored stays until the next time. To look around in it:",
        f"  MADAN_SARA_DEVSTACK_DIR={shlex.quote(str(shown))} make up",
        "`make up` alone starts an empty system and keeps it running.",
    )
    for line in lines:
        console.print(Text(line))
