"""What the command line writes: text for people, JSON for programs, errors in one line."""

import json
import re
import sys
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid4

from rich.console import Console, RenderableType

from contracts.instants import in_utc

#: A pipe has no edge: nothing is wrapped or cut there.
_PIPE_WIDTH: Final = 10_000


def show(view: RenderableType) -> None:
    """Write for people; in colour where the terminal and NO_COLOR allow it."""
    width = None if sys.stdout.isatty() else _PIPE_WIDTH
    Console(width=width, highlight=False, markup=False, emoji=False).print(view)


def show_json(document: Mapping[str, Any]) -> None:
    """Write for programs: one JSON document and nothing else."""
    sys.stdout.write(to_json(document) + "\n")


def show_error(message: str) -> None:
    """Write what went wrong as one line on standard error."""
    sys.stderr.write(f"error: {plain(' '.join(message.split()))}\n")


def to_json(document: Mapping[str, Any], *, indent: int | None = 2) -> str:
    """A document as JSON; instants in UTC, amounts as numbers with the digits they have.

    `json` would turn a Decimal into a float or refuse it, so each travels as a marked
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
    # Half a character, which UTF-8 cannot write: Python's escape for it is JSON's as well.
    return unmarked.encode(errors="backslashreplace").decode()


def to_json_line(document: Mapping[str, Any]) -> str:
    """The same on one line."""
    return to_json(document, indent=None)


def plain(text: str) -> str:
    """A text without the control characters that could steer a terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)
