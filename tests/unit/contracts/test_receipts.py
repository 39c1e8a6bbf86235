"""The fields of a receipt."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from madan_sara.contracts.delivery import DeliveryEvent


def receipt(**changes: object) -> DeliveryEvent:
    usual = {
        "provider": "sandbox",
        "provider_event_id": "e-1",
        "message_id": str(uuid4()),
        "attempt_no": 1,
        "kind": "bounced",
        "occurred_at": "2026-03-01T12:00:00Z",
    }
    return DeliveryEvent.model_validate(usual | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"code": "gone\x00"},
        {"code": ["gone"]},
        {"provider_event_id": "e\x00"},
        {"provider_event_id": "\ud800"},
        {"provider_event_id": "e" * 201},
        {"provider": "sand\x00box"},
        {"attempt_no": 0},
        {"attempt_no": 2**31},
        {"attempt_no": 10**30},
        {"occurred_at": "0001-01-01T00:00:00+10:00"},
        {"kind": "bounced\x00"},
    ],
)
def test_values_the_database_cannot_keep_are_refused_as_bad_input(changes):
    with pytest.raises(ValidationError):
        receipt(**changes)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("5.1.1", "5.1.1"),
        ("Mailbox_Full", "mailbox_full"),
        (131026, "131026"),
        ("550 5.1.1 <marie@example.com>: no such user", "smtp_550_5.1.1"),
        ("marie@example.com", None),
        ("50937001234", None),
        ("\ud800", None),
        ("x" * 100_000, None),
        ("", None),
        (None, None),
    ],
)
def test_a_receipt_counts_though_its_code_is_prose_or_names_the_person(said, kept):
    assert receipt(code=said).code == kept


@given(said=st.text(st.characters(exclude_characters="\x00")))
def test_no_receipt_is_lost_for_its_code(said):
    assert receipt(code=said).provider_event_id == "e-1"


def test_an_error_does_not_repeat_a_providers_words():
    with pytest.raises(ValidationError) as caught:
        receipt(provider_event_id="marie@example.com\x00", code="marie@example.com\x00")
    assert "marie" not in str(caught.value)
