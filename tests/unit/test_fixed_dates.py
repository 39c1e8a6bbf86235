"""Nothing that runs on today's clock names a date which that clock will pass.

Beside the present, a date stands for the past or the future. One that is past already stays so,
and one beyond every run does too; one between the two changes sides some day, and what passed until
then fails. Unit tests may name any date: `make days` runs them on other days.
"""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

_ROOT: Final = Path(__file__).resolve().parents[2]
_ON_TODAYS_CLOCK: Final = ("benchmarks", "devstack", "emulators", "examples", "tests")
_ON_OTHER_CLOCKS: Final = (_ROOT / "tests" / "unit", _ROOT / "tests" / "replay" / "histories")

#: A run may fall into any of them.
_YEARS_OF_RUNS: Final = range(2026, 2090)
_ISO_DATE: Final = re.compile(r"(?<!\d)(\d{4})-?(?:0[1-9]|1[0-2])-?(?:0[1-9]|[12]\d|3[01])(?!\d)")

_IMPORTED_AT: Final = datetime.now(UTC)


def _files() -> list[Path]:
    return [
        file
        for room in _ON_TODAYS_CLOCK
        for pattern in ("*.py", "*.json", "*.csv")
        for file in sorted((_ROOT / room).rglob(pattern))
        if not any(file.is_relative_to(folder) for folder in _ON_OTHER_CLOCKS)
    ]


def _passing_dates(file_name: str, text: str) -> list[str]:
    """The dates in a file that today's clock will pass, each with its line."""
    found = _in_code(text) if file_name.endswith(".py") else _in_lines(text, 1)
    return [f"{file_name}:{line}: {written}" for line, written in found]


def _in_code(source: str) -> Iterator[tuple[int, str]]:
    tree = ast.parse(source)
    prose = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in prose:
            yield from _in_lines(node.value, node.lineno)
        elif isinstance(node, ast.Call) and _called(node) in {"date", "datetime"}:
            year = node.args[0] if node.args else None
            if isinstance(year, ast.Constant) and year.value in _YEARS_OF_RUNS:
                yield node.lineno, ast.unparse(node)


def _called(call: ast.Call) -> str | None:
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else None


def _in_lines(text: str, first: int) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.splitlines(), first):
        for date in _ISO_DATE.finditer(line):
            if int(date[1]) in _YEARS_OF_RUNS:
                yield number, date[0]


def test_the_clock_starts_on_the_day_that_was_asked_for(pytestconfig):
    asked = pytestconfig.getoption("--at", default=None) or _IMPORTED_AT
    assert timedelta(0) <= _IMPORTED_AT - asked < timedelta(hours=1)
    assert timedelta(0) <= datetime.now(UTC) - _IMPORTED_AT < timedelta(hours=1)


def test_nothing_on_todays_clock_names_a_date_which_it_will_pass():
    files = _files()
    assert len(files) > 100
    found = [
        line
        for file in files
        for line in _passing_dates(str(file.relative_to(_ROOT)), file.read_text(encoding="utf-8"))
    ]
    assert found == [], "count from now instead, or take a year before 2026 or after 2089"


@pytest.mark.parametrize(
    "code",
    [
        "NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)",
        "day = datetime.date(2027, 1, 1)",
        "campaign = make_campaign(tenant_id, end_date='2030-05-01T09:30-05:00')",
        "message = f'{recipient}: 2030-05-01'",
        "day = '20280229'",
    ],
)
def test_a_date_that_the_clock_will_pass_is_found(code):
    (found,) = _passing_dates("tests/test_it.py", f"\n{code}\n")
    assert found.startswith("tests/test_it.py:2: ")
    assert _passing_dates("examples/campaign.json", '{\n"end_date": "2036-01-31"}') == [
        "examples/campaign.json:2: 2036-01-31"
    ]


@pytest.mark.parametrize(
    "code",
    [
        "NOW = datetime(2025, 11, 23, tzinfo=UTC)",
        "LATER = datetime(2092, 1, 5, tzinfo=UTC)",
        "tomorrow = datetime.now(UTC) + timedelta(days=1)",
        "start = datetime(now.year + 1, 1, 1, tzinfo=UTC)",
        "over = '2020-01-01T00:00Z'",
        "phone, id = '+20261122333', 'b0a1a9e0-2026-4000-8000-202611220000'",
        "def test_it():\n    '''Failed on 2026-11-29.'''",
        "shift = time(20, 30)",
    ],
)
def test_a_date_that_keeps_its_side_may_stay(code):
    assert _passing_dates("tests/test_it.py", code) == []
