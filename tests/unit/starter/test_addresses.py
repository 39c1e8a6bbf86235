"""Addresses in the form profiles keep them in."""

import pytest

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.policy.addresses import forms_of
from madan_sara.starter.addresses import sought_forms, stored_form


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
        "marie@example",
        "nobody@",
        "@marie@example.com",
        "marie;jean",
    ],
)
def test_a_mailbox_that_would_never_be_found_again_is_refused(given):
    with pytest.raises(InvalidRequestError, match="is no e-mail address; write it like marie@"):
        stored_form(given)


def test_a_sign_alone_is_no_handle():
    for channel in (None, Channel.INSTAGRAM, Channel.TWITTER):
        with pytest.raises(InvalidRequestError, match="address: '@' is no handle"):
            stored_form("@", channel)


@pytest.mark.parametrize(
    "given",
    [
        "5145550177",
        "514-555-0177",
        "514.555.0177",
        "514\u2013555\u20130177",
        "030/1234567",
        "0301234567",
        "1234567",
        "123456789012345",
    ],
)
def test_a_number_without_its_country_is_refused_and_reported_how_to_write(given):
    with pytest.raises(InvalidRequestError, match=r"write it with \+ and the country.*like chat"):
        stored_form(given)
    for channel in (Channel.SMS, Channel.WHATSAPP):
        with pytest.raises(InvalidRequestError, match="is no phone number; write"):
            stored_form(given, channel)
    for channel in (Channel.CHAT, Channel.FACEBOOK):
        assert stored_form(given, channel) == given


@pytest.mark.parametrize("given", ["123456", "1234567890123456", "@5145550177", "a5145550177"])
def test_what_can_be_no_number_of_a_person_is_an_id(given):
    assert stored_form(given) == given


@pytest.mark.parametrize("given", ["marie@example", "nobody@", "jeanne", "@m@example.com", "17"])
def test_an_address_of_the_mail_channel_is_a_mailbox(given):
    with pytest.raises(InvalidRequestError, match=r"^address: .*write it like marie@example.com"):
        stored_form(given, Channel.EMAIL)


@pytest.mark.parametrize("given", ["jeanne", "marie@example.com", "@jeanne"])
def test_an_address_of_a_phone_channel_is_a_number(given):
    with pytest.raises(InvalidRequestError, match="is no phone number"):
        stored_form(given, Channel.SMS)


def test_an_address_of_a_channel_is_stored_in_its_form():
    assert stored_form("+1 (514) 556-9149", Channel.SMS) == "+15145569149"
    assert stored_form("+1 (514) 556-9149", Channel.WHATSAPP) == "+15145569149"
    assert stored_form(" marie@EXAMPLE.com", Channel.EMAIL) == "marie@example.com"


@pytest.mark.parametrize(
    "given",
    [
        "5145550177",
        "514 556",
        "marie@shop",
        "+1 514-556-9149",
        "@Jeanne",
        "Marie@Example.com",
        "<x>",
    ],
)
def test_whatever_may_be_stored_is_found_again_with_its_channel_and_without(given):
    for channel in (None, *Channel):
        try:
            stored = forms_of(stored_form(given, channel), channel)
        except InvalidRequestError:
            continue
        assert stored <= sought_forms(given, channel)
        assert stored <= sought_forms(given)


def test_nothing_is_no_address_to_look_for():
    with pytest.raises(InvalidRequestError, match="address: "):
        sought_forms(" ")
