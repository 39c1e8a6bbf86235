"""Two tenants with the same ids at the same time: neither hears of the other."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from temporalio.api.workflowservice.v1 import ListBatchOperationsRequest
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError

from madan_sara.contracts.campaign import CampaignStatus
from madan_sara.contracts.delivery import DeliveryEvent, DeliveryEventKind
from madan_sara.contracts.outreach import OutreachState
from madan_sara.persistence.database import Database
from madan_sara.starter.orchestrator import OutreachOrchestrator
from tests.audience import queue
from tests.makers import make_campaign
from tests.waiting import eventually

_TEXT = {"default": "Bonjou {{ name }}"}
_RUNNING = 1  #: BATCH_OPERATION_STATE_RUNNING


@pytest.fixture
def tenants(client: Client, database: Database, workers: None) -> list[OutreachOrchestrator]:
    return [OutreachOrchestrator(client, database, tenant_id=uuid4()) for _ in range(2)]


def _person(name: str) -> dict[str, object]:
    return {"id": name, "name": "Ana", "contact_info": {"user_id": name}}


async def _send(orchestrator: OutreachOrchestrator, campaign_id: UUID, start: datetime) -> UUID:
    campaign = make_campaign(orchestrator._tenant_id, id=campaign_id, start_date=start)
    person = _person(uuid4().hex)
    sent = await orchestrator.send_outreach(campaign, str(person.pop("id")), person, _TEXT)
    return UUID(sent["message_id"])


async def test_campaigns_of_one_id_run_at_once_and_one_is_cancelled(tenants, database):
    campaign_id = uuid4()
    controls = []
    for tenant in tenants:
        campaign = make_campaign(tenant._tenant_id, id=campaign_id, templates=_TEXT)
        await tenant.save_campaign(campaign)
        await queue(database, campaign, [_person(uuid4().hex) for _ in range(12)])
        controls.append(tenant.campaign(campaign_id))
    cancelled, other = controls
    await asyncio.gather(*(control.start() for control in controls))

    await cancelled.cancel()

    results = await asyncio.gather(cancelled.result(), other.result())
    assert [r.status for r in results] == [CampaignStatus.CANCELLED, CampaignStatus.COMPLETED]
    assert sum(results[0].by_state.values()) == 12
    assert results[1].by_state == {OutreachState.SENT: 12}


async def test_a_cancel_wakes_no_message_of_another_tenant(tenants, client):
    campaign_id, start = uuid4(), datetime.now(UTC) + timedelta(days=1)
    ours, theirs = [(tenant, await _send(tenant, campaign_id, start)) for tenant in tenants]

    await ours[0].campaign(campaign_id).cancel()

    with pytest.raises(WorkflowFailureError):
        await ours[0].handle(ours[1]).result()
    listed = ListBatchOperationsRequest(namespace=client.namespace)

    async def done() -> bool:
        jobs = await client.workflow_service.list_batch_operations(listed)
        return all(job.state != _RUNNING for job in jobs.operation_info)

    await eventually(done, "the server has cancelled all it was asked to")
    assert (await theirs[0].get_status(theirs[1])).state is OutreachState.SCHEDULED
    description = await theirs[0].handle(theirs[1]).describe()
    assert description.status is WorkflowExecutionStatus.RUNNING
    await theirs[0].cancel(theirs[1])


async def test_receipts_and_bookings_of_one_id_are_two(tenants):
    campaign_id, spend_id, now = uuid4(), uuid4(), datetime.now(UTC)
    event_id = uuid4().hex
    for tenant in tenants:
        message_id = await _send(tenant, campaign_id, now)
        campaign = await tenant.get_campaign(campaign_id)
        event = DeliveryEvent(
            provider="sandbox",
            provider_event_id=event_id,
            message_id=message_id,
            attempt_no=1,
            kind=DeliveryEventKind.OPENED,
            occurred_at=now,
        )
        assert [await tenant.record_delivery_event(event) for _ in range(2)] == [True, False]
        await tenant.budget.record_spend(campaign, "chat", "1.5", spend_id=spend_id)
        analytics = await tenant.budget.get_budget_analytics(campaign)
        assert analytics.total.spent >= Decimal("1.5")
