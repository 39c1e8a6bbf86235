"""Long lists become their campaign's queue; single messages of it can be withdrawn."""

from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

import pytest

from madan_sara.contracts.campaign import CampaignStatus
from madan_sara.contracts.campaign_run import WaitReason
from madan_sara.contracts.errors import FinalStatusError, InvalidRequestError
from madan_sara.persistence.database import Query
from madan_sara.starter.requests import LONGEST_ANSWERED_BATCH
from tests.integration.campaigns.conftest import crowd
from tests.ledger import assert_nothing_left_behind
from tests.makers import make_campaign
from tests.waiting import eventually

_QUEUED = Query("""
SELECT message_id FROM messages
 WHERE campaign_id = :campaign_id AND state = 'queued' ORDER BY message_id LIMIT 1
""")

_SLEEPING = Query("""
SELECT message_id FROM messages WHERE campaign_id = :campaign_id AND state = 'scheduled'
""")


@pytest.fixture
def campaign(tenant_id):
    return make_campaign(tenant_id, channels=["chat"], daily_limit=5)


async def test_a_long_list_is_queued_and_its_campaign_started(
    orchestrator, campaign, database, tenant_id, messages_got
):
    people = crowd(campaign, LONGEST_ANSWERED_BATCH + 1)
    answer = await orchestrator.send_batch(campaign, people, {"default": "Bonjou"})

    control = orchestrator.campaign(campaign.id)
    assert answer == {
        "total": 1001,
        "scheduled": 0,
        "blocked": 0,
        "failed": 0,
        "details": [],
        "queued": 1001,
        "campaign_workflow_id": control.handle.id,
        "warnings": [],
    }
    await eventually(partial(_waits, control, WaitReason.NEXT_DAY), "the day's share is used")
    again = await orchestrator.send_batch(campaign, people, {"default": "Bonjou"})
    assert again["queued"] == 0
    other_text = await orchestrator.send_batch(campaign, people, {"default": "Orevwa"})
    assert other_text["queued"] == 1001
    await control.cancel("enough")
    result = await control.result()
    assert sum(result.by_state.values()) == 2002
    assert result.by_state.get("sent", 0) == len(messages_got(campaign.id)) <= 5
    await assert_nothing_left_behind(database, tenant_id)


async def test_one_wrong_recipient_refuses_a_long_list(orchestrator, campaign):
    people = crowd(campaign, LONGEST_ANSWERED_BATCH + 1)
    people[700] = {"id": "nobody", "contact_info": {}}
    with pytest.raises(InvalidRequestError, match=r"recipients\.700: .*no address given"):
        await orchestrator.send_batch(campaign, people, {"default": "Bonjou"})
    with pytest.raises(LookupError):
        await orchestrator.get_campaign(campaign.id)


async def test_one_of_the_queue_is_withdrawn_before_it_is_started(
    launch, orchestrator, database, tenant_id
):
    campaign = make_campaign(
        tenant_id, channels=["chat"], daily_limit=2, templates={"default": "Bonjou"}
    )
    control = await launch(campaign, 6)
    await eventually(partial(_waits, control, WaitReason.NEXT_DAY), "the day's share is used")
    (row,) = await database.fetch(_QUEUED, {"campaign_id": campaign.id})
    message_id: UUID = row["message_id"]

    await orchestrator.cancel(message_id)

    assert (await orchestrator.get_message(message_id)).state == "cancelled"
    with pytest.raises(FinalStatusError, match="has ended"):
        await orchestrator.cancel(message_id)
    await control.set_daily_limit(100)
    result = await control.result()
    assert result.status is CampaignStatus.COMPLETED
    assert result.by_state == {"sent": 5, "cancelled": 1}


async def _waits(control, reason):
    status = await control.status()
    return status is not None and status.waits_for is reason


async def test_a_message_whose_workflow_was_terminated_is_closed_and_its_campaign_ends(
    launch, orchestrator, database, tenant_id
):
    campaign = make_campaign(
        tenant_id,
        channels=["chat"],
        templates={"default": "Bonjou"},
        send_time_optimization=True,
        optimal_send_times={"chat": _far_from_now()},
        budget_total=1,
        settings={"prices": {"chat": "0.01"}},
    )
    control = await launch(campaign, 1)
    (row,) = await eventually(partial(_asleep, database, campaign), "it is asleep")
    message_id: UUID = row["message_id"]
    await orchestrator.handle(message_id).terminate("by hand")

    await orchestrator.cancel(message_id)

    result = await control.result()
    assert result.by_state == {"cancelled": 1}
    await assert_nothing_left_behind(database, tenant_id)


async def _asleep(database, campaign):
    return await database.fetch(_SLEEPING, {"campaign_id": campaign.id})


def _far_from_now() -> dict[str, str]:
    at = f"{datetime.now(UTC) + timedelta(hours=12):%H:%M}"
    return {"weekday": at, "weekend": at}
