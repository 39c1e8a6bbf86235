"""The command line's output: text for people, JSON for programs, errors in one line."""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid4

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from madan_sara.contracts.instants import in_utc

#: A pipe has no edge: nothing is wrapped or cut there.
_PIPE_WIDTH: Final = 10_000


def show(view: RenderableType) -> None:
    """Write for people; in colour where the terminal and NO_COLOR allow it."""
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    Console(width=width, highlight=False, markup=False, emoji=False).print(Harmless(view))


class Harmless:
    """A view whose texts cannot steer the terminal, from any source.

    Args:
        view: the view to show.
    """

    def __init__(self, view: RenderableType) -> None:
        self._view = view

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        """The view, each of its texts made plain; Rich's own additions stay."""
        for segment in console.render(self._view, options):
            yield segment if segment.control else Segment(plain(segment.text), segment.style)


def show_json(document: Mapping[str, Any]) -> None:
    """Write for programs: one JSON document and nothing else."""
    sys.stdout.write(to_json(document) + "\n")


def show_error(message: str) -> None:
    """Write an error as one line on standard error."""
    sys.stderr.write(f"error: {one_line(message)}\n")


def to_json(document: Mapping[str, Any], *, indent: int | None = 2) -> str:
    """A document as JSON; instants in UTC, amounts as numbers with the digits they have.

    Characters that are not for print stand as JSON's escapes: a reader of the document gets
    them as they are, a terminal that shows it does not.

    `json` would make a Decimal a float or refuse it, so each travels as a marked
    string and loses mark and quotes at the end.
    """
    mark = uuid4().hex

    def encode(value: object) -> str:
        if isinstance(value, Decimal):
            return f"{mark}{value:f}"
        if isinstance(value, datetime):
            return in_utc(value)
        if isinstance(value, UUID):
            return str(value)
        raise TypeError(f"{type(value).__name__} has no form in JSON")

    encoded = json.dumps(document, default=encode, ensure_ascii=False, indent=indent)
    unmarked = re.sub(f'"{mark}([^"]*)"', r"\1", encoded)
    return "".join(c if _is_for_print(c) else json.dumps(c).strip('"') for c in unmarked)


def to_json_line(document: Mapping[str, Any]) -> str:
    """The same on one line."""
    return to_json(document, indent=None)


def plain(text: str) -> str:
    """A text without the characters that could steer a terminal or reverse its lines."""
    return "".join(map(_plain, text))


def one_line(text: str) -> str:
    """A plain text on one line, so that it cannot pass for another line of an answer."""
    return plain(" ".join(text.split()))


def _plain(character: str) -> str:
    if _is_for_print(character):
        return character
    return " " if character.isspace() else "?"


def _is_for_print(character: str) -> bool:
    """Whether a character can be shown: no control, format or half character."""
    return character.isprintable() or character == "\n"
