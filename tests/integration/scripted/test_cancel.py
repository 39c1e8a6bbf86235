"""Cancelling at every moment: nothing left behind, and sent messages stay sent."""

import asyncio
import itertools
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowFailureError

from madan_sara.activities.sender import Refused, SenderCapabilities
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.errors import (
    AmbiguousDeliveryError,
    ConflictError,
    ProviderUnavailableError,
    TransientDeliveryError,
)
from madan_sara.contracts.outreach import OutreachState, OutreachStatus, RescheduleInput
from madan_sara.starter.orchestrator import OutreachOrchestrator
from madan_sara.workflows.outreach import OutreachWorkflow
from tests.fakes.sender import Gate, ScriptedSender, refuse
from tests.ledger import assert_nothing_left_behind, money
from tests.makers import make_campaign, phone_of, zone_at_noon
from tests.waiting import eventually


@pytest.fixture
def campaign(tenant_id):
    return make_campaign(
        tenant_id, channels=["email", "sms"], budget_total=1, timezone=zone_at_noon()
    )


async def _cancel_and_wait_until_heard(handle) -> None:
    """Cancel; return once the workflow has passed the cancel on to its activity."""
    await handle.cancel()
    heard = EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED
    while heard not in [event.event_type async for event in handle.fetch_history_events()]:
        pass


async def _cancelled(handle) -> bool:
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    status = await handle.query(OutreachWorkflow.status)
    return status.state is OutreachState.CANCELLED


async def test_asleep_it_is_withdrawn_and_compensated(stage, tenant_id, database):
    sender = ScriptedSender()
    await stage.cast({Channel.EMAIL: sender})
    campaign = make_campaign(
        tenant_id,
        channels=["email"],
        send_time_optimization=True,
        optimal_send_times={"email": {"weekday": "10:00"}},
        timezone=zone_at_noon(),
    )
    handle = await stage.start(campaign)
    await handle.execute_update(OutreachWorkflow.decision)
    assert await money(database, tenant_id) == (1000, 0, 1)

    await handle.cancel()

    assert await _cancelled(handle)
    assert sender.asked == []
    await assert_nothing_left_behind(database, tenant_id)
    assert await money(database, tenant_id) == (0, 0, 0)


async def test_a_message_taken_during_a_cancel_stays_sent(stage, campaign, database, tenant_id):
    gate = Gate()
    await stage.cast({Channel.EMAIL: ScriptedSender(gate)})
    handle = await stage.start(campaign)
    await gate.reached.wait()

    await _cancel_and_wait_until_heard(handle)
    gate.opened.set()

    assert (await handle.result()).state is OutreachState.SENT
    assert await money(database, tenant_id) == (0, 1000, 1)


async def test_while_the_provider_is_called_a_lost_answer_counts_as_unknown(
    stage, campaign, database, tenant_id
):
    gate = Gate(AmbiguousDeliveryError("the connection broke"))
    await stage.cast({Channel.EMAIL: ScriptedSender(gate)})
    handle = await stage.start(campaign)
    await gate.reached.wait()

    await _cancel_and_wait_until_heard(handle)
    gate.opened.set()

    assert (await handle.result()).state is OutreachState.UNKNOWN
    assert await money(database, tenant_id) == (0, 1000, 1)


async def test_while_it_compensates_a_refusal_no_other_channel_is_tried(
    stage, campaign, database, tenant_id
):
    gate = Gate()

    async def refuse_when_let_through(message):
        await gate(message)
        return await refuse(message)

    other = ScriptedSender()
    await stage.cast({Channel.EMAIL: ScriptedSender(refuse_when_let_through), Channel.SMS: other})
    profile = {"contact_info": {"email": "a@example.com", "phone": "+50937001234"}}
    handle = await stage.start(campaign, profile, {"default": "Bonjou"})
    await gate.reached.wait()

    await _cancel_and_wait_until_heard(handle)
    gate.opened.set()

    assert await _cancelled(handle)
    assert other.asked == []
    await assert_nothing_left_behind(database, tenant_id)


async def test_waiting_for_a_paused_campaign_it_can_still_be_cancelled(
    stage, campaign, database, tenant_id
):
    sender = ScriptedSender(capabilities=SenderCapabilities())
    campaign.send_time_optimization = True
    campaign.optimal_send_times = {"email": {"weekday": "10:00"}, "sms": {"weekday": "10:00"}}
    await stage.cast({Channel.EMAIL: sender})
    handle = await stage.start(campaign)
    await handle.execute_update(OutreachWorkflow.decision)
    campaign.status = "paused"
    await stage.save(campaign)
    soon = await stage.now() + timedelta(milliseconds=300)
    await handle.execute_update(OutreachWorkflow.reschedule, RescheduleInput(at=soon))
    while (await handle.query(OutreachWorkflow.status)).state is not OutreachState.SENDING:
        pass
    await handle.cancel()

    assert await _cancelled(handle)
    assert sender.asked == []
    await assert_nothing_left_behind(database, tenant_id)


