"""A delivery without a task queue: where the provider answers soon, and where it does not."""

import asyncio
from collections import Counter
from datetime import timedelta
from functools import partial
from uuid import UUID

import pytest
from temporalio.api.enums.v1 import EventType

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.errors import ProviderUnavailableError
from madan_sara.contracts.outreach import OutreachState, RescheduleInput
from madan_sara.starter.orchestrator import OutreachOrchestrator
from madan_sara.worker.components import build_components
from madan_sara.worker.workers import build_delivery_workers, build_outreach_worker
from madan_sara.workflows.outreach import OutreachWorkflow
from tests.fakes.sender import Gate, ScriptedSender
from tests.ledger import money
from tests.makers import make_campaign, make_profile, zone_at_noon
from tests.waiting import eventually

#: Far beyond the time of a provider that accepts: nothing goes on by the queue.
_PATIENT = timedelta(seconds=8)


@pytest.fixture
def campaign(tenant_id):
    return make_campaign(
        tenant_id, channels=["email", "sms"], budget_total=1, timezone=zone_at_noon()
    )


async def _events(handle) -> Counter[str]:
    """Events of a history by their kinds."""
    kinds = [EventType.Name(event.event_type) async for event in handle.fetch_history_events()]
    return Counter(kind.removeprefix("EVENT_TYPE_") for kind in kinds)


async def _goes_by_the_queue(handle) -> bool:
    pending = (await handle.describe()).raw_description.pending_activities
    return any(activity.activity_type.name == "deliver" for activity in pending)


async def test_a_message_due_now_is_sent_in_its_first_task(stage, campaign):
    await stage.cast({Channel.EMAIL: ScriptedSender()}, longest_at_once=_PATIENT)
    handle = await stage.start(campaign)

    assert (await handle.result()).state is OutreachState.SENT

    events = await _events(handle)
    assert events["WORKFLOW_TASK_COMPLETED"] == 1
    assert events["ACTIVITY_TASK_SCHEDULED"] == 0
    assert events.total() <= 9


async def test_a_message_due_later_is_sent_in_the_task_that_wakes_it(stage, campaign):
    sleepy = campaign.model_copy(
        update={
            "send_time_optimization": True,
            "optimal_send_times": {"email": {"weekday": "10:00"}},
        }
    )
    await stage.cast({Channel.EMAIL: ScriptedSender()}, longest_at_once=_PATIENT)
    handle = await stage.start(sleepy)
    await handle.execute_update(OutreachWorkflow.decision)
    before = await _events(handle)
    soon = await stage.now() + timedelta(milliseconds=300)
    await handle.execute_update(OutreachWorkflow.reschedule, RescheduleInput(at=soon))

    assert (await handle.result()).state is OutreachState.SENT

    events = await _events(handle)
    assert before["WORKFLOW_TASK_COMPLETED"] + 2 == events["WORKFLOW_TASK_COMPLETED"]
    assert events["ACTIVITY_TASK_SCHEDULED"] == 0


async def test_a_call_that_lasts_is_heard_by_the_queue_and_made_once(
    stage, campaign, database, tenant_id
):
    gate = Gate()
    sender = ScriptedSender(gate)
    await stage.cast({Channel.EMAIL: sender})
    handle = await stage.start(campaign)
    await eventually(partial(_goes_by_the_queue, handle), "the delivery has a task of its own")
    assert (await handle.query(OutreachWorkflow.status)).state is OutreachState.SENDING

    gate.opened.set()

    assert (await handle.result()).state is OutreachState.SENT
    assert len(sender.asked) == 1
    assert await money(database, tenant_id) == (0, 1_000, 1)


async def test_a_provider_that_is_away_is_waited_for_by_the_queue(stage, campaign):
    async def is_away(message):
        raise ProviderUnavailableError("away", timedelta(hours=1))

    sender = ScriptedSender(is_away)
    await stage.cast({Channel.EMAIL: sender})
    handle = await stage.start(campaign)

    async def waits() -> str:
        pending = (await handle.describe()).raw_description.pending_activities
        return "".join(each.last_failure.application_failure_info.type for each in pending)

    assert await eventually(waits, "the wait has its reason") == "ProviderAway"
    assert len(sender.asked) == 1


async def test_a_caller_has_the_decision_before_the_provider_answers(stage, campaign, database):
    gate = Gate()
    await stage.cast({Channel.EMAIL: ScriptedSender(gate)}, longest_at_once=_PATIENT)
    orchestrator = OutreachOrchestrator(stage.client, database, tenant_id=campaign.tenant_uuid)

    answer = await orchestrator.send_outreach(
        campaign, "marie", make_profile(), {"default": "Bonjou"}
    )

    assert answer["channel"] == "email"
    assert not gate.opened.is_set()
    gate.opened.set()


async def test_a_cancel_waits_for_a_call_that_a_first_try_has_left(
    stage, campaign, database, tenant_id
):
    """It comes while the first try lasts, as an activity: the answer of the call still counts."""
    gate = Gate()
    await stage.cast({Channel.EMAIL: ScriptedSender(gate)}, longest_at_once=timedelta(seconds=1))
    orchestrator = OutreachOrchestrator(stage.client, database, tenant_id=tenant_id)
    answer = await orchestrator.send_outreach(
        campaign, "marie", make_profile(), {"default": "Bonjou"}
    )
    await gate.reached.wait()
    handle = stage.handle(tenant_id, UUID(answer["message_id"]))
    await handle.cancel()

    async def is_looked_into() -> bool:
        return (await _events(handle))["ACTIVITY_TASK_COMPLETED"] == 1

    await eventually(is_looked_into, "the first try is over")
    gate.opened.set()

    assert (await handle.result()).state is OutreachState.SENT
    assert await money(database, tenant_id) == (0, 1_000, 1)


async def test_calls_that_last_hold_up_no_other_channel(stage, tenant_id):
    """More of them than a worker has workflows' tasks."""
    gate, sms = Gate(), ScriptedSender()
    await stage.cast({Channel.EMAIL: ScriptedSender(gate), Channel.SMS: sms})
    by_email = make_campaign(tenant_id, channels=["email"], timezone=zone_at_noon())
    by_sms = make_campaign(tenant_id, channels=["sms"], timezone=zone_at_noon())
    slow = await asyncio.gather(*(stage.start(by_email) for _ in range(120)))
    profile = {"contact_info": {"phone": "+50937001234"}}

    handle = await stage.start(by_sms, profile, {"default": "Bonjou"})

    assert (await handle.result()).state is OutreachState.SENT
    assert not gate.opened.is_set()
    gate.opened.set()
    assert {(await each.result()).state for each in slow} == {OutreachState.SENT}


async def test_a_channel_can_have_workers_of_its_own(stage, campaign):
    """One worker carries outreaches and makes no call, another one makes calls and nothing else."""
    sender = ScriptedSender()
    senders = {Channel.EMAIL: sender}
    carries = build_components(stage.database, senders, delivered_here=())
    calls = build_components(stage.database, senders)
    workers = [
        build_outreach_worker(stage.client, carries),
        *build_delivery_workers(stage.client, calls, senders),
    ]
    for worker in workers:
        await stage.exits.enter_async_context(worker)
    handle = await stage.start(campaign)

    assert (await handle.result()).state is OutreachState.SENT
    assert (await _events(handle))["ACTIVITY_TASK_SCHEDULED"] == 1
    assert len(sender.asked) == 1
