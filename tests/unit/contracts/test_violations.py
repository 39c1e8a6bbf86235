"""Violations are listed once each, in the words of the request."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.contracts.recipient import RecipientProfile
from madan_sara.contracts.violations import quoted, violation_lines


def lines(model: type[BaseModel], **fields: Any) -> list[str]:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(fields)
    return violation_lines(refused.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"channel_priority": {"vip": ["email"]}},
            "channel_priority.vip: no such customer type; use new, returning, existing or default ",
        ),
        ({"budget_total": 10**10}, "budget_total: must be less than or equal to 1000000000 (got"),
        ({"budget_total": "much"}, "budget_total: must be a number (got 'much')"),
        ({"budget_total": "0.1234567"}, "budget_total: must have at most 6 decimals"),
        ({"channels": []}, "channels: has 0 entries; give at least 1"),
        ({"name": ""}, "name: is empty; fill it (got '')"),
        ({"name": "x" * 201}, "name: must have at most 200 characters"),
        ({"name": "\ud800"}, "name: contains half a character; remove it"),
        ({"daily_limit": "many"}, "daily_limit: must be a whole number (got 'many')"),
        ({"daily_limit": 1.5}, "daily_limit: must be a whole number (got 1.5)"),
        ({"id": "spring"}, "id: must be a UUID like 550e8400-"),
    ],
)
def test_a_violation_is_reported_once_and_not_in_pythons_words(change, said):
    (line,) = lines(OutreachCampaign, **{"name": "Fair", "channels": ["email"], **change})
    assert line.startswith(said)


def test_a_violation_of_the_whole_begins_with_the_violation():
    contact = {"email": "m@example.com"}
    (line,) = lines(RecipientProfile, contact_info=contact, attributes={"name": "x"})
    assert line == "attributes.name: a profile field has this name; rename it"


def _nested(levels: int) -> list[Any]:
    deep: list[Any] = []
    for _ in range(levels):
        deep = [deep]
    return deep


@pytest.mark.parametrize(
    "value",
    ["x" * 10**6, b"x" * 10**6, 10**5_000, -(10**5_000), [5] * 10**5, _nested(100_000)],
    ids=lambda value: type(value).__name__,
)
def test_a_value_of_any_length_is_quoted_in_a_few_words(value):
    assert len(quoted(value)) < 100


@pytest.mark.parametrize("value", ["HT", "", None, 25, True, "x" * 50, [1, 2]])
def test_a_short_value_is_quoted_as_it_is(value):
    assert quoted(value) == repr(value)
