"""The demo's progress: a live panel in a terminal, plain lines elsewhere."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from typing import Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from madan_sara.devstack.beside import beside
from madan_sara.devstack.demo.board import Board, read_board
from madan_sara.devstack.errors import DevstackError
from madan_sara.persistence.database import Database

_READ_SECONDS: Final = 0.25
#: Between two plain lines.
_LINE_SECONDS: Final = 3.0
#: Messages under way that are named, the rest is counted.
_NAMED: Final = 8
#: Several times what the slowest message takes where the machine is busy with other things.
_PATIENCE_SECONDS: Final = 120.0


class Progress:
    """Reads the states of the messages and shows them until its block ends.

    Args:
        database: the facts.
        console: where to show it.
    """

    def __init__(self, database: Database, console: Console) -> None:
        self._database = database
        self._console = console
        self._started_at = time.monotonic()
        self._phase = ""
        self._board = Board(counts={}, running=[], undecided=0)
        self._written = ""

    def begin(self, phase: str) -> None:
        """Show what is being done now."""
        self._phase = phase
        if not self._console.is_terminal:
            self._console.print(phase)

    async def decided(self) -> None:
        """Return when no message waits for a decision any more.

        Raises:
            DevstackError: one still does after two minutes.
        """
        await self._until(lambda board: not board.undecided)

    async def rest(self) -> None:
        """Return when every message has ended or is asleep.

        Raises:
            DevstackError: something is still under way after two minutes.
        """
        await self._until(lambda board: not board.running)

    async def _until(self, there: Callable[[Board], bool]) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                while True:
                    if there(await self._read()):
                        return
                    await asyncio.sleep(_READ_SECONDS)
        except TimeoutError:
            raise DevstackError(
                f"still under way after {_PATIENCE_SECONDS:.0f} seconds: "
                f"{', '.join(self._board.running)}"
            ) from None

    @asynccontextmanager
    async def shown(self) -> AsyncIterator[None]:
        """Show the progress beside the block."""
        live = (
            Live(get_renderable=self._picture, console=self._console, transient=True)
            if self._console.is_terminal
            else None
        )
        with live or nullcontext():
            async with beside(self._watch() if live else self._write_lines()):
                yield
        self._write_line(self._board.in_words())

    async def _watch(self) -> None:
        while True:
            await self._read()
            await asyncio.sleep(_READ_SECONDS)

    async def _write_lines(self) -> None:
        while True:
            await asyncio.sleep(_LINE_SECONDS)
            words = (await self._read()).in_words()
            if words != self._written:
                self._write_line(words)

    async def _read(self) -> Board:
        self._board = await read_board(self._database)
        return self._board

    def _write_line(self, words: str) -> None:
        self._written = words
        self._console.print(Text(f"  {self._seconds():4.1f} s  {words}"))

    def _picture(self) -> RenderableType:
        named = self._board.running[:_NAMED]
        more = len(self._board.running) - len(named)
        return Group(
            Spinner("dots", Text(f" {self._phase}  {self._seconds():.0f} s")),
            Text(f"  {self._board.in_words()}", style="bold"),
            *(Text(f"    {line}", style="dim") for line in named),
            *([Text(f"    and {more} more", style="dim")] if more else []),
        )

    def _seconds(self) -> float:
        return time.monotonic() - self._started_at
