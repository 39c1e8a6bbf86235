"""A question before a command that cannot be undone."""

import asyncio
import sys

from madan_sara.cli.terminal import one_line


class NotConfirmedError(Exception):
    """The question was answered with no; nothing was changed."""


async def confirm(question: str, *, yes: bool) -> None:
    """Ask on a terminal; elsewhere no answer could come, and the command is carried out.

    Args:
        question: the effect of the command.
        yes: whether it was answered on the command line.

    Raises:
        NotConfirmedError: the answer is not yes.
    """
    if yes or not sys.stdin.isatty():
        return
    sys.stderr.write(f"{one_line(question)} Go on? [y/N] ")
    sys.stderr.flush()
    if (await _line()).strip().lower() not in ("y", "yes"):
        raise NotConfirmedError("nothing was changed")


async def _line() -> str:
    """A line of standard input, in a way that Ctrl-C can end."""
    loop, typed = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), typed.set)
    try:
        await typed.wait()
    finally:
        loop.remove_reader(sys.stdin.fileno())
    return sys.stdin.readline()
