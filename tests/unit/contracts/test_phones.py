"""Phone numbers as people write them."""

import pytest

from contracts.faults import InvalidRequestError
from contracts.phones import known_region, to_e164


@pytest.mark.parametrize(
    ("written", "region", "stored"),
    [
        ("+50937001234", None, "+50937001234"),
        ("+509 3700-1234", None, "+50937001234"),
        ("+1 (514) 555-0177", None, "+15145550177"),
        ("+33 (0)6 12 34 56 78", None, "+33612345678"),
        ("+39 06 698 12345", None, "+390669812345"),
        ("3700 1234", "HT", "+50937001234"),
        ("06.12.34.56.78", "FR", "+33612345678"),
        ("00 509 3700 1234", "FR", "+50937001234"),
        ("+509 3700 1234", "FR", "+50937001234"),
    ],
)
def test_a_number_is_brought_into_its_international_form(written, region, stored):
    assert to_e164(written, region) == stored


@pytest.mark.parametrize(
    ("written", "region", "said"),
    [
        ("3700 1234", None, "write + and the country code before it"),
        ("0033612345678", None, "write + and the country code before it"),
        ("+999123456", None, "no country has this code"),
        ("+50937", None, "too short for its country"),
        ("+509370012345678", None, "too long for its country"),
        ("+1 555 0100", None, "its area code is missing"),
        ("call me", "HT", "is no phone number; write it like +50937001234"),
        ("1-800-FLOWERS", "US", "is no phone number"),
        ("+50937001234 ext. 5", None, "is no phone number"),
        ("5.0937E+10", None, "is no phone number"),
        ("+", "HT", "is no phone number"),
        ("1", "HT", "is no phone number"),
    ],
)
def test_what_is_no_number_is_refused_with_the_reason(written, region, said):
    with pytest.raises(ValueError, match="is no phone number") as refused:
        to_e164(written, region)
    assert said in str(refused.value)
    assert repr(written) in str(refused.value)


def test_a_region_is_a_country_in_any_case():
    assert known_region(" ht ") == "HT"
    assert known_region(None) is None
    with pytest.raises(InvalidRequestError, match="region: 'Haiti' is no country"):
        known_region("Haiti")
