"""A name given twice in JSON, or a number that is none, is reported by its path."""

import json

import pytest

from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.starter import strict_json


def test_what_is_certain_is_read():
    text = '{"a": [1, -2.5, null, {"b": "x"}], "c": true}'
    assert strict_json.loads(text) == {"a": [1, -2.5, None, {"b": "x"}], "c": True}
    assert strict_json.loads("9" * 4_000) == int("9" * 4_000)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"budget_total": NaN}', "budget_total: NaN is no JSON number; write a number or null"),
        ('{"a": {"b": [1, -Infinity]}}', "a.b.1: -Infinity is no JSON number"),
        ('{"a": {"b": 1, "b": 2}}', "a.b: given twice in one object; remove one"),
        ('{"a": ' + "9" * 5_000 + "}", "a: a number of 5000 digits; shorten it"),
        ("NaN", "NaN is no JSON number"),
    ],
)
def test_what_is_not_is_named_by_its_place(text, said):
    with pytest.raises(InvalidRequestError) as refused:
        strict_json.loads(text)
    assert str(refused.value).startswith(said)


def test_every_place_is_named():
    with pytest.raises(InvalidRequestError) as refused:
        strict_json.loads('{"a": NaN, "b": [{"c": 1, "c": 2}], "a": 3, "d": Infinity}')
    paths = [
        violation.split(":")[0] for violation in str(refused.value).split("; ") if ": " in violation
    ]
    assert paths == ["a", "b.0.c", "d"]


@pytest.mark.parametrize(
    ("text", "error"), [("{oops", json.JSONDecodeError), ("[" * 100_000, RecursionError)]
)
def test_what_is_no_json_is_left_to_the_caller_to_place(text, error):
    with pytest.raises(error):
        strict_json.loads(text)
