"""The bar of an import: for people at a terminal only."""

import io
import sys

import pytest

from madan_sara.cli.progress import import_bar
from madan_sara.starter.importing.run import ImportProgress


class Screen(io.StringIO):
    """Standard error, on a terminal or not."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.fixture
def screen(monkeypatch):
    def put(*, terminal: bool) -> Screen:
        screen = Screen(terminal=terminal)
        monkeypatch.setattr(sys, "stderr", screen)
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.delenv("NO_COLOR", raising=False)
        return screen

    return put


def test_a_terminal_shows_rows_rate_and_time_left(screen):
    shown = screen(terminal=True)
    with import_bar(quiet=False) as on_progress:
        assert on_progress is not None
        for rows in (2_000, 4_000, 6_000):
            on_progress(ImportProgress(rows_total=10_000, rows_read=rows))
    assert "6,000 of 10,000 rows" in shown.getvalue()
    assert "a second" in shown.getvalue()
    assert "left" in shown.getvalue()


@pytest.mark.parametrize(("terminal", "quiet"), [(False, False), (True, True), (False, True)])
def test_elsewhere_nothing_is_shown(screen, terminal, quiet):
    shown = screen(terminal=terminal)
    with import_bar(quiet=quiet) as on_progress:
        assert on_progress is None
    assert shown.getvalue() == ""
