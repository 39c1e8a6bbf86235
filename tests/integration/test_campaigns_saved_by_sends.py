"""A send saves its campaign when it is new, and changes a saved one only as its caller knows it."""

import asyncio
from decimal import Decimal
from uuid import uuid4

import pytest

from madan_sara.contracts.campaign import CampaignStatus, OutreachCampaign
from madan_sara.contracts.errors import CampaignConflictError, KeyUsedError
from madan_sara.starter.orchestrator import OutreachOrchestrator
from tests.makers import make_campaign, make_profile

MANGOES, FISH = {"default": "Ripe mangoes"}, {"default": "Salt fish"}


async def _budget(orchestrator, campaign):
    return (await orchestrator.get_campaign(campaign.id)).budget_total


def _stands(*fields: str) -> str:
    return (
        f"campaign: the saved one stands, which differs from the one given in {', '.join(fields)}; "
    )


def _own_mailbox(name: str) -> dict[str, object]:
    return make_profile(contact_info={"email": f"{name}@example.com"})


@pytest.fixture
def another_process(client, database, tenant_id) -> OutreachOrchestrator:
    return OutreachOrchestrator(client, database, tenant_id=tenant_id)


async def test_an_operators_limits_stay_when_a_service_starts_again(
    orchestrator, another_process, tenant_id
):
    campaign = make_campaign(tenant_id, budget_total=1, daily_limit=40, timezone="UTC")
    await orchestrator.send_outreach(campaign, "marie", make_profile(), MANGOES)
    await orchestrator.campaign(campaign.id).set_limits(budget_total=Decimal(6), daily_limit=2)

    # The service makes its campaign anew, as its code has it.
    anew = OutreachCampaign.model_validate(campaign.model_dump(exclude={"settings"}))
    first = await another_process.send_outreach(anew, "joseph", _own_mailbox("joseph"), MANGOES)
    second = await another_process.send_outreach(anew, "anne", _own_mailbox("anne"), MANGOES)

    assert first["status"] == "scheduled"
    assert [w.startswith(_stands("budget_total", "daily_limit")) for w in first["warnings"]] == [
        True
    ]
    assert second["reason"] == "daily_limit"
    assert await _budget(orchestrator, campaign) == 6


async def test_an_object_that_is_out_of_date_changes_nothing(orchestrator, tenant_id):
    campaign = make_campaign(tenant_id, budget_total=1)
    await orchestrator.send_outreach(campaign, "marie", make_profile(), MANGOES)
    await orchestrator.campaign(campaign.id).set_limits(budget_total=Decimal(6))

    campaign.daily_limit = 10
    sent = await orchestrator.send_outreach(campaign, "joseph", _own_mailbox("joseph"), MANGOES)

    assert sent["warnings"][0].startswith(_stands("budget_total", "daily_limit"))
    saved = await orchestrator.get_campaign(campaign.id)
    assert (saved.budget_total, saved.daily_limit) == (6, None)
    # Saved as it is, it would undo what was set; loaded anew, it can be changed.
    with pytest.raises(CampaignConflictError, match="budget_total, daily_limit; load it"):
        await orchestrator.save_campaign(campaign)
    saved.daily_limit = 10
    sent = await orchestrator.send_outreach(saved, "anne", _own_mailbox("anne"), MANGOES)
    assert sent["warnings"] == []
    assert (await orchestrator.get_campaign(campaign.id)).daily_limit == 10


async def test_the_callers_change_is_saved(orchestrator, tenant_id):
    campaign = make_campaign(tenant_id, budget_total=1)
    await orchestrator.send_outreach(campaign, "marie", make_profile(), MANGOES)
    # Paused and resumed, a campaign is the same version still; and a send leaves its status.
    await orchestrator.campaign(campaign.id).pause()
    campaign.budget_total = Decimal(7)
    sent = await orchestrator.send_outreach(campaign, "joseph", _own_mailbox("joseph"), MANGOES)
    assert sent["warnings"] == []
    saved = await orchestrator.get_campaign(campaign.id)
    assert (saved.budget_total, saved.status) == (7, CampaignStatus.PAUSED)


async def test_the_same_campaign_made_twice_is_no_other(orchestrator, another_process, tenant_id):
    written = {"id": uuid4(), "tenant_uuid": tenant_id, "name": "Bread", "channels": ["email"]}
    first, second = OutreachCampaign(**written), OutreachCampaign(**written)
    await orchestrator.send_outreach(first, "marie", make_profile(), MANGOES)
    sent = await another_process.send_outreach(second, "joseph", _own_mailbox("joseph"), MANGOES)
    assert sent["warnings"] == []


