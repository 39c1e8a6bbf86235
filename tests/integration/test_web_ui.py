"""Outreaches and campaigns in the Web UI."""

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

from temporalio.api.enums.v1 import EventType
from temporalio.api.sdk.v1 import WorkflowMetadata
from temporalio.client import WorkflowExecution

from madan_sara.contracts.naming import CAMPAIGN_ATTRIBUTE, TENANT_ATTRIBUTE, outreach_workflow_id
from madan_sara.starter.campaign_runs import CampaignHandle
from madan_sara.starter.outreaches import OutreachHandle
from tests.audience import queue
from tests.makers import make_campaign, make_profile
from tests.waiting import eventually


def _people(tenant_id: UUID, count: int) -> list[dict[str, object]]:
    return [
        {"id": f"{n}", "name": "Marie", "contact_info": {"user_id": f"{tenant_id}-{n}"}}
        for n in range(count)
    ]


async def _details(handle: OutreachHandle | CampaignHandle) -> str:
    metadata: WorkflowMetadata = await handle.query(
        "__temporal_workflow_metadata", result_type=WorkflowMetadata
    )
    return str(metadata.current_details)


async def test_a_sleeping_outreach_shows_its_story(orchestrator, tenant_id):
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
    assert "no address" in details
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


async def test_a_delivery_is_named_by_its_channel_and_the_end_is_reported(orchestrator, tenant_id):
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
    # One that the machine is too slow for goes on by its queue.
    assert deliveries[0] == '"Deliver by email"'
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
    workflow_id = outreach_workflow_id(tenant_id, UUID(sent["message_id"]))
    assert [e.id for e in executions] == [workflow_id]


async def test_outreaches_are_found_by_how_they_ended_and_why(orchestrator, tenant_id, client):
    """The first is refused on instagram and sent by mail; the second is its duplicate."""
    later = datetime.now(UTC) + timedelta(days=1)
    campaign = make_campaign(tenant_id, channels=["instagram", "email"])
    profile = make_profile(
        contact_info={"email": "marie@example.com", "instagram_handle": f"refuse-{tenant_id}"},
        preferences={"preferred_channel": "instagram"},
    )
    rose = make_profile(contact_info={"email": "rose@example.com"})
    text = {"default": "Bonjou {{ name }}"}
    asleep = make_campaign(tenant_id, start_date=later)
    ids = [
        UUID((await orchestrator.send_outreach(one, who, person, text))["message_id"])
        for one, who, person in (
            (campaign, "marie", profile),
            (campaign, "marie", profile),
            (asleep, "rose", rose),
        )
    ]
    sent, blocked, sleeping = (orchestrator.handle(message_id) for message_id in ids)
    await sent.result()
    await blocked.result()
    details = await _details(sent)
    assert "**On email**, a fallback. instagram was chosen first" in details

    async def found() -> bool:
        by_query = {}
        for query in ("State = 'sent'", "Reason = 'duplicate'", "State = 'under_way'"):
            mine = f"MadanSara{query} AND {TENANT_ATTRIBUTE} = '{tenant_id}'"
            by_query[query] = [execution.id async for execution in client.list_workflows(mine)]
        return list(by_query.values()) == [[sent.id], [blocked.id], [sleeping.id]]

    await eventually(found, "each outreach is found by its state or reason")
    await orchestrator.cancel(ids[2])


async def test_a_campaign_shows_its_progress_and_its_steps(
    orchestrator, database, tenant_id, client
):
    campaign = make_campaign(
        tenant_id, channels=["chat"], templates={"chat": "Bonjou"}, daily_limit=2, budget_total=5
    )
    await orchestrator.save_campaign(campaign)
    await queue(database, campaign, _people(tenant_id, 5))
    handle = await orchestrator.campaign(campaign.id).start()

    async def asleep() -> bool:
        details = await _details(handle)
        sent = details.startswith("**active**: 2 of 5 have an outcome")
        return sent and "waits for the next day" in details

    await eventually(asleep, "it sleeps until the next day, and shows who was sent to meanwhile")
    details = await _details(handle)
    assert "- held or sent today and later: 2 of 2" in details
    assert "- left to spend: 5" in details
    assert "started: recipients 2" in details
    assert "marie" not in details.lower()
    assert await (await handle.describe()).static_summary() == "Spring fair (promotion)"
    timers = [
        event.user_metadata.summary.data.decode()
        async for event in handle.fetch_history_events()
        if event.event_type == EventType.EVENT_TYPE_TIMER_STARTED
    ]
    assert timers[-1] == '"Wait: next_day"'

    query = f"{CAMPAIGN_ATTRIBUTE} = '{campaign.id}' AND {TENANT_ATTRIBUTE} = '{tenant_id}'"

    async def found() -> bool:
        ids = [execution.id async for execution in client.list_workflows(query)]
        return len(ids) == 3 and handle.id in ids

    await eventually(found, "the campaign and the outreaches it started in one list")
    await orchestrator.campaign(campaign.id).cancel("seen enough")
    await handle.result()
    details = await _details(handle)
    assert details.startswith("**cancelled**: 5 of 5 have an outcome")
    assert "reason seen enough" in details


async def test_a_campaign_that_paces_itself_says_why(orchestrator, database, tenant_id):
    campaign = make_campaign(
        tenant_id,
        channels=["chat"],
        templates={"chat": "Bonjou"},
        end_date=datetime.now(UTC) + timedelta(days=10),
        auto_pacing=True,
        budget_total=5,
        settings={"prices": {"chat": "0.1"}},
    )
    await orchestrator.save_campaign(campaign)
    await queue(database, campaign, _people(tenant_id, 50))
    handle = await orchestrator.campaign(campaign.id).start()

    async def asleep() -> bool:
        return "waits for the next day" in await _details(handle)

    await eventually(asleep, "it sleeps until the next day")
    choices = re.findall(r"daily share chosen: share (\d+), reason (.+)", await _details(handle))
    ((share, reason),) = choices
    assert int(share) <= 7  # None at all where the day is nearly over.
    assert "5.00 left pays for 50 messages at 0.1" in reason
    await orchestrator.campaign(campaign.id).cancel("seen enough")
