"""Rejected rows, in a file of their own, each with its line and the reason."""

import csv
import json
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TextIO

from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.starter import strict_json
from madan_sara.starter.importing.files import (
    REJECT_COLUMNS,
    CsvFile,
    SourceFile,
    SourceRow,
    holds_rejects,
    shown_path,
)

_IMPORT_AGAIN: Final = (
    "make room or choose another place for rejected rows, and import again: recipients that are "
    "stored already are passed over"
)


class RejectsFile:
    """Written as rows are rejected; without any there is no file, an older one included.

    Args:
        source: the file the rows come from; this one has its form.
        path: where to write; None: beside the source.

    Raises:
        InvalidRequestError: something else is there already, say the source itself.
    """

    def __init__(self, source: SourceFile, path: Path | None) -> None:
        self._source = source
        self.path = path or source.path.with_suffix(f".rejected{source.path.suffix}")
        self._file: TextIO | None = None
        self.rows = 0
        self._require_replaceable()

    def __enter__(self) -> Self:
        try:
            # Opened before anything is stored: afterwards an error would come too late.
            # Characters that UTF-8 cannot encode must not end the import either.
            self._file = open(
                self.path,
                "w",
                encoding="utf-8",
                errors="backslashreplace",
                newline="",
                opener=_opened_for_its_owner,
            )
        except OSError as error:
            raise self._unwritable(error, "choose another path for rejected rows") from None
        if isinstance(self._source, CsvFile):
            self._write_cells([*REJECT_COLUMNS, *self._source.header])
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if self._file is not None:
                self._file.close()
            if not self.rows:
                self.path.unlink(missing_ok=True)
        except OSError as failed:
            if error is None:
                raise self._unwritable(failed, _IMPORT_AGAIN) from None

    def write(self, rejected: Iterable[tuple[SourceRow, str]]) -> None:
        """Add rows with the reasons against them.

        Raises:
            InvalidRequestError: there is no more room, say.
        """
        try:
            for row, reason in rejected:
                self.rows += 1
                if isinstance(row.raw, str):
                    self._write_line(row.line, reason, row.raw)
                else:
                    self._write_cells([str(row.line), reason, *row.raw])
            if self._file is not None:
                self._file.flush()
        except OSError as error:
            raise self._unwritable(error, _IMPORT_AGAIN) from None

    def _unwritable(self, error: OSError, way_on: str) -> InvalidRequestError:
        said = f"{shown_path(self.path)}: cannot be written ({error.strerror}); {way_on}"
        return InvalidRequestError(said)

    def _require_replaceable(self) -> None:
        """Refuse a path that holds anything but an older file of rejected rows."""
        if not os.path.lexists(self.path):  # Also a path that is too long to exist.
            return
        if self.path.exists() and self.path.samefile(self._source.path):
            what = "is the file to import"
        elif self.path.is_symlink() or not self.path.is_file():
            what = "is no ordinary file"
        elif self.path.stat().st_size and not holds_rejects(self.path):
            what = "holds something else than rejected rows and would be lost"
        else:
            return
        raise InvalidRequestError(
            f"{shown_path(self.path)}: {what}; choose another file for rejected rows"
        )

    def _write_cells(self, cells: list[str]) -> None:
        delimiter = self._source.delimiter if isinstance(self._source, CsvFile) else ","
        csv.writer(self._file, delimiter=delimiter).writerow(cells)  # type: ignore[arg-type]

    def _write_line(self, line: int, reason: str, text: str) -> None:
        document = json.dumps(
            dict(zip(REJECT_COLUMNS, (line, reason), strict=True)), ensure_ascii=False
        )
        print(f'{document[:-1]}, "row": {_as_json(text)}}}', file=self._file)


def _opened_for_its_owner(path: str, flags: int) -> int:
    """Open a file that no other user may read: the rows are about people."""
    descriptor = os.open(path, flags, 0o600)
    os.fchmod(descriptor, 0o600)  # One of an earlier run keeps the mode it has.
    return descriptor


def _as_json(text: str) -> str:
    """A row as it stands, or as a JSON text if it is no JSON."""
    try:
        strict_json.loads(text)
    except (ValueError, RecursionError):
        return json.dumps(text, ensure_ascii=False)
    return text
