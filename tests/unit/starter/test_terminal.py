"""What is written for programs and for people."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from starter.cli.terminal import plain, show_error, to_json


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
