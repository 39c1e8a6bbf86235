"""Sends that are planned behind the end their campaign has got: none sleeps on for nothing."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from temporalio.client import WorkflowExecutionStatus

from madan_sara.contracts.campaign import CampaignStatus
from madan_sara.contracts.outreach import ExitReason, OutreachState
from tests.integration.campaigns.conftest import crowd
from tests.ledger import assert_nothing_left_behind
from tests.makers import make_campaign
from tests.waiting import eventually

NEXT_YEAR = datetime(datetime.now(UTC).year + 1, 6, 1, tzinfo=UTC)


async def test_a_save_closes_the_single_sends_its_end_comes_before(
    orchestrator, database, tenant_id
):
    campaign = make_campaign(tenant_id, channels=["chat"], start_date=NEXT_YEAR)
    await orchestrator.save_campaign(campaign)
    early, late = [
        UUID((await orchestrator.send_outreach(campaign.id, **_request(person)))["message_id"])
        for person in crowd(campaign, 2)
    ]
    await orchestrator.reschedule(late, NEXT_YEAR + timedelta(days=3))

    later = campaign.model_copy(update={"end_date": NEXT_YEAR + timedelta(days=9)})
    assert (await orchestrator.save_campaign(later)).closed == 0
    earlier = later.model_copy(update={"end_date": NEXT_YEAR + timedelta(days=2)})
    assert (await orchestrator.save_campaign(earlier)).closed == 1

    record = await orchestrator.get_message(late)
    assert (record.state, record.reason) == (OutreachState.BLOCKED, ExitReason.EXPIRED)
    await eventually(lambda: _has_ended(orchestrator, late), "its workflow ends, too")
    assert (await orchestrator.get_message(early)).state is OutreachState.SCHEDULED
    await assert_nothing_left_behind(database, tenant_id)
    assert (await orchestrator.save_campaign(earlier)).closed == 0


async def test_a_campaign_ends_those_asleep_when_its_end_has_come(
    launch, orchestrator, database, tenant_id
):
    """Also those that were being planned while the end was moved."""
    start = datetime.now(UTC) - timedelta(hours=1)
    at = f"{datetime.now(UTC) + timedelta(hours=12):%H:%M}"
    campaign = make_campaign(
        tenant_id,
        channels=["chat"],
        templates={"chat": "Bonjour"},
        send_time_optimization=True,
        optimal_send_times={"chat": {"weekday": at, "weekend": at}},
        start_date=start,
    )
    control = await launch(campaign, 3)
    await eventually(lambda: _asleep(orchestrator, campaign.id, 3), "all are asleep")

    over = campaign.model_copy(update={"end_date": start + timedelta(minutes=1)})
    await orchestrator._campaigns.save(over)
    await control.look_again()

    result = await control.result()
    assert (result.status, result.by_state) == (CampaignStatus.EXPIRED, {"blocked": 3})
    await assert_nothing_left_behind(database, tenant_id)


def _request(person: dict[str, object]) -> dict[str, object]:
    profile = {"contact_info": person["contact_info"]}
    content = {"chat": f"Bonjour {person['id']}"}
    return {"recipient_id": person["id"], "recipient_profile": profile, "content": content}


async def _has_ended(orchestrator, message_id: UUID) -> bool:
    described = await orchestrator.handle(message_id).describe()
    return bool(described.status is not WorkflowExecutionStatus.RUNNING)


async def _asleep(orchestrator, campaign_id: UUID, count: int) -> bool:
    states = (await orchestrator.get_orchestration_status(campaign_id))["by_state"]
    return bool(states.get("scheduled") == count)
