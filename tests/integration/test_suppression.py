"""A suppressed person is not contacted, in any spelling of the request."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import DeliveryEvent
from madan_sara.contracts.errors import InvalidRequestError
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
    ("given", "field"),
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
async def test_an_invalid_suppression_is_refused(orchestrator, given, field):
    with pytest.raises(InvalidRequestError, match=field) as refused:
        await orchestrator.suppress(**given)
    assert "\n" not in str(refused.value)


MARIE = {"email": "Marie@Example.com", "phone": "+509 3700 1234"}
FORMS = ["marie@example.com", "MARIE@EXAMPLE.COM"]


async def _sent(orchestrator, tenant_id, recipient_id, contact) -> UUID:
    campaign = make_campaign(tenant_id, channels=["email", "sms"])
    profile = {"contact_info": contact, "preferences": {"preferred_channel": "email"}}
    result = await orchestrator.send_outreach(campaign, recipient_id, profile, TEXT)
    message_id = UUID(result["message_id"])
    await orchestrator.handle(message_id).result()
    return message_id


async def _report(orchestrator, message_id, kind, code=None) -> None:
    event = DeliveryEvent(
        provider="smtp",
        provider_event_id=f"{message_id}-{kind}",
        message_id=message_id,
        attempt_no=1,
        kind=kind,
        occurred_at=datetime.now(UTC),
        code=code,
    )
    assert await orchestrator.record_delivery_event(event)


async def _decided(orchestrator, tenant_id, recipient_id, contact, channels=("email",)):
    campaign = make_campaign(
        tenant_id,
        channels=list(channels),
        settings={"near_duplicate_days": 0, "channel_deduplication": "off"},
    )
    profile = {"contact_info": contact}
    result = await orchestrator.send_outreach(campaign, recipient_id, profile, TEXT)
    return result["reason"] or result["channel"]


@pytest.mark.parametrize(
    ("kind", "code"), [("unsubscribed", None), ("complained", "abuse"), ("bounced", "550 5.1.1")]
)
async def test_a_receipt_of_a_mailbox_counts_for_every_id(orchestrator, tenant_id, kind, code):
    message_id = await _sent(orchestrator, tenant_id, "newsletter-93", MARIE)
    await _report(orchestrator, message_id, kind, code)

    for form in FORMS:
        reason = await _decided(orchestrator, tenant_id, f"shop-{form}", {"email": form})
        assert reason == "suppressed"
    both = {**MARIE, "email": FORMS[0]}
    assert await _decided(orchestrator, tenant_id, "crm-5", both, ["email", "sms"]) == "sms"
    other = {"email": "marie@example.org"}
    expected = "email" if kind == "bounced" else "suppressed"
    assert await _decided(orchestrator, tenant_id, "newsletter-93", other) == expected
    assert await _decided(orchestrator, tenant_id, "crm-6", other) == "email"


@pytest.mark.parametrize("code", ["5.2.2", "4.2.1", None])
async def test_a_temporary_bounce_suppresses_no_address(orchestrator, tenant_id, code):
    message_id = await _sent(orchestrator, tenant_id, "newsletter-93", MARIE)
    await _report(orchestrator, message_id, "bounced", code)
    assert await _decided(orchestrator, tenant_id, "shop-17", {"email": FORMS[0]}) == "email"


async def test_a_message_asleep_for_the_mailbox_under_another_id_ends_too(orchestrator, tenant_id):
    message_id = await _sent(orchestrator, tenant_id, "newsletter-93", MARIE)
    begins = datetime.now(UTC) + timedelta(hours=1)
    campaign = make_campaign(tenant_id, channels=["email"], start_date=begins)
    sleeper = await orchestrator.send_outreach(
        campaign, "crm-5", {"contact_info": {"email": "marie@example.com"}}, {"default": "Yams"}
    )
    assert sleeper["status"] == "scheduled"
    await _report(orchestrator, message_id, "unsubscribed")
    now = datetime.now(UTC)
    await orchestrator.save_campaign(campaign.model_copy(update={"start_date": now}))
    asleep = UUID(sleeper["message_id"])
    await orchestrator.reschedule(asleep, now + timedelta(seconds=1))
    result = await orchestrator.handle(asleep).result()
    assert (result.state, result.reason) == ("failed", "all_channels_failed")


async def test_a_person_suppressed_by_hand_is_so_under_every_id(orchestrator, tenant_id):
    await _sent(orchestrator, tenant_id, "newsletter-93", MARIE)
    await orchestrator.suppress(recipient_id="newsletter-93")
    assert await _decided(orchestrator, tenant_id, "shop-17", {"email": FORMS[0]}) == "suppressed"
    phone = {"whatsapp": "+509 37 00 12 34"}
    assert await _decided(orchestrator, tenant_id, "x", phone, ["whatsapp"]) == "suppressed"


async def test_an_address_of_one_channel_is_free_on_another(orchestrator, tenant_id):
    await orchestrator.suppress(address="+49 (0) 30 1234567", channel=Channel.SMS)
    phone = {"phone": "+49 30 1234567"}
    assert await _decided(orchestrator, tenant_id, "x", phone, ["sms"]) == "suppressed"
    assert await _decided(orchestrator, tenant_id, "y", phone, ["whatsapp"]) == "whatsapp"


async def test_a_lifted_request_is_lifted_whole(orchestrator, tenant_id):
    message_id = await _sent(orchestrator, tenant_id, "newsletter-93", MARIE)
    await _report(orchestrator, message_id, "unsubscribed")

    lifted = await orchestrator.lift_suppression(address="MARIE@example.com")

    found = {(each["recipient_id"], each["address"], each["channel"]) for each in lifted}
    assert found == {
        ("newsletter-93", None, "email"),
        (None, "marie@example.com", "email"),
    }
    assert {each["reason"] for each in lifted} == {"unsubscribed"}
    for person in ("newsletter-93", "shop-17"):
        tenants_own = {"email": "marie@example.com"}
        assert await _decided(orchestrator, tenant_id, person, tenants_own) == "email"


async def test_an_id_of_digits_is_taken_with_its_channel_and_lifted_without(
    orchestrator, tenant_id
):
    with pytest.raises(InvalidRequestError, match=r"without its country; write it with \+"):
        await orchestrator.suppress(address="5145550177")
    await orchestrator.suppress(address="5145550177", channel="chat")
    contact = {"user_id": "5145550177"}
    assert await _decided(orchestrator, tenant_id, "x", contact, ["chat"]) == "suppressed"
    await orchestrator.lift_suppression(address="5145550177")
    assert await _decided(orchestrator, tenant_id, "x", contact, ["chat"]) == "chat"


async def test_another_request_for_the_same_mailbox_stands(orchestrator, tenant_id):
    await _report(
        orchestrator, await _sent(orchestrator, tenant_id, "newsletter-93", MARIE), "unsubscribed"
    )
    await orchestrator.suppress(address=FORMS[0], channel=Channel.EMAIL)
    await orchestrator.lift_suppression(recipient_id="newsletter-93", channel=Channel.EMAIL)
    contact = {"email": FORMS[1]}
    assert await _decided(orchestrator, tenant_id, "newsletter-93", contact) == "suppressed"
    await orchestrator.lift_suppression(address=FORMS[1])
    assert await _decided(orchestrator, tenant_id, "newsletter-93", contact) == "email"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"recipient_id": "nobody"}, "no suppression of that recipient on any channel"),
        ({"address": "nobody@example.com"}, "no suppression of that address on any channel"),
        ({"address": "m@example.com", "channel": "email"}, "of that address for email alone"),
        ({"address": "M@example.com", "channel": "sms"}, "of that address for sms alone"),
    ],
)
async def test_lifting_without_a_suppression_is_refused(orchestrator, given, said):
    await orchestrator.suppress(address="m@example.com")
    with pytest.raises(LookupError, match=said):
        await orchestrator.lift_suppression(**given)
    assert await orchestrator.lift_suppression(address="M@EXAMPLE.com")


async def test_an_address_that_is_refused_for_good_is_not_tried_under_another_id(
    orchestrator, tenant_id, mail_sink
):
    address = f"refuse.{tenant_id}@example.com"
    first = await _sent(orchestrator, tenant_id, "crm-5", {"email": address})
    refused = await orchestrator.handle(first).result()
    assert refused.state == "failed"
    profile = make_profile(contact_info={"email": address.upper()})
    assert await _reason(orchestrator, tenant_id, profile, "shop-17") == ("blocked", "suppressed")
