"""The delimiter of a CSV file, and whether its quotes can be trusted."""

import csv
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Final

from madan_sara.policy.columns import ID, own_field

#: Delimiters that people and their programs use; the first of equally good ones counts.
DELIMITERS: Final = ",;\t|"

#: Rows looked at to find the delimiter.
_SAMPLE_ROWS: Final = 50

Cells = list[str]


def choose_delimiter(read: Callable[[str], Iterator[Cells]]) -> str:
    """The delimiter of a file.

    It is the one that gives a column for the id, then the one that gives most rows as many
    cells as the header, then the one that makes most columns: a comma may stand in any cell of
    a file that is separated by semicolons, its header included.

    Args:
        read: the rows of the file as a delimiter separates them, the header first; may fail
            with `csv.Error`.
    """
    return max(DELIMITERS, key=lambda delimiter: _fitness(read(delimiter)))


def _fitness(rows: Iterator[Cells]) -> tuple[bool, int, int]:
    try:
        header = _without_empty_end(next(rows, []))
    except csv.Error:  # It cuts through quotes.
        return False, 0, 0
    fitting = 0
    try:
        for row in islice(rows, _SAMPLE_ROWS):
            fitting += len(_without_empty_end(row)) == len(header)
    except csv.Error:
        fitting = 0
    if len(header) == 1:  # A row without the delimiter always fits into one column.
        fitting = 0
    return any(own_field(name) == ID for name in header), fitting, len(header)


def _without_empty_end(cells: Cells) -> Cells:
    """Spreadsheets write empty cells where there once were some, and leave others out."""
    while cells and not cells[-1].strip():
        cells = cells[:-1]
    return cells


def has_stray_quote(record: str, delimiter: str) -> bool:
    """Whether a quote in a row might hide a delimiter from the reader, or show it one too many.

    A cell is quoted as a whole, with spaces before the first quote perhaps, or its quotes come
    in pairs inside of it, as around a nickname.

    Args:
        record: the row as it stands in the file.
        delimiter: separates its cells.
    """
    return '"' in record and _sound(delimiter).fullmatch(record.rstrip("\r\n")) is None


@lru_cache(maxsize=len(DELIMITERS))
def _sound(delimiter: str) -> re.Pattern[str]:
    end = re.escape(delimiter)
    plain = rf'[^"{end}\r\n]*+'
    quoted = r' *+"[^"]*+(?:""[^"]*+)*+"'
    with_pairs = rf'(?![^\S{end}]*"){plain}(?:"{plain}"{plain})*+'
    cell = f"(?:{quoted}|{with_pairs})"
    return re.compile(f"{cell}(?:{end}{cell})*+")
