"""Addresses in the form profiles keep them in."""

import pytest

from contracts.faults import InvalidRequestError
from starter.addresses import stored_form


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("+1 (514) 556-9149", "+15145569149"),
        ("+49 (0) 30 1234567", "+49301234567"),
        (" marie@EXAMPLE.com ", "marie@example.com"),
        ("@janesmith", "@janesmith"),
        ("marie+12345@example.com", "marie+12345@example.com"),
        ("aB+12345=", "aB+12345="),
        (" 17 ", "17"),
        ("2024-17", "2024-17"),
        ("marie@shop", "marie@shop"),
    ],
)
def test_an_address_is_found_however_it_is_written(given, stored):
    assert stored_form(given) == stored


def test_an_empty_address_is_refused():
    with pytest.raises(InvalidRequestError, match="address: "):
        stored_form(" ")


@pytest.mark.parametrize(
    "given",
    ["1 (514) 556-9149", "tel:+1-514-556-9149", "+1514", "514 556", "+5093700", "+999 123 456"],
)
def test_a_number_that_would_never_be_found_again_is_refused(given):
    with pytest.raises(InvalidRequestError, match=r"^address: .* is no phone number"):
        stored_form(given)


@pytest.mark.parametrize(
    "given",
    ["+49 30 123456/7", "+50937001234;+50937001235", "+50937001234 or +50937001235"],
)
def test_two_numbers_are_not_one(given):
    with pytest.raises(InvalidRequestError, match="holds two phone numbers; give one"):
        stored_form(given)


@pytest.mark.parametrize(
    "given",
    [
        "Marie <marie@example.com>",
        "mailto:m@example.com",
        "m @x.com",
        "marie@example.com;jean@example.com",
        "marie@example.com, jean@example.com",
    ],
)
def test_a_mailbox_that_would_never_be_found_again_is_refused(given):
    with pytest.raises(InvalidRequestError, match="is no e-mail address; write it like marie@"):
        stored_form(given)


def test_a_sign_alone_is_no_handle():
    with pytest.raises(InvalidRequestError, match="address: "):
        stored_form("@")
