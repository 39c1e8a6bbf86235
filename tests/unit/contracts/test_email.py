"""The short check of an e-mail address agrees with the library's."""

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from madan_sara.contracts.recipient import EmailAddress

_ADDRESS: TypeAdapter[str] = TypeAdapter(EmailAddress)

_LOCAL_PARTS = st.one_of(
    st.from_regex(r"[a-z0-9._+-]{0,70}", fullmatch=True),
    st.emails().map(lambda address: address.split("@")[0]),
    st.sampled_from(["info", "INFO", "Postmaster", "a" * 64, "a" * 65, "zoë", '"a b"', "a..b"]),
)
_DOMAINS = st.one_of(
    st.from_regex(r"[a-z0-9.-]{0,30}", fullmatch=True),
    st.emails().map(lambda address: address.rsplit("@")[1]),
    st.sampled_from(
        [
            "example.com",
            "example.com.",
            "EXAMPLE.com",
            "localhost",
            "mail.local",
            "a.test",
            "xn--bcher-kva.example",
            "bücher.example",
            "-a.com",
            "a..com",
            "1.2.3.4",
            "[1.2.3.4]",
            "com",
            "a@b.com",
            ("a" * 49 + ".") * 3 + "com",
            ("a" * 49 + ".") * 4 + "c" * 40 + ".com",
        ]
    ),
)


def as_the_library_says(address: str) -> str:
    try:
        return str(validate_email(address, check_deliverability=False).normalized)
    except EmailNotValidError as error:
        return str(error)


def as_we_say(address: str) -> str:
    try:
        return _ADDRESS.validate_python(address)
    except ValidationError as error:
        return error.errors()[0]["msg"].removeprefix("Value error, is no e-mail address: ")


@settings(max_examples=500, deadline=None)
@given(_LOCAL_PARTS, _DOMAINS)
def test_an_address_is_checked_as_the_library_checks_it(local_part, domain):
    address = f"{local_part}@{domain}"
    if address == address.strip() and len(address) <= 200:
        assert as_we_say(address) == as_the_library_says(address)


@pytest.mark.parametrize(
    ("address", "stored"),
    [
        ("marie@example.com", "marie@example.com"),
        ("Marie@Example.COM", "Marie@example.com"),
        ("INFO@example.com", "info@example.com"),
        ("marie@xn--bcher-kva.example", "marie@bücher.example"),
    ],
)
def test_an_address_is_stored_in_its_normal_form(address, stored):
    assert as_we_say(address) == stored
