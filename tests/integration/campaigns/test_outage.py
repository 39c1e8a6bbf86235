"""A mail server away, and one that puts people off: a campaign waits, and sends to all."""

import uuid

import pytest

from madan_sara.contracts.outreach import OutreachState
from tests.audience import queue
from tests.makers import make_campaign, phone_of
from tests.waiting import eventually


@pytest.fixture
async def launched(orchestrator, database, control):
    async def launch(campaign, people):
        await orchestrator.save_campaign(campaign)
        await queue(database, campaign, people)
        await control(campaign).start()
        return control(campaign)

    return launch


def reachable_by_phone_too(count):
    names = [f"{uuid.uuid4().hex[:12]}-{n}" for n in range(count)]
    return [
        {"id": name, "contact_info": {"email": f"{name}@example.com", "phone": phone_of(name)}}
        for name in names
    ]


async def _attempts(orchestrator, campaign):
    found = await orchestrator.find.messages(campaign.id)
    records = [await orchestrator.get_message(message.message_id) for message in found]
    return [attempt for record in records for attempt in record.attempts]


async def test_a_mail_server_away_costs_a_campaign_nothing_but_time(
    orchestrator, mail_sink, launched, tenant_id
):
    """With a dearer channel to spare, which no message is moved to."""
    campaign = make_campaign(
        tenant_id,
        channels=["email", "sms"],
        templates={"default": "Bonjou"},
        budget_total=1,
        channel_priority={"default": ["email", "sms"]},
        settings={"quiet_hours": None},
    )
    server = f"127.0.0.1:{mail_sink.port}"
    await mail_sink.go_away()
    try:
        running = await launched(campaign, reachable_by_phone_too(20))

        async def all_wait_for_it() -> bool:
            waits = (await orchestrator.get_orchestration_status(campaign.id))["channel_waits"]
            return [wait["messages"] for wait in waits] == [20]

        await eventually(all_wait_for_it, "every message waits for the mail server")
        status = await orchestrator.get_orchestration_status(campaign.id)
        (wait,) = status["channel_waits"]
        assert wait["explanation"].startswith(f"email: {server} is away since")
        assert (status["campaign_status"], status["by_state"]) == ("active", {"scheduled": 20})
        message = (await orchestrator.find.messages(campaign.id))[0]
        message_status = await orchestrator.get_message_status(message.message_id)
        assert "is away since" in (message_status.waits_for or "")
    finally:
        await mail_sink.come_back()

    result = await running.result()

    assert result.by_state == {OutreachState.SENT: 20}
    attempts = await _attempts(orchestrator, campaign)
    assert [(a.channel, a.tries) for a in attempts] == [("email", 1)] * 20
    status = await orchestrator.get_orchestration_status(campaign.id)
    assert status["budget"]["budget_spent"] == 0.02
    assert status["channel_waits"] == []


async def test_a_recipient_put_off_waits_alone_for_as_long_as_the_server_asks(
    orchestrator, launched, tenant_id, workers
):
    campaign = make_campaign(
        tenant_id,
        channels=["email"],
        templates={"default": "Bonjou"},
        settings={"quiet_hours": None},
    )
    addresses = [f"greylist.{tenant_id}@example.com", f"other.{tenant_id}@example.com"]
    people = [{"id": address, "contact_info": {"email": address}} for address in addresses]

    result = await (await launched(campaign, people)).result()

    assert result.by_state == {OutreachState.SENT: 2}
    assert sorted(a.tries for a in await _attempts(orchestrator, campaign)) == [1, 3]
