"""Whoever asked not to be contacted is not, however the wish was written down."""

import pytest

from contracts.channels import Channel
from contracts.faults import InvalidRequestError
from tests.makers import make_campaign, make_profile

TEXT = {"default": "Fresh bread"}


async def _reason(orchestrator, tenant_id, profile, recipient_id="marie"):
    campaign = make_campaign(tenant_id, channels=["instagram", "email"])
    result = await orchestrator.send_outreach(campaign, recipient_id, profile, TEXT)
    return result["status"], result["reason"]


@pytest.mark.parametrize(
    ("suppressed", "kept"),
    [
        ("ΓΙΩΡΓΟΣ@example.com", "ΓΙΩΡΓΟΣ@example.com"),
        ("ΓΙΩΡΓΟΣ@example.com", "γιωργοσ@example.com"),
        ("İpek@example.com", "İpek@example.com"),
        ("Marie@Example.com", "mARIE@example.COM"),
    ],
)
async def test_capitals_of_any_alphabet_are_the_same_address(
    orchestrator, tenant_id, suppressed, kept
):
    await orchestrator.suppress(address=suppressed)
    profile = make_profile(contact_info={"email": kept})
    assert await _reason(orchestrator, tenant_id, profile) == ("blocked", "suppressed")


@pytest.mark.parametrize(("suppressed", "kept"), [("jeanne", "@JeanNe"), ("@jeanne", "Jeanne")])
async def test_a_handle_is_the_same_with_its_sign_and_without(
    orchestrator, tenant_id, suppressed, kept
):
    await orchestrator.suppress(address=suppressed)
    profile = make_profile(contact_info={"instagram_handle": kept})
    assert await _reason(orchestrator, tenant_id, profile) == ("blocked", "suppressed")


async def test_a_recipient_read_with_its_line_end_is_the_same_recipient(orchestrator, tenant_id):
    await orchestrator.suppress(recipient_id=" marie\n")
    assert await _reason(orchestrator, tenant_id, make_profile()) == ("blocked", "suppressed")


async def test_a_channel_may_be_given_by_its_name(orchestrator, tenant_id):
    await orchestrator.suppress(recipient_id="marie", channel="email")
    profile = make_profile(contact_info={"email": "marie@example.com"})
    assert await _reason(orchestrator, tenant_id, profile) == ("blocked", "suppressed")
    assert await _reason(orchestrator, tenant_id, profile, "joseph") == ("scheduled", None)


@pytest.mark.parametrize(
    ("wish", "field"),
    [
        ({"recipient_id": " "}, "recipient_id"),
        ({"recipient_id": "ma\x00rie"}, "recipient_id"),
        ({"recipient_id": "ma\ud800rie"}, "recipient_id"),
        ({"recipient_id": 7}, "recipient_id"),
        ({"address": "\x00"}, "address"),
        ({"recipient_id": "marie", "channel": "fax"}, "channel"),
        ({"recipient_id": "marie", "reason": "no\x00"}, "reason"),
        ({"recipient_id": "marie", "reason": "n" * 201}, "reason"),
        ({"recipient_id": "marie", "address": "marie@example.com"}, "recipient_id or address"),
        ({}, "recipient_id or address"),
        ({"channel": Channel.SMS}, "recipient_id or address"),
    ],
)
async def test_what_cannot_be_meant_is_refused(orchestrator, wish, field):
    with pytest.raises(InvalidRequestError, match=field) as refused:
        await orchestrator.suppress(**wish)
    assert "\n" not in str(refused.value)
