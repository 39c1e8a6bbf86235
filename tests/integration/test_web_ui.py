"""What the Web UI gets to show of an outreach."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from temporalio.api.enums.v1 import EventType
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowExecution

from contracts.naming import CAMPAIGN_ATTRIBUTE, TENANT_ATTRIBUTE
from starter.outreaches import OutreachHandle
from tests.makers import make_campaign, make_profile
from tests.waiting import eventually


async def _details(handle: OutreachHandle) -> str:
    metadata: WorkflowMetadata = await handle.query(
        "__temporal_workflow_metadata", result_type=WorkflowMetadata
    )
    return str(metadata.current_details)


async def test_a_sleeping_outreach_tells_its_story(orchestrator, tenant_id):
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    campaign = make_campaign(tenant_id, channels=["email", "sms"], start_date=tomorrow)
    sent = await orchestrator.send_outreach(
        campaign, "marie", make_profile(), {"default": "Bonjou {{ name }}"}
    )
    handle = orchestrator.handle(UUID(sent["message_id"]))

    described = await handle.describe()
    assert await described.static_summary() == "Spring fair (promotion)"
    details = await _details(handle)
    assert details.startswith("**scheduled**")
    assert "**On email**: it scores best" in details
    assert "no_contact" in details
    assert "marie" not in details.lower()
    timers = [
        event.user_metadata.summary.data.decode()
        async for event in handle.fetch_history_events()
        if event.event_type == EventType.EVENT_TYPE_TIMER_STARTED
    ]
    assert len(timers) == 1
    assert timers[0].startswith('"Until ')
    assert timers[0].endswith('UTC, for email"')
    await orchestrator.cancel(UUID(sent["message_id"]))


async def test_a_delivery_is_named_by_its_channel_and_the_end_is_told(orchestrator, tenant_id):
    sent = await orchestrator.send_outreach(
        make_campaign(tenant_id), "marie", make_profile(), {"default": "Bonjou {{ name }}"}
    )
    handle = orchestrator.handle(UUID(sent["message_id"]))
    await handle.result()
    deliveries = [
        event.user_metadata.summary.data.decode()
        async for event in handle.fetch_history_events()
        if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    ]
    assert deliveries == ['"Deliver by email"']
    details = await _details(handle)
    assert details.startswith("**sent**")
    assert "- attempt 1, email: accepted" in details


async def test_an_outreach_is_found_by_its_campaign_and_tenant(orchestrator, tenant_id, client):
    campaign = make_campaign(tenant_id)
    sent = await orchestrator.send_outreach(
        campaign, "marie", make_profile(), {"default": "Bonjou {{ name }}"}
    )
    query = f"{CAMPAIGN_ATTRIBUTE} = '{campaign.id}' AND {TENANT_ATTRIBUTE} = '{tenant_id}'"

    async def found() -> list[WorkflowExecution]:
        return [execution async for execution in client.list_workflows(query)]

    executions = await eventually(found, "the outreach in the list of its campaign")
    assert [e.id for e in executions] == [f"outreach-{sent['message_id']}"]
