"""Workflows an operator terminates: what is said of their messages, and of those beside them."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.errors import FinalStatusError, NotAsleepError, OutreachLostError
from madan_sara.contracts.naming import outreach_workflow_id
from madan_sara.contracts.outreach import OutreachState
from madan_sara.starter.orchestrator import OutreachOrchestrator
from tests.fakes.sender import ScriptedSender
from tests.makers import make_campaign, make_profile, phone_of
from tests.waiting import eventually

_TEXT = {"default": "Bonjou"}
_MESSAGES = text("SELECT recipient_id, message_id FROM messages WHERE tenant_id = :tenant_id")


@pytest.fixture
def orchestrator(stage, database, tenant_id):
    return OutreachOrchestrator(stage.client, database, tenant_id=tenant_id)


@pytest.fixture
def campaign(tenant_id):
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    return make_campaign(tenant_id, channels=["email", "sms"], start_date=tomorrow)


async def _deciding(stage, tenant_id, count: int) -> dict[str, UUID]:
    """The messages whose workflows wait for a worker to decide, by their recipients."""

    async def started() -> dict[str, UUID] | None:
        async with stage.database.statement() as connection:
            rows = await connection.execute(_MESSAGES, {"tenant_id": tenant_id})
            found = {row.recipient_id: row.message_id for row in rows}
        query = f"WorkflowId STARTS_WITH 'outreach-{tenant_id}'"
        running = [each async for each in stage.client.list_workflows(query)]
        return found if len(found) == len(running) == count else None

    messages = await eventually(started, "the workflows are there, and no worker")
    assert messages is not None
    return messages


def _handle(stage, tenant_id, message_id):
    return stage.client.get_workflow_handle(outreach_workflow_id(tenant_id, message_id))


async def test_terminated_while_it_is_decided_a_message_is_lost(
    stage, orchestrator, campaign, tenant_id
):
    sending = asyncio.ensure_future(
        orchestrator.send_outreach(campaign, "marie", make_profile(), _TEXT)
    )
    message_id = (await _deciding(stage, tenant_id, 1))["marie"]
    await _handle(stage, tenant_id, message_id).terminate("an operator's hand")
    with pytest.raises(OutreachLostError, match="was terminated") as caught:
        await sending
    assert caught.value.message_id == message_id
    await orchestrator.cancel(message_id)


async def test_one_that_is_terminated_holds_up_no_other_of_its_batch(
    stage, orchestrator, campaign, tenant_id
):
    people = [
        {"id": name, **make_profile(contact_info={"email": f"{name}@example.com"})}
        for name in ("ana", "bea", "caro")
    ]
    sending = asyncio.ensure_future(orchestrator.send_batch(campaign, people, _TEXT))
    messages = await _deciding(stage, tenant_id, 3)
    await _handle(stage, tenant_id, messages["bea"]).terminate("an operator's hand")
    await stage.cast({Channel.EMAIL: ScriptedSender()})

    answer = await sending

    assert [item["status"] for item in answer["details"]] == ["scheduled", "deciding", "scheduled"]
    assert answer["details"][1]["message_id"] == str(messages["bea"])
    assert "1 of 3 are still `deciding`" in answer["warnings"][0]
    for message_id in messages.values():
        await orchestrator.cancel(message_id)


async def test_a_terminated_message_that_is_steered_is_lost_and_not_ended(
    stage, orchestrator, campaign, tenant_id
):
    await stage.cast({Channel.EMAIL: ScriptedSender(), Channel.SMS: ScriptedSender()})
    person = make_profile(contact_info={"email": "ana@example.com", "phone": phone_of("ana")})
    sent = await orchestrator.send_outreach(campaign, "ana", person, _TEXT)
    message_id, later = UUID(sent["message_id"]), datetime.now(UTC) + timedelta(days=3)
    await _handle(stage, tenant_id, message_id).terminate("an operator's hand")

    for steer in (
        lambda: orchestrator.reschedule(message_id, later),
        lambda: orchestrator.process_fallback(message_id),
        lambda: orchestrator.get_status(message_id),
    ):
        with pytest.raises(OutreachLostError, match="was terminated"):
            await steer()

    await orchestrator.cancel(message_id)
    with pytest.raises(FinalStatusError, match="has ended"):
        await orchestrator.reschedule(message_id, later)
    record = await orchestrator.get_message(message_id)
    assert record.state is OutreachState.CANCELLED


async def test_a_message_that_waits_for_its_turn_is_neither_lost_nor_asleep(
    stage, orchestrator, campaign, tmp_path
):
    campaign.templates = _TEXT
    await orchestrator.save_campaign(campaign)
    file = tmp_path / "people.csv"
    file.write_text("id,name,email\nana,Ana,ana@example.com\n")
    await orchestrator.import_recipients(campaign.id, file)
    (message,) = await orchestrator.find.messages(campaign.id)
    later = datetime.now(UTC) + timedelta(days=3)
    with pytest.raises(NotAsleepError, match="turn"):
        await orchestrator.reschedule(message.message_id, later)
    with pytest.raises(NotAsleepError, match="turn"):
        await orchestrator.process_fallback(message.message_id)
