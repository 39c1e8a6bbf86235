"""Many callers who wait for one message: all get the answer, and its workflow is asked once."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text
from temporalio.api.enums.v1 import EventType

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.errors import OutreachLostError
from madan_sara.persistence.ownership import Ownership
from madan_sara.starter.orchestrator import OutreachOrchestrator
from madan_sara.starter.outreaches import Outreaches
from tests.fakes.sender import ScriptedSender
from tests.makers import make_campaign, make_profile
from tests.waiting import eventually

#: Three times the updates a workflow takes at once.
CALLERS = 30

_MESSAGES = text("SELECT message_id FROM messages WHERE tenant_id = :tenant_id")


@pytest.fixture
def send(stage, tenant_id):
    """Send one and the same request, each time as a client of its own."""
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    campaign = make_campaign(tenant_id, channels=["email", "sms"], start_date=tomorrow)

    async def send():
        client = OutreachOrchestrator(stage.client, stage.database, tenant_id=tenant_id)
        return await client.send_outreach(
            campaign, "marie", make_profile(), {"default": "Bonjou"}, idempotency_key="order 7"
        )

    return send


async def _updates(handle) -> int:
    kind = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED
    return sum([event.event_type == kind async for event in handle.fetch_history_events()])


async def test_thirty_callers_wait_for_one_decision(stage, database, tenant_id, send):
    callers = [asyncio.ensure_future(send()) for _ in range(CALLERS)]
    orchestrator = OutreachOrchestrator(stage.client, database, tenant_id=tenant_id)

    async def waited_for() -> UUID | None:
        async with database.statement() as connection:
            found = await connection.execute(_MESSAGES, {"tenant_id": tenant_id})
            message_id: UUID | None = found.scalar_one_or_none()
        if message_id is None:
            return None
        own = await Ownership(database, tenant_id).message(message_id)
        return message_id if await Outreaches(stage.client).execution(own) else None

    message_id = await eventually(waited_for, "the workflow is there, and no worker")
    assert message_id is not None
    await stage.cast({Channel.EMAIL: ScriptedSender()})

    first, *others = await asyncio.gather(*callers)

    assert (first["status"], first["message_id"]) == ("scheduled", str(message_id))
    assert all(other == first for other in others)
    handle = orchestrator.handle(message_id)
    assert await _updates(handle) == 1
    assert await send() == first
    assert await _updates(handle) == 1  # A stored decision is not asked of the workflow again.
    await orchestrator.cancel(message_id)


async def test_an_order_given_since_is_in_the_answer_to_a_repeated_request(
    stage, database, tenant_id, send
):
    await stage.cast({Channel.EMAIL: ScriptedSender()})
    orchestrator = OutreachOrchestrator(stage.client, database, tenant_id=tenant_id)
    message_id = UUID((await send())["message_id"])
    moved = await orchestrator.reschedule(message_id, datetime.now(UTC) + timedelta(days=3))

    assert (await send())["scheduled_at"] == moved["scheduled_at"]

    await orchestrator.handle(message_id).terminate()
    with pytest.raises(OutreachLostError, match="was terminated"):
        await send()
