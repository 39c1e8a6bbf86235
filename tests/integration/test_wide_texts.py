"""Every text field at its longest, in the widest characters, from end to end."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from madan_sara.contracts.delivery import DeliveryEvent, DeliveryEventKind
from madan_sara.contracts.outreach import OutreachState
from tests.makers import make_campaign, make_profile
from tests.waiting import eventually

#: Four bytes a character; a letter with a mark that combines; six bytes when written as JSON.
WIDEST = ["\N{BREAD}", "e\N{COMBINING ACUTE ACCENT}", '"', "\x01", "\u2028"]


def longest(wide: str) -> str:
    # Between letters: blanks at the ends of a short text are cut off.
    return f"a{(wide * 200)[:198]}z"


@pytest.mark.parametrize("wide", WIDEST)
async def test_a_message_of_nothing_but_the_longest_texts_is_sent(
    orchestrator, tenant_id, sandbox, wide
):
    long = longest(wide)
    campaign = make_campaign(tenant_id, name=long, campaign_type=long, channels=["chat"])
    sent = await orchestrator.send_outreach(
        campaign,
        long,
        make_profile(name=long, contact_info={"user_id": long}, attributes={long: long}),
        {"chat": f"{{{{ name }}}} {long}"},
        idempotency_key=f"{tenant_id}{long}"[:200],
    )
    assert sent["status"] == "scheduled"
    message_id = UUID(sent["message_id"])
    ended = await orchestrator.handle(message_id).result()
    assert ended.state is OutreachState.SENT

    event = DeliveryEvent(
        provider=long,
        provider_event_id=f"{message_id}{long}"[:200],
        message_id=message_id,
        attempt_no=1,
        kind=DeliveryEventKind.BOUNCED,
        occurred_at=datetime.now(UTC),
        code=long,
    )
    await orchestrator.record_delivery_event(event)
    await orchestrator.suppress(recipient_id=long, reason=long)
    blocked = await orchestrator.send_outreach(
        campaign, long, make_profile(contact_info={"user_id": long}), {"chat": "again"}
    )
    assert blocked["status"] == "blocked"


@pytest.mark.parametrize("wide", WIDEST[:2])
async def test_a_campaign_of_nothing_but_the_longest_texts_is_started_and_cancelled(
    orchestrator, tenant_id, tmp_path, wide
):
    long = longest(wide)
    campaign = make_campaign(
        tenant_id,
        name=long,
        campaign_type=long,
        channels=["chat"],
        daily_limit=1,
        recipient_fields=[long],
        templates={"chat": "Bonjou {{ name }}"},
    )
    await orchestrator.save_campaign(campaign)
    people = tmp_path / "people.csv"
    rows = [f"{n}{long[1:]},{long},{tenant_id}-{n},{long}" for n in range(2)]
    people.write_text("\n".join([f"id,name,user_id,{long}", *rows]), encoding="utf-8")
    imported = await orchestrator.import_recipients(campaign.id, people)
    assert (imported["added"], imported["rejected"]) == (2, 0)
    control = orchestrator.campaign(campaign.id)
    await control.start()

    async def one_is_sent() -> bool:
        return bool((await orchestrator.get_orchestration_status(campaign.id))["total_sent"] == 1)

    await eventually(one_is_sent, "the day's message is sent")
    await control.cancel(long)
    assert (await control.result()).status == "cancelled"


@pytest.mark.parametrize("wide", WIDEST)
async def test_a_mail_of_nothing_but_the_longest_texts_arrives_as_it_was_written(
    orchestrator, tenant_id, mail_sink, wide
):
    long = longest(wide)
    address = f"{tenant_id.hex}@example.com"
    campaign = make_campaign(tenant_id, name=long, campaign_type=long, channels=["email"])
    sent = await orchestrator.send_outreach(
        campaign,
        long,
        make_profile(name=long, contact_info={"email": address}),
        {"email": {"subject": "{{ name }}", "text": f"{{{{ name }}}} {long}"}},
    )
    ended = await orchestrator.handle(UUID(sent["message_id"])).result()
    assert ended.state is OutreachState.SENT
    (mail,) = [mail for mail in mail_sink.messages if address in mail.envelope_to]
    body = mail.message.get_body(["plain"])
    assert body is not None
    if wide.isprintable():  # Others are no part of a header.
        assert mail.message["Subject"] == long
        assert long in body.get_content().replace("\n", "")
