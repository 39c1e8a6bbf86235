"""Which codes say that an address is none any more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madan_sara.policy.bounces import is_hard


@pytest.mark.parametrize(
    "code",
    [
        "5.1.1",
        "550 5.1.1 no such user",
        "smtp; 550-5.1.10 RESOLVER.ADR.RecipientNotFound",
        "5.0.0",
        "5.2.1",
        "5.1.6",
        "550",
        "550 no such user here",
        "556",
        "Permanent/General",
        "permanent",
        "HardBounce",
        "hard_bounce",
        "30005",
        "twilio:30006",
    ],
)
def test_an_address_that_is_none_any_more_bounces_hard(code):
    assert is_hard(code)


@pytest.mark.parametrize(
    "code",
    [
        None,
        "",
        "5.2.2",
        "552 5.2.2 mailbox full",
        "550 5.2.2 over quota",
        "5.2.3",
        "5.1.8",
        "5.7.1",
        "550 5.7.26 unauthenticated",
        "5.4.5",
        "4.2.2",
        "4.1.1",
        "450",
        "552",
        "554",
        "Transient/MailboxFull",
        "SoftBounce",
        "30003",
        "131026",
        "15.1.1",
        "5.1.1.4",
        "550.1",
        "nobody has heard of this",
    ],
)
def test_whatever_may_pass_is_not_hard(code):
    assert not is_hard(code)


@given(
    st.integers(0, 999),
    st.integers(0, 999),
    st.text(st.characters(categories=["L"]), min_size=1, max_size=30),
)
def test_what_a_server_calls_temporary_is_never_hard(subject, detail, words):
    assert not is_hard(f"4.{subject}.{detail}")
    assert not is_hard(f"550 4.{subject}.{detail} {words}")