async def test_of_two_that_send_a_new_campaign_at_once_one_is_saved(
    orchestrator, another_process, tenant_id
):
    ours, theirs = (make_campaign(tenant_id, budget_total=total) for total in (1, 2))
    theirs.id = ours.id
    sends = (
        process.send_outreach(campaign, name, make_profile(), MANGOES)
        for process, campaign, name in [
            (orchestrator, ours, "marie"),
            (another_process, theirs, "joseph"),
        ]
    )
    answers = await asyncio.gather(*sends)
    warnings = sorted(len(answer["warnings"]) for answer in answers)
    assert warnings == [0, 1]
    winner = ours if not answers[0]["warnings"] else theirs
    assert await _budget(orchestrator, ours) == winner.budget_total


async def test_a_batch_warns_that_the_saved_campaign_is_used(orchestrator, tenant_id):
    campaign = make_campaign(tenant_id, budget_total=1)
    await orchestrator.save_campaign(campaign)
    other = make_campaign(tenant_id, budget_total=2, id=campaign.id)
    people = [{"id": "marie", **make_profile()}]
    batch = await orchestrator.send_batch(other, people, MANGOES)
    assert batch["scheduled"] == 1
    assert batch["warnings"][0].startswith(_stands("budget_total"))
    assert await _budget(orchestrator, campaign) == 1


async def test_a_refused_request_changes_no_campaign_and_stores_none(orchestrator, tenant_id):
    campaign = make_campaign(tenant_id, budget_total=1)
    key = {"idempotency_key": str(uuid4())}
    await orchestrator.send_outreach(campaign, "marie", make_profile(), MANGOES, **key)
    campaign.budget_total = Decimal(7)
    other = make_campaign(tenant_id)

    for refused in (campaign, other):
        with pytest.raises(KeyUsedError, match="stands for a different request"):
            await orchestrator.send_outreach(refused, "marie", make_profile(), FISH, **key)

    assert await _budget(orchestrator, campaign) == 1
    with pytest.raises(LookupError):
        await orchestrator.get_campaign(other.id)


async def test_a_pause_stands_against_a_save_that_does_not_know_of_it(orchestrator, tenant_id):
    campaign = make_campaign(tenant_id, budget_total=1)
    await orchestrator.save_campaign(campaign)
    await orchestrator.campaign(campaign.id).pause()
    for budget in (7, 8):  # The object says active still, also after the first time.
        campaign.budget_total = Decimal(budget)
        await orchestrator.save_campaign(campaign)
    saved = await orchestrator.get_campaign(campaign.id)
    assert (saved.budget_total, saved.status) == (8, CampaignStatus.PAUSED)
    # Loaded with it, the object may end it.
    saved.status = CampaignStatus.ACTIVE
    await orchestrator.save_campaign(saved)
    assert (await orchestrator.get_campaign(campaign.id)).status is CampaignStatus.ACTIVE


async def test_a_second_campaign_of_a_name_is_made_and_reported(orchestrator, tenant_id):
    def written() -> OutreachCampaign:
        return OutreachCampaign(tenant_uuid=tenant_id, name="Bread", channels=["email"])

    first, second, third = written(), written(), written()
    sent = await orchestrator.send_outreach(first, "marie", make_profile(), MANGOES)
    assert sent["warnings"] == []
    sent = await orchestrator.send_outreach(second, "joseph", _own_mailbox("joseph"), MANGOES)
    (warning,) = sent["warnings"]
    assert warning.startswith(f"campaign: {second.id} is new beside {first.id}, which has the same")
    sent = await orchestrator.send_outreach(second, "anne", _own_mailbox("anne"), MANGOES)
    assert sent["warnings"] == []
    sent = await orchestrator.send_outreach(first.id, "paul", _own_mailbox("paul"), MANGOES)
    assert sent["warnings"] == []
    people = [{"id": "luc", **_own_mailbox("luc")}]
    batch = await orchestrator.send_batch(third, people, MANGOES)
    assert batch["warnings"][0].startswith(f"campaign: {third.id} is new beside {second.id}")


async def test_a_second_campaign_of_a_name_is_meant_under_an_id_or_after_the_first_is_over(
    orchestrator, tenant_id
):
    first, written = make_campaign(tenant_id), make_campaign(tenant_id, id=uuid4())
    await orchestrator.save_campaign(first)
    sent = await orchestrator.send_outreach(written, "marie", make_profile(), MANGOES)
    assert sent["warnings"] == []
    for campaign in (first, written):
        await orchestrator.campaign(campaign.id).cancel("the fair is off")
    sent = await orchestrator.send_outreach(
        make_campaign(tenant_id), "joseph", _own_mailbox("joseph"), MANGOES
    )
    assert sent["warnings"] == []
