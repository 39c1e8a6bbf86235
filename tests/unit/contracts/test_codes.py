"""The parts of a provider's words that may be kept."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madan_sara.contracts.codes import as_code, as_provider_id, status_in


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("recipient_refused", "recipient_refused"),
        ("RECIPIENT-REFUSED", "recipient-refused"),
        ("5.1.1", "5.1.1"),
        ("smtp_550_5.1.1", "smtp_550_5.1.1"),
        ("smtp_5.7.515", "smtp_5.7.515"),
        ("4.7.28", "4.7.28"),
        ("131049", "131049"),
        (131049, "131049"),
        (0, "0"),
        ("e1234567", "e1234567"),
        ("c" * 64, "c" * 64),
        # A person's number.
        ("50937001234", None),
        (50937001234, None),
        ("509-37-001-234", None),
        ("tel_50937001", None),
        pytest.param(10**5000, None, id="a number too long to write"),
        # A person's address, or name, or both.
        ("marie@example.com", None),
        ("marie.example.com", None),
        ("marie.joseph", None),
        ("10.0.0.1", None),
        ("5.1.1.marie", None),
        ("smtp_550_5.1.1.marie", None),
        ("marie_550_5.1.1", None),
        ("Marie Joseph", None),
        ("zoé", None),
        ("\u212a", None),  # KELVIN SIGN, a small k when lowered.
        # Prose, and texts without a word.
        ("550 5.1.1 unknown", None),
        ("a__b", None),
        ("_a", None),
        ("a-", None),
        ("a\x00", None),
        ("a\n", None),
        ("\ud800", None),
        ("", None),
        ("c" * 65, None),
        (-1, None),
        (True, None),
        (1.5, None),
        (None, None),
        (["gone"], None),
    ],
)
def test_codes(said, kept):
    assert as_code(said) == kept


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("+50937001234", "7001234"),
        ("+50937001234", "unknown_7001"),
        ("marie@example.com", "unknown-marie"),
        ("marie@example.com", "marieexamplecom"),
        ("marie.joseph@example.com", "x-mariejoseph"),
        ("Ana_Pierre", "ana-pierre"),
        ("ana.pierre", "no_anapierre_here"),
        ("100001234567", "0001234"),
    ],
)
def test_a_code_that_repeats_the_address_is_none(address, said):
    assert as_code(said) == said
    assert as_code(said, about=address) is None


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("+50937001550", "550"),
        ("+50937001234", "131049"),
        ("ana", "banned"),
        ("refuse-1", "recipient_refused"),
        ("a.b", "a-b-c"),
        ("", "gone"),
    ],
)
def test_a_code_that_only_looks_a_little_like_the_address_is_kept(address, said):
    assert as_code(said, about=address) == said


@given(said=st.text() | st.integers() | st.from_regex(r"[a-z0-9_.-]{1,70}", fullmatch=True))
def test_a_code_stays_a_code_and_holds_no_persons_number(said):
    kept = as_code(said)
    if kept is not None:
        assert as_code(kept) == kept
        assert sum(map(str.isdigit, kept)) <= 7
        assert len(kept) <= 64


@given(
    name=st.from_regex(r"[a-z]{4,12}([._][a-z]{1,12})?", fullmatch=True),
    domain=st.sampled_from(["", "@example.com"]),
    joint=st.sampled_from(["", "_", "-"]),
    around=st.tuples(st.text("abc_-", max_size=8), st.text("abc_-", max_size=8)),
)
def test_no_code_has_a_name_of_an_address_in_it(name, domain, joint, around):
    before, after = around
    said = before + re.sub(r"[._]", joint, name) + after
    assert as_code(said, about=name + domain) is None


@pytest.mark.parametrize(
    ("given_id", "kept"),
    [
        ("p-1", True),
        ("<a@b.example>", True),
        ("wamid.HBgL=", True),
        ("i" * 255, True),
        ("i" * 256, False),
        ("", False),
        ("a b", False),
        ("a\x00", False),
        ("a\n", False),
        ("é", False),
        ("\ud800", False),
        (7, False),
        (None, False),
    ],
)
def test_ids(given_id, kept):
    assert as_provider_id(given_id) == (given_id if kept else None)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("550 5.1.1", "smtp_550_5.1.1"),
        ("smtp; 550-5.1.1 <marie@example.com> User unknown", "smtp_550_5.1.1"),
        ("5.2.2 mailbox of marie is full", "5.2.2"),
        ("421 4.7.28 too many", "smtp_421_4.7.28"),
        ("550 5.7.515 denied", "5.7.515"),
        ("User unknown", None),
        ("connect to 192.168.5.1.1 failed", None),
        ("call +509 3700 5.1.12345", None),
    ],
)
def test_of_a_servers_words_the_status_is_kept_and_nothing_else(words, code):
    assert status_in(words) == code
