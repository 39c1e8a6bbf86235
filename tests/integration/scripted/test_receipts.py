"""Receipts that arrive early, late and twice."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import (
    AttemptState,
    DeliveryEvent,
    DeliveryEventKind,
    DeliveryEventSignal,
)
from madan_sara.contracts.errors import UnreachableError
from madan_sara.contracts.naming import OUTREACH_QUEUE
from madan_sara.contracts.outreach import MessageRef, OutreachInput, OutreachResult, OutreachState
from madan_sara.devstack.ports import choose_ports
from madan_sara.persistence.claims import PostgresClaimStore
from madan_sara.persistence.decision_facts import DecisionReader
from madan_sara.persistence.receipts import PostgresReceiptStore
from madan_sara.starter.orchestrator import OutreachOrchestrator
from madan_sara.workflows.outreach import OutreachWorkflow
from tests.fakes.sender import Gate, ScriptedSender
from tests.makers import make_campaign

BOTH = {
    "name": "Marie",
    "contact_info": {"email": "marie@example.com", "phone": "+50937001234"},
    "preferences": {"preferred_channel": "email"},
}


def bounce_of(handle) -> DeliveryEvent:
    return DeliveryEvent(
        provider="scripted",
        provider_event_id=handle.id,
        message_id=UUID(handle.id[-36:]),
        attempt_no=1,
        kind=DeliveryEventKind.BOUNCED,
        occurred_at=datetime.now(UTC),
        code="5.1.1",
    )


async def receive(database, tenant_id, handle, kind) -> bool:
    event = bounce_of(handle).model_copy(
        update={"kind": kind, "provider_event_id": f"{handle.id}-{kind}"}
    )
    return await PostgresReceiptStore(database).receive(tenant_id, event, datetime.now(UTC))


@pytest.mark.parametrize("wait_minutes", [0, 60])
async def test_a_bounce_heard_before_the_acceptance_is_recorded_counts(
    stage, tenant_id, database, wait_minutes
):
    campaign = make_campaign(
        tenant_id, channels=["email", "sms"], settings={"receipt_wait_minutes": wait_minutes}
    )
    gate = Gate()
    await stage.cast({Channel.EMAIL: ScriptedSender(gate), Channel.SMS: ScriptedSender()})
    handle = await stage.start(campaign, BOTH, {"default": "Bonjou"})
    await gate.reached.wait()
    event = bounce_of(handle)
    assert await PostgresReceiptStore(database).receive(tenant_id, event, datetime.now(UTC))
    # The second attempt is delivered, so that no outreach waits for its receipt.
    for attempt_no, kind in ((1, event.kind), (2, DeliveryEventKind.DELIVERED)):
        await handle.signal(
            OutreachWorkflow.delivery_event,
            DeliveryEventSignal(attempt_no=attempt_no, kind=kind, occurred_at=event.occurred_at),
        )

    gate.opened.set()

    result = await handle.result()
    assert result.state is OutreachState.SENT
    attempts = (await stage.record(handle, tenant_id)).attempts
    bounced = (1, Channel.EMAIL, AttemptState.BOUNCED, "5.1.1")
    assert (attempts[0].attempt_no, attempts[0].channel, attempts[0].state, attempts[0].code) == (
        bounced
    )
    if wait_minutes:
        assert [(a.channel, a.state) for a in attempts[1:]] == [
            (Channel.SMS, AttemptState.ACCEPTED)
        ]


async def test_a_receipt_is_kept_once(stage, tenant_id, database):
    await stage.cast({Channel.EMAIL: ScriptedSender()})
    handle = await stage.start(make_campaign(tenant_id))
    await handle.result()
    receipts, event = PostgresReceiptStore(database), bounce_of(handle)
    assert await receipts.receive(tenant_id, event, datetime.now(UTC))
    assert not await receipts.receive(tenant_id, event, datetime.now(UTC))
    assert (await stage.record(handle, tenant_id)).events == ["bounced"]


@pytest.mark.parametrize("kind", [DeliveryEventKind.UNSUBSCRIBED, DeliveryEventKind.COMPLAINED])
async def test_a_person_who_opts_out_of_a_channel_gets_no_more_on_it(
    stage, tenant_id, database, kind
):
    email, sms = ScriptedSender(), ScriptedSender()
    await stage.cast({Channel.EMAIL: email, Channel.SMS: sms})
    first = await stage.start(make_campaign(tenant_id), BOTH, recipient_id="marie")
    await first.result()
    assert await receive(database, tenant_id, first, kind)

    other = make_campaign(tenant_id, settings={"channel_deduplication": "off"})
    text = {"default": "Salt fish and yams"}
    second = await stage.start(other, BOTH, text, recipient_id="marie")

    assert (await second.result()).channel is Channel.SMS
    status = await second.query(OutreachWorkflow.status)
    assert {a.channel: a.ruled_out for a in status.routing.assessments}[Channel.EMAIL] == (
        "suppressed"
    )
    assert len(email.asked) == 1


async def test_an_opt_out_counts_for_any_attempt_it_names(stage, tenant_id, database):
    email = ScriptedSender()
    await stage.cast({Channel.EMAIL: email})
    first = await stage.start(make_campaign(tenant_id), recipient_id="marie")
    await first.result()
    kind = bounce_of(first).model_copy(
        update={"kind": DeliveryEventKind.UNSUBSCRIBED, "attempt_no": 7}
    )
    assert await PostgresReceiptStore(database).receive(tenant_id, kind, datetime.now(UTC))

    other = make_campaign(tenant_id, settings={"channel_deduplication": "off"})
    second = await stage.start(other, content={"default": "Salt fish"}, recipient_id="marie")

    assert (await second.result()).reason == "suppressed"
    assert len(email.asked) == 1


async def test_an_open_heard_before_the_answer_is_recorded_counts(stage, tenant_id, database):
    gate = Gate()
    await stage.cast({Channel.EMAIL: ScriptedSender(gate)})
    handle = await stage.start(make_campaign(tenant_id), BOTH, recipient_id="marie")
    await gate.reached.wait()
    assert await receive(database, tenant_id, handle, DeliveryEventKind.OPENED)
    gate.opened.set()
    await handle.result()

    second = await stage.start(
        make_campaign(tenant_id), BOTH, {"default": "Salt fish"}, recipient_id="marie"
    )

    await second.result()
    status = await second.query(OutreachWorkflow.status)
    decided = {a.channel: a for a in status.routing.assessments}[Channel.EMAIL]
    assert decided.has_evidence
    assert decided.factors.engagement > 0.5


async def test_a_message_that_did_not_bounce_is_not_taken_up_again(stage, tenant_id, database):
    email, sms = ScriptedSender(), ScriptedSender()
    await stage.cast({Channel.EMAIL: email, Channel.SMS: sms})
    handle = await stage.start(make_campaign(tenant_id, channels=["email", "sms"]), BOTH)
    await handle.result()
    ref = MessageRef(tenant_id=tenant_id, message_id=UUID(handle.id[-36:]))

    reopened = await PostgresClaimStore(database, DecisionReader(database)).reopen(ref)

    assert reopened.block is not None
    assert reopened.block.details == {"kind": "not_bounced"}
    resumed = await stage.client.start_workflow(
        OutreachWorkflow.run,
        OutreachInput(ref=ref, resume=True),
        id=handle.id,
        task_queue=OUTREACH_QUEUE,
    )
    assert (await resumed.result()).state is OutreachState.SENT
    assert (len(email.asked), len(sms.asked)) == (1, 0)
    assert (await stage.record(handle, tenant_id)).state is OutreachState.SENT


async def _called(stage, tenant_id, gate: Gate):
    """An outreach that waits for receipts, while its first provider is being called."""
    campaign = make_campaign(
        tenant_id, channels=["email", "sms"], settings={"receipt_wait_minutes": 60}
    )
    await stage.cast({Channel.EMAIL: ScriptedSender(gate), Channel.SMS: ScriptedSender()})
    handle = await stage.start(campaign, BOTH)
    await gate.reached.wait()
    return handle


async def _delivered_by(stage, tenant_id, handle, gate: Gate) -> Channel | None:
    """The channel an outreach ends on, whose next attempt is delivered."""
    await handle.signal(
        OutreachWorkflow.delivery_event,
        DeliveryEventSignal(
            attempt_no=2, kind=DeliveryEventKind.DELIVERED, occurred_at=datetime.now(UTC)
        ),
    )
    gate.opened.set()
    result: OutreachResult = await handle.result()
    assert result.state is OutreachState.SENT
    return result.channel


async def test_a_receipt_that_was_kept_and_not_told_is_told_when_repeated(
    stage, tenant_id, database
):
    gate = Gate()
    handle = await _called(stage, tenant_id, gate)
    (port,) = choose_ports(0)
    away = await Client.connect(
        f"127.0.0.1:{port}", lazy=True, data_converter=pydantic_data_converter
    )
    event = bounce_of(handle)
    with pytest.raises(UnreachableError):
        await OutreachOrchestrator(away, database, tenant_id=tenant_id).record_delivery_event(event)

    orchestrator = OutreachOrchestrator(stage.client, database, tenant_id=tenant_id)
    assert [await orchestrator.record_delivery_event(event) for _ in range(2)] == [False, False]

    assert await _delivered_by(stage, tenant_id, handle, gate) is Channel.SMS
    # Where no workflow listens any more, it is known all the same.
    assert not await orchestrator.record_delivery_event(event)
    other = OutreachOrchestrator(stage.client, database, tenant_id=uuid4())
    assert not await other.record_delivery_event(event)


async def test_a_repeated_receipt_does_not_take_a_bounce_back(stage, tenant_id, database):
    gate = Gate()
    handle = await _called(stage, tenant_id, gate)
    orchestrator = OutreachOrchestrator(stage.client, database, tenant_id=tenant_id)
    bounce = bounce_of(handle)
    opened = bounce.model_copy(
        update={"kind": DeliveryEventKind.OPENED, "provider_event_id": f"{handle.id}-opened"}
    )
    known = [await orchestrator.record_delivery_event(e) for e in (opened, bounce, opened)]
    assert known == [True, True, False]
    assert await _delivered_by(stage, tenant_id, handle, gate) is Channel.SMS


async def test_another_receipt_under_a_known_id_tells_nothing(stage, tenant_id, database):
    gate = Gate()
    handle = await _called(stage, tenant_id, gate)
    orchestrator = OutreachOrchestrator(stage.client, database, tenant_id=tenant_id)
    bounce = bounce_of(handle)
    delivered = bounce.model_copy(update={"kind": DeliveryEventKind.DELIVERED})
    known = [await orchestrator.record_delivery_event(e) for e in (delivered, bounce)]
    assert known == [True, False]
    assert await _delivered_by(stage, tenant_id, handle, gate) is Channel.EMAIL
