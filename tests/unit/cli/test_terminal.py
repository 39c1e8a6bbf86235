"""Output for programs and for people."""

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Group
from rich.table import Table
from rich.text import Text

from madan_sara.cli.command_line import _run_app
from madan_sara.cli.layout import fact
from madan_sara.cli.terminal import plain, show, show_error, to_json, to_json_line

#: Escape, C1 (CSI, NEL), bidi override and isolate, separators, a tag, half a character.
HOSTILE = "\x1b\x07\x7f\x9b\x85\u202e\u2066\u2028\u200f\ufeff\U000e0041\ud83d\r\x0b"


@pytest.mark.parametrize(
    "digits", ["0", "0.00", "23.46", "0.000001", "1000.00", "999999999.123456"]
)
def test_amounts_keep_their_digits(digits):
    written = to_json({"amount": Decimal(digits)})
    assert written == f'{{\n  "amount": {digits}\n}}'
    assert json.loads(written, parse_float=Decimal, parse_int=Decimal) == {
        "amount": Decimal(digits)
    }


def test_instants_and_ids_are_strings():
    message = UUID("550e8400-e29b-41d4-a716-446655440000")
    at = datetime(2024, 12, 24, 19, tzinfo=UTC)
    assert json.loads(to_json({"at": at, "id": message, "text": "👋"})) == {
        "at": "2024-12-24T19:00:00Z",
        "id": str(message),
        "text": "👋",
    }


def test_a_text_cannot_steer_the_terminal(capsys):
    assert plain("\x1b[31mred\x07") == "?[31mred?"
    show_error("two\nlines \x1b[2J")
    assert capsys.readouterr().err == "error: two lines ?[2J\n"


#: Two halves side by side, which are one character to every reader of JSON.
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")


def is_harmless(written: str) -> bool:
    return all(character.isprintable() or character == "\n" for character in written)


@pytest.mark.parametrize("write", [to_json, to_json_line])
@given(text=st.text(st.characters(exclude_categories=[])).filter(lambda t: not _PAIR.search(t)))
def test_a_document_is_unchanged_and_harmless_to_look_at(write, text):
    written = write({"name": text, text: [text]})
    assert json.loads(written) == {"name": text, text: [text]}
    assert is_harmless(written)
    written.encode()


def test_a_document_escapes_characters_that_steer_a_terminal():
    assert to_json_line({"a": "x\x9b31m\u202ey\ud83d 👋 é"}) == (
        r'{"a": "x\u009b31m\u202ey\ud83d 👋 é"}'
    )


def test_all_output_is_harmless(capsys):
    table = Table()
    table.add_column(HOSTILE)
    table.add_row(HOSTILE)
    show(Group(HOSTILE, Text(HOSTILE), table, fact(HOSTILE, HOSTILE)))
    show(HOSTILE)
    shown = capsys.readouterr().out
    assert "?" in shown
    assert is_harmless(shown)
    shown.encode()


def test_a_value_cannot_pass_for_another_line(capsys):
    show(fact("name", "Fair\n  status: sent\u2028 \x85 all well"))
    assert capsys.readouterr().out == "  name         Fair status: sent all well\n"


def test_a_mistake_on_the_command_line_is_reported_harmlessly(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["madan-sara", "suppress", "--channel", HOSTILE])
    assert _run_app() == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.endswith("See `madan-sara --help`.\n")
    assert is_harmless(error)
