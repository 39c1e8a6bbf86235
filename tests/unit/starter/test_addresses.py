"""Addresses in the form profiles keep them in."""

import pytest

from contracts.faults import InvalidRequestError
from starter.addresses import stored_form


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("+1 (234) 567-890", "+1234567890"),
        (" marie@EXAMPLE.com ", "marie@example.com"),
        ("@janesmith", "@janesmith"),
        (" 17 ", "17"),
    ],
)
def test_an_address_is_found_however_it_is_written(given, stored):
    assert stored_form(given) == stored


def test_an_empty_address_is_refused():
    with pytest.raises(InvalidRequestError, match="address: "):
        stored_form(" ")
