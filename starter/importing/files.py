"""Rows of a file, one after the other, each with the line it starts on."""

import codecs
import csv
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, Protocol

from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.contracts.reading import read
from madan_sara.starter.importing.dialect import choose_delimiter, has_stray_quote

#: Longest line of a JSON Lines file; more is the wrong file, say one JSON array.
MAX_LINE_BYTES: Final = 1_000_000

#: The columns a file of rejected rows has before the row itself.
REJECT_COLUMNS: Final = ("rejected_line", "rejected_reason")

_STRAY_QUOTE: Final = (
    "a quote stands in a cell that is not quoted as a whole; put quotes around all of the cell, "
    "and write each quote inside of it twice"
)
#: Systems have longer ones; an error need not.
_LONGEST_SHOWN_PATH: Final = 300
_BLOCK_BYTES: Final = 1_000_000
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
#: A line of rejected JSON Lines; the row is in it as it stood.
_REJECTED_LINE: Final = re.compile(
    r'\{{\s*"{}":\s*\d+,\s*"{}":\s*"(?:[^"\\]|\\.)*",\s*"row":\s*(.*)\}}'.format(*REJECT_COLUMNS)
)


class SourceRow(NamedTuple):
    """One row as it stands in the file."""

    #: The line it starts on; the first of the file is 1.
    line: int
    #: The cells of a CSV row, or the text of a JSON line.
    raw: list[str] | str

    @property
    def characters(self) -> int:
        """The length of its text."""
        return len(self.raw) if isinstance(self.raw, str) else sum(map(len, self.raw))


class SourceFile(Protocol):
    """A file of rows, in any form."""

    path: Path

    @property
    def header(self) -> Sequence[str] | None:
        """The names of the columns; None where each row names its own fields."""
        ...

    def rows(self) -> Iterator[SourceRow]:
        """Every row but the header and blank ones, read as they are asked for.

        Raises:
            InvalidRequestError: the file cannot be read that far; says where and why.
        """
        ...


def named_file(given: object, field: str) -> Path:
    """A path as a caller names it.

    Raises:
        InvalidRequestError: it is none, or no file can have that name.
    """
    path = read(Path, given, field)
    try:
        has_nul = b"\0" in os.fsencode(path)
    except UnicodeEncodeError:
        has_nul = True
    if has_nul:
        raise InvalidRequestError(f"{field}: no file can have this name; check the path")
    return path


def shown_path(path: Path) -> str:
    """A path as an error names it; of a very long one the beginning."""
    name = str(path)
    return name if len(name) <= _LONGEST_SHOWN_PATH else f"{name[:_LONGEST_SHOWN_PATH]}..."


def open_source(path: Path) -> SourceFile:
    """A file by its extension, known to be readable UTF-8 from beginning to end.

    Raises:
        InvalidRequestError: it is not; says why.
    """
    known: dict[str, type[CsvFile | JsonLinesFile]] = {
        ".csv": CsvFile,
        ".jsonl": JsonLinesFile,
        ".ndjson": JsonLinesFile,
    }
    form = known.get(path.suffix.lower())
    if form is None:
        raise InvalidRequestError(
            f"{shown_path(path)}: unknown kind of file; it must end in {', '.join(known)}"
        )
    # Looked at before any of it is stored: half a file is the worst that could be stored.
    _require_utf8(path)
    return form(path)


def holds_rejects(path: Path) -> bool:
    """Whether a file was begun as one of rejected rows, in any form.

    Raises:
        InvalidRequestError: it cannot be read.
    """
    with _opened(path) as file:
        begun = file.read(100).removeprefix(_BYTE_ORDER_MARK)
    return begun.lstrip(b'{"').startswith(REJECT_COLUMNS[0].encode())