async def test_at_any_moment_it_leaves_nothing_behind(stage, campaign, database, tenant_id):
    """Sixty outreaches with a refusing first channel, each cancelled at another moment."""
    email, sms = ScriptedSender(refuse), ScriptedSender()
    await stage.cast({Channel.EMAIL: email, Channel.SMS: sms})
    people = itertools.count()

    async def start_and_cancel(rounds: int) -> OutreachState:
        person = str(next(people))
        profile = {
            "contact_info": {"email": f"{person}@example.com", "phone": phone_of(person)},
            "preferences": {"preferred_channel": "email"},
        }
        handle = await stage.start(campaign, profile, {"default": "Bonjou"})
        for _ in range(rounds):
            await handle.describe()
        await handle.cancel()
        with suppress(WorkflowFailureError):
            await handle.result()
        status: OutreachStatus = await handle.query(OutreachWorkflow.status)
        assert (await stage.record(handle, tenant_id)).state is status.state
        return OutreachState(status.state)

    states = await asyncio.gather(*(start_and_cancel(rounds % 20) for rounds in range(60)))

    assert set(states) <= {OutreachState.CANCELLED, OutreachState.SENT}
    assert OutreachState.CANCELLED in states
    assert len(sms.asked) == states.count(OutreachState.SENT)
    await assert_nothing_left_behind(database, tenant_id)
    held, spent, count = await money(database, tenant_id)
    assert (held, spent, count) == (0, 7500 * len(sms.asked), len(sms.asked))


async def test_terminated_during_the_call_a_message_is_sent_and_paid_for_all_the_same(
    stage, tenant_id, database
):
    """No run is left to book it, and none can close it as unsent."""
    gate = Gate()
    await stage.cast({Channel.EMAIL: ScriptedSender(gate)})
    handle = await stage.start(make_campaign(tenant_id, channels=["email"], budget_total=1))
    await gate.reached.wait()
    await handle.terminate("an operator's hand")
    orchestrator = OutreachOrchestrator(stage.client, database, tenant_id=tenant_id)
    message_id = UUID(handle.id[-36:])
    with pytest.raises(ConflictError, match="a provider may have it"):
        await orchestrator.cancel(message_id)

    gate.opened.set()

    async def is_sent() -> bool:
        return (await stage.record(handle, tenant_id)).state is OutreachState.SENT

    await eventually(is_sent, "the delivery has booked what it sent")
    assert await money(database, tenant_id) == (0, 1_000, 1)
    with pytest.raises(ConflictError, match="has ended"):
        await orchestrator.cancel(message_id)


@pytest.mark.parametrize(
    "answer", [TransientDeliveryError("put off"), ProviderUnavailableError("away")]
)
async def test_cancelled_during_a_call_that_is_not_taken_it_is_cancelled(
    stage, campaign, database, tenant_id, answer
):
    gate = Gate(answer)
    await stage.cast({Channel.EMAIL: ScriptedSender(gate)})
    handle = await stage.start(campaign)
    await gate.reached.wait()

    await _cancel_and_wait_until_heard(handle)
    gate.opened.set()

    assert await _cancelled(handle)
    await assert_nothing_left_behind(database, tenant_id)


@pytest.mark.parametrize(
    "answer", [TransientDeliveryError("put off"), ProviderUnavailableError("away"), Refused("no")]
)
async def test_moved_during_a_call_that_is_not_taken_it_goes_on_with_the_next_channel(
    stage, campaign, tenant_id, answer
):
    gate = Gate(answer)
    await stage.cast({Channel.EMAIL: ScriptedSender(gate), Channel.SMS: ScriptedSender()})
    person = str(tenant_id)
    profile = {
        "contact_info": {"email": f"{person}@example.com", "phone": phone_of(person)},
        "preferences": {"preferred_channel": "email"},
    }
    handle = await stage.start(campaign, profile, {"default": "Bonjou"})
    await gate.reached.wait()
    moving = asyncio.create_task(handle.execute_update(OutreachWorkflow.fall_back))
    heard = EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED
    while heard not in [event.event_type async for event in handle.fetch_history_events()]:
        pass

    gate.opened.set()

    assert (await moving).channel is Channel.SMS
    assert (await handle.result()).channel is Channel.SMS
