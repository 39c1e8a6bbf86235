from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from madan_sara.contracts.money import Money, from_micros, percent, to_micros

amounts = st.decimals(0, 1_000_000_000, places=6, allow_nan=False, allow_infinity=False)
micros = st.integers(0, 10**15)


class Price(BaseModel):
    amount: Money


@given(micros)
def test_micro_units_survive_the_way_there_and_back(whole):
    assert to_micros(from_micros(whole)) == whole


@given(amounts)
def test_amounts_survive_the_way_there_and_back(amount):
    assert from_micros(to_micros(amount)) == amount


@given(amounts)
def test_amounts_survive_json_to_the_micro_unit(amount):
    written = Price(amount=amount).model_dump_json()
    assert Price.model_validate_json(written).amount == amount


@given(st.lists(micros, max_size=50))
def test_sums_are_exact(parts):
    assert sum(map(from_micros, parts), Decimal(0)) == from_micros(sum(parts))


@given(amounts.filter(lambda amount: amount > 0), st.integers(1, 9))
def test_a_seventh_decimal_is_refused_not_rounded(amount, digit):
    too_fine = amount + Decimal(digit) / 10**7
    with pytest.raises(ValueError, match="more than six decimals"):
        to_micros(too_fine)
    with pytest.raises(ValidationError):
        Price(amount=too_fine)


@pytest.mark.parametrize(
    "amount",
    [
        -1,
        "-0.000001",
        "1000000000.000001",
        True,
        False,
        "NaN",
        "Infinity",
        float("nan"),
        "1e10",
        "",
        None,
        [],
        "1,5",
    ],
)
def test_an_invalid_amount(amount):
    with pytest.raises(ValidationError):
        Price(amount=amount)


@pytest.mark.parametrize(
    ("amount", "expected"), [(0.1, "0.1"), (1e-6, "0.000001"), ("5000.00", "5000"), (3, "3")]
)
def test_a_valid_amount(amount, expected):
    assert Price(amount=amount).amount == Decimal(expected)


@pytest.mark.parametrize(
    ("part", "whole", "share"),
    [(0, 0, "0.00"), (5, 0, "0.00"), (1, 3, "33.33"), (2, 3, "66.67"), (23456, 100000, "23.46")],
)
def test_shares_have_two_decimals(part, whole, share):
    assert str(percent(part, whole)) == share


@given(micros, st.integers(1, 10**15))
def test_a_share_of_no_more_than_the_whole_is_no_more_than_all(part, whole):
    assert 0 <= percent(min(part, whole), whole) <= 100
