"""Phone numbers as people write them."""

import pytest

from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.contracts.phones import known_region, to_e164
from madan_sara.contracts.recipient import STORED, ContactInfo


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
def test_an_invalid_number_is_refused_with_the_reason(written, region, said):
    with pytest.raises(ValueError, match="is no phone number") as refused:
        to_e164(written, region)
    assert said in str(refused.value)
    assert repr(written) in str(refused.value)


def test_a_region_is_a_country_in_any_case():
    assert known_region(" ht ") == "HT"
    assert known_region(None) is None
    with pytest.raises(InvalidRequestError, match="region: 'Haiti' is no country"):
        known_region("Haiti")


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("+49 (0) 30 1234567", "+49301234567"),
        ("+44 (0)20 7946 0018", "+442079460018"),
        ("+33(0)1 23 45 67 89", "+33123456789"),
        ("+41 (0)44 668 18 00", "+41446681800"),
        ("+39 06 698 12345", "+390669812345"),
        ("+49 30/1234567", "+49301234567"),
        ("+49 7031/12345", "+49703112345"),
        ("+49 35341/12345", "+493534112345"),
        # The number of the guide's examples.
        ("+1 (234) 567-890", "+1234567890"),
    ],
)
def test_a_zero_that_is_not_dialled_from_abroad_is_not_stored(written, stored):
    profile = ContactInfo(phone=written)
    assert profile.phone == to_e164(written) == stored
    assert to_e164(stored) == stored


@pytest.mark.parametrize(
    ("written", "region"),
    [
        ("+49 30 123456/7", None),
        ("+49 30 123456 / 8", None),
        ("+50937001234/35", None),
        ("37001234/37001235", "HT"),
        ("+50937001234 or +50937001235", None),
        ("3700 1234 ou 3700 1235", "HT"),
        ("+50937001234;+50937001235", None),
        ("+50937001234, +50937001235", None),
        ("+50937001234\n+50937001235", None),
        ("+50937001234 +50937001235", None),
        ("37001234|37001235", "HT"),
    ],
)
def test_two_numbers_in_one_cell_are_not_one(written, region):
    with pytest.raises(ValueError, match="holds two phone numbers; give one"):
        to_e164(written, region)


@pytest.mark.parametrize(
    "written", ["+5093700", "+33 6 12 34 56 7", "+1 234 567 89", "+50937001234;"]
)
def test_a_request_takes_no_number_that_the_import_refuses(written):
    with pytest.raises(ValueError, match="is no phone number"):
        ContactInfo(phone=written)


def test_a_stored_number_is_not_checked_again():
    kept = '{"phone": "+5093700"}'
    assert ContactInfo.model_validate_json(kept, context=STORED).phone == "+5093700"
