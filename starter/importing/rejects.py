"""The rows that were not taken, in a file of their own, each with its line and the reason."""

import csv
import json
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

from contracts.faults import InvalidRequestError
from starter import strict_json
from starter.importing.files import CsvFile, Row, SourceFile


class RejectsFile:
    """Written as rows are rejected; without any there is no file, an older one included.

    Args:
        source: the file the rows come from; this one has its form.
        path: where to write; None: beside the source.

    Raises:
        InvalidRequestError: it is the source itself.
    """

    def __init__(self, source: SourceFile, path: Path | None) -> None:
        self._source = source
        self.path = path or source.path.with_suffix(f".rejected{source.path.suffix}")
        self._file: TextIO | None = None
        self.rows = 0
        if self.path.exists() and self.path.samefile(source.path):
            raise InvalidRequestError(
                f"{self.path}: is the file to import; choose another one for rejected rows"
            )

    def __enter__(self) -> Self:
        try:
            # Opened before anything is stored: afterwards it would be late to learn that it
            # cannot be. What UTF-8 has no form for must not end the import either.
            self._file = self.path.open(
                "w", encoding="utf-8", errors="backslashreplace", newline=""
            )
        except OSError as error:
            raise InvalidRequestError(
                f"{self.path}: cannot be written ({error.strerror}); "
                "choose another place for rejected rows"
            ) from None
        if isinstance(self._source, CsvFile):
            self._write_cells(["line", "reason", *self._source.header])
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._file.close()
        if not self.rows:
            self.path.unlink(missing_ok=True)

    def write(self, rejected: Iterable[tuple[Row, str]]) -> None:
        """Add rows with the reasons against them."""
        for row, reason in rejected:
            self.rows += 1
            if isinstance(row.raw, str):
                self._write_line(row.line, reason, row.raw)
            else:
                self._write_cells([str(row.line), reason, *row.raw])
        if self._file is not None:
            self._file.flush()

    def _write_cells(self, cells: list[str]) -> None:
        delimiter = self._source.delimiter if isinstance(self._source, CsvFile) else ","
        csv.writer(self._file, delimiter=delimiter).writerow(cells)  # type: ignore[arg-type]

    def _write_line(self, line: int, reason: str, text: str) -> None:
        told = json.dumps({"line": line, "reason": reason}, ensure_ascii=False)
        print(f'{told[:-1]}, "row": {_as_json(text)}}}', file=self._file)


def _as_json(text: str) -> str:
    """A row as it stands, or as a JSON text if it is no JSON."""
    try:
        strict_json.loads(text)
    except (ValueError, RecursionError):
        return json.dumps(text, ensure_ascii=False)
    return text
