"""Addresses are equal where they name one mailbox, number or handle, however written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.recipient import ContactInfo
from madan_sara.policy.addresses import addresses_of, comparable, forms_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Marie@Example.COM", "marie@example.com"),
        ("ΓΙΩΡΓΟΣ@example.com", "γιωργος@example.com"),
        ("İpek@example.com", "i̇pek@example.com"),
        ("zoë@example.com", "zoe\u0308@example.com"),
        ("marie@Bücher.example", "marie@xn--bcher-kva.example"),
        ("marie@BU\u0308CHER.example", "marie@bücher.example"),
        ("STRASSE@example.com", "straße@example.com"),
    ],
)
def test_two_spellings_of_a_mailbox_are_one(one, other):
    assert comparable(one, Channel.EMAIL) == comparable(other, Channel.EMAIL)


@pytest.mark.parametrize(
    ("one", "other", "channel"),
    [
        ("marie@example.com", "mary@example.com", Channel.EMAIL),
        ("marie.d@example.com", "maried@example.com", Channel.EMAIL),
        ("marie+news@example.com", "marie@example.com", Channel.EMAIL),
        ("marie@straße.example", "marie@strasse.example", Channel.EMAIL),
        ("aB3x", "Ab3x", Channel.CHAT),
        ("urn:li:person:aB", "urn:li:person:Ab", Channel.LINKEDIN),
    ],
)
def test_other_addresses_stay_apart(one, other, channel):
    assert comparable(one, channel) != comparable(other, channel)


_MAILBOXES = st.builds(
    lambda name, domain: f"{name}@{domain}",
    st.text(st.characters(categories=["L", "N", "M"]), min_size=1, max_size=12),
    st.sampled_from(["Example.com", "bücher.example", "shop", "xn--bcher-kva.example"]),
)


@given(_MAILBOXES)
def test_what_is_compared_already_stays_as_it_is(address):
    once = comparable(address, Channel.EMAIL)
    assert comparable(once, Channel.EMAIL) == once
    assert comparable(once.swapcase(), Channel.EMAIL) == comparable(once, Channel.EMAIL) or (
        once.casefold() != once.swapcase().casefold()  # A letter with no capital of its own.
    )


@given(_MAILBOXES, st.sampled_from(list(Channel)))
def test_an_address_whose_channel_is_not_reported_is_among_its_forms(address, channel):
    handle = address.split("@")[0]
    given_as = address if channel is Channel.EMAIL else handle
    assert comparable(given_as, channel) in forms_of(given_as)


def test_an_address_is_kept_by_every_channel_that_takes_it():
    contact = ContactInfo(
        email="Marie@Example.com", phone="+509 3700 1234", twitter_handle="@Marie", user_id="U7"
    )
    assert addresses_of(contact) == {
        "email": "marie@example.com",
        "sms": "+50937001234",
        "whatsapp": "+50937001234",
        "twitter": "marie",
        "chat": "U7",
    }
    own = ContactInfo(phone="+50937001234", whatsapp="+33612345678")
    assert addresses_of(own) == {"sms": "+50937001234", "whatsapp": "+33612345678"}