class CsvFile:
    """Comma-separated values with a header row; semicolons, tabs and bars serve as well.

    A file of rejected rows gives them as they stood, without lines and reasons.

    Args:
        path: the file; UTF-8, with or without a byte order mark.

    Raises:
        InvalidRequestError: it has no header row.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        #: Separates the cells.
        self.delimiter = choose_delimiter(self._cells)
        self.header: list[str] = next((list(row.raw) for row in self._read()), [])
        rejects = tuple(self.header[: len(REJECT_COLUMNS)]) == REJECT_COLUMNS
        self._first = len(REJECT_COLUMNS) if rejects else 0
        del self.header[: self._first]
        # Spreadsheets write columns without a name where there once was one.
        while self.header and not self.header[-1].strip():
            self.header.pop()
        if not self.header:
            raise InvalidRequestError(f"{path}: is empty; its first line must name the columns")

    def rows(self) -> Iterator[SourceRow]:
        """Every row of data; see `SourceFile`."""
        rows = self._read()
        next(rows, None)
        return (SourceRow(row.line, row.raw[self._first :]) for row in rows)

    def _cells(self, delimiter: str) -> Iterator[list[str]]:
        """The rows as a delimiter would separate them, sound or not."""
        with _opened(self.path) as binary:
            text = TextIOWrapper(binary, encoding="utf-8-sig", newline="")
            yield from filter(_says_something, _reader(text, delimiter))

    def _read(self) -> Iterator[SourceRow]:
        """Every row that is not blank. A quoted cell may go over several lines."""
        with _opened(self.path) as binary:
            lines = _SourceLines(TextIOWrapper(binary, encoding="utf-8-sig", newline=""))
            reader = _reader(lines, self.delimiter)
            line = 1
            try:
                for cells in reader:
                    if has_stray_quote(lines.record(), self.delimiter):
                        raise InvalidRequestError(f"{self.path}: line {line}: {_STRAY_QUOTE}")
                    if _says_something(cells):
                        yield SourceRow(line, cells)
                    line = reader.line_num + 1
            except csv.Error as error:
                raise InvalidRequestError(f"{self.path}: line {line}: {_explain(error)}") from None


class _SourceLines:
    """The lines of a text, with those that make the present record kept."""

    def __init__(self, text: Iterable[str]) -> None:
        self._text = iter(text)
        self._record: list[str] = []

    def __iter__(self) -> Iterator[str]:
        for line in self._text:
            self._record.append(line)
            yield line

    def record(self) -> str:
        """The text read since the last call."""
        record = "".join(self._record)
        self._record.clear()
        return record


def _reader(lines: Iterable[str], delimiter: str) -> Any:  # noqa: ANN401 - csv gives it no name
    # People write a space after a comma, and then the quotes.
    return csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)


def _says_something(cells: Sequence[str]) -> bool:
    return any(cell and not cell.isspace() for cell in cells)


class JsonLinesFile:
    """One JSON object a line; of a rejected row, the row as it stood.

    Args:
        path: the file; UTF-8, with or without a byte order mark.
    """

    header: None = None

    def __init__(self, path: Path) -> None:
        self.path = path

    def rows(self) -> Iterator[SourceRow]:
        """Every line that is not blank; see `SourceFile`."""
        rows = self._lines()
        first = next(rows, None)
        if first is None:
            raise InvalidRequestError(f"{self.path}: is empty; write one object a line")
        if str(first.raw).startswith("["):
            raise InvalidRequestError(
                f"{self.path}: line {first.line}: is a JSON array; write one object a line, "
                "without brackets around them or commas between"
            )
        yield first
        yield from rows

    def _lines(self) -> Iterator[SourceRow]:
        with _opened(self.path) as binary:
            lines = iter(lambda: binary.readline(MAX_LINE_BYTES + 1), b"")
            for line, content in enumerate(lines, start=1):
                if len(content) > MAX_LINE_BYTES:
                    raise InvalidRequestError(
                        f"{self.path}: line {line}: longer than {MAX_LINE_BYTES // 1_000_000} MB; "
                        "write one object a line"
                    )
                text = content.decode("utf-8-sig" if line == 1 else "utf-8").strip()
                if text:
                    rejected = _REJECTED_LINE.fullmatch(text)
                    yield SourceRow(line, rejected[1] if rejected else text)


def _explain(error: csv.Error) -> str:
    match str(error):
        case "unexpected end of data":
            return "a cell is opened with a quote and never closed; close it"
        case message if "field limit" in message:
            return f"a cell is longer than {csv.field_size_limit()} characters; is a quote open?"
        case message if "expected after" in message:
            return "text follows a closing quote; write a quote inside a quoted cell twice"
        case message:
            return f"no valid CSV ({message})"


def _require_utf8(path: Path) -> None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    line = 1
    with _opened(path) as file:
        try:
            while block := file.read(_BLOCK_BYTES):
                decoder.decode(block)
                line += block.count(b"\n")
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            line += error.object[: error.start].count(b"\n")
            raise InvalidRequestError(
                f"{path}: line {line}: is no UTF-8; save the file as UTF-8"
            ) from None


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        if path.exists() and not stat.S_ISREG(path.stat().st_mode):
            raise InvalidRequestError(f"{path}: is no file; give the file itself")
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise InvalidRequestError(
            f"{shown_path(path)}: cannot be read ({error.strerror}); check the path"
        ) from None
