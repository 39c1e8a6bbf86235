"""Commands, ends and looks that meet in the wrong moment."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from madan_sara.activities.campaign import carry_out
from madan_sara.contracts.campaign import CampaignStatus
from madan_sara.contracts.campaign_run import CampaignRef, CommandInput, WaitReason
from madan_sara.contracts.delivery import DeliveryEvent, DeliveryEventKind
from madan_sara.contracts.errors import FinalStatusError, InvalidRequestError
from madan_sara.contracts.outreach import OutreachState
from madan_sara.persistence.campaign_runs import PostgresCampaignRuns
from madan_sara.persistence.database import Query
from madan_sara.persistence.requests import PostgresRequestStore
from madan_sara.policy.campaign_days import campaign_day
from madan_sara.starter.outreaches import Outreaches
from madan_sara.workflows.campaign import CampaignWorkflow
from tests.audience import queue
from tests.integration.campaigns.conftest import crowd
from tests.ledger import assert_nothing_left_behind
from tests.makers import make_campaign
from tests.waiting import eventually

TOMORROW = datetime.now(UTC) + timedelta(days=1)


def _campaign(tenant_id, **changes):
    return make_campaign(tenant_id, channels=["chat"], templates={"chat": "Bonjour"}, **changes)


def _paced(tenant_id):
    money = {"auto_pacing": True, "budget_total": 5, "end_date": TOMORROW}
    return _campaign(tenant_id, daily_limit=500, **money)


async def _waits(control, reason):
    status = await control.status()
    return status is not None and status.waits_for is reason


async def test_a_campaign_ends_only_while_every_recipient_has_an_outcome(
    orchestrator, database, tenant_id
):
    campaign = _campaign(tenant_id)
    await orchestrator.save_campaign(campaign)
    await queue(database, campaign, crowd(campaign, 1))
    ref = CampaignRef(tenant_id=tenant_id, campaign_id=campaign.id)

    async def end(status):
        command = CommandInput(ref=ref, now=datetime.now(UTC), kind=status.value, status=status)
        return await carry_out(PostgresCampaignRuns(database), command)

    assert await end(CampaignStatus.COMPLETED) is CampaignStatus.ACTIVE
    assert await end(CampaignStatus.BUDGET_EXHAUSTED) is CampaignStatus.ACTIVE
    assert await end(CampaignStatus.CANCELLED) is CampaignStatus.CANCELLED


async def test_a_recipient_added_as_it_ends_is_sent_to(
    launch, database, tenant_id, messages_got, monkeypatch
):
    campaign = _campaign(tenant_id)
    change = PostgresCampaignRuns.change
    late = crowd(campaign, 3)[2:]

    async def change_after_an_import(self, ref, changed, now, *, kind, details):
        if kind == CampaignStatus.COMPLETED.value and late and ref.campaign_id == campaign.id:
            await queue(database, campaign, [late.pop()])
        return await change(self, ref, changed, now, kind=kind, details=details)

    monkeypatch.setattr(PostgresCampaignRuns, "change", change_after_an_import)
    control = await launch(campaign, 2)

    result = await control.result()

    assert not late
    assert result.by_state == {"sent": 3}
    assert len(messages_got(campaign.id)) == 3


async def test_commands_are_carried_out_one_after_the_other(
    launch, orchestrator, tenant_id, monkeypatch
):
    campaign = _campaign(tenant_id, daily_limit=1)
    control = await launch(campaign, 3)
    await eventually(lambda: _waits(control, WaitReason.NEXT_DAY), "the day is full")
    change = PostgresCampaignRuns.change
    under_way, most = 0, 0

    async def counted(self, ref, *arguments, **changes):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        try:
            return await change(self, ref, *arguments, **changes)
        finally:
            under_way -= 1

    monkeypatch.setattr(PostgresCampaignRuns, "change", counted)
    for _ in range(3):
        await control.handle.signal(CampaignWorkflow.pause)
        await control.handle.signal(CampaignWorkflow.resume)

    async def all_heard():
        status = await control.status()
        return [event.kind for event in status.last_events][:6] == ["resumed", "paused"] * 3

    await eventually(all_heard, "all six commands are carried out")
    assert most == 1
    assert (await orchestrator.get_campaign(campaign.id)).status is CampaignStatus.ACTIVE
    await control.cancel()


async def test_without_a_reason_a_cancel_from_temporals_side_is_one(launch, tenant_id):
    control = await launch(_campaign(tenant_id, daily_limit=1), 2)
    await eventually(lambda: _waits(control, WaitReason.NEXT_DAY), "the day is full")
    await control.handle.signal("cancel")
    assert (await control.result()).status is CampaignStatus.CANCELLED


async def test_the_client_steers_a_campaign_without_its_workflow(orchestrator, tenant_id):
    campaign = _campaign(tenant_id, daily_limit=5)
    await orchestrator.save_campaign(campaign)
    await orchestrator.campaign(campaign.id).set_limits(daily_limit=7, budget_total=Decimal(9))
    stored = await orchestrator.get_campaign(campaign.id)
    assert (stored.daily_limit, stored.budget_total) == (7, 9)
    with pytest.raises(InvalidRequestError, match="has no end"):
        await orchestrator.campaign(campaign.id).set_limits(daily_limit=8, end_date=TOMORROW)
    assert (await orchestrator.get_campaign(campaign.id)).daily_limit == 7
    with pytest.raises(InvalidRequestError, match="give at least one"):
        await orchestrator.campaign(campaign.id).set_limits()


async def test_the_workflows_of_a_campaign_are_cancelled_as_often_as_asked(
    client, tenant_id, caplog
):
    ref = CampaignRef(tenant_id=tenant_id, campaign_id=tenant_id)
    for _ in range(3):
        await Outreaches(client).cancel_all(ref, "the fair is off")
    assert not caplog.records


async def test_a_share_no_longer_wanted_holds_no_recipient_back(orchestrator, database, tenant_id):
    paced = _paced(tenant_id)
    await orchestrator.save_campaign(paced)
    runs = PostgresCampaignRuns(database)
    ref, now = CampaignRef(tenant_id=tenant_id, campaign_id=paced.id), datetime.now(UTC)
    await runs.set_share(ref, 20, campaign_day(paced, now), "to last", now)
    assert (await runs.facts(ref, now)).messages_a_day == 20

    await orchestrator.save_campaign(paced.model_copy(update={"auto_pacing": False}))

    assert (await runs.facts(ref, now)).messages_a_day == 500
    assert (await orchestrator.get_orchestration_status(paced.id))["messages_a_day"] == 500


async def test_a_share_is_chosen_anew_only_where_something_has_changed(
    orchestrator, database, tenant_id
):
    paced = _paced(tenant_id)
    await orchestrator.save_campaign(paced)
    runs = PostgresCampaignRuns(database)
    ref, now = CampaignRef(tenant_id=tenant_id, campaign_id=paced.id), datetime.now(UTC)
    await runs.set_share(ref, 20, campaign_day(paced, now), "to last", now)
    control = orchestrator.campaign(paced.id)

    await orchestrator.save_campaign(paced)
    await control.pause()
    await control.resume()
    assert (await runs.facts(ref, now)).share_day == campaign_day(paced, now)

    await control.set_limits(daily_limit=400)
    assert (await runs.facts(ref, now)).share_day is None
    await runs.set_share(ref, 20, campaign_day(paced, now), "to last", now)
    changed = await orchestrator.get_campaign(paced.id)
    changed.daily_limit = 300
    await orchestrator.save_campaign(changed)
    assert (await runs.facts(ref, now)).share_day is None


async def test_a_limit_raised_by_a_send_wakes_the_campaign(
    launch, orchestrator, tenant_id, messages_got
):
    campaign = _campaign(
        tenant_id,
        budget_total=Decimal("0.02"),
        end_date=TOMORROW,
        settings={"prices": {"chat": "0.01"}},
    )
    control = await launch(campaign, 4)
    await eventually(lambda: _waits(control, WaitReason.BUDGET), "the money is gone")
    richer = campaign.model_copy(update={"budget_total": Decimal(1)})
    profile = {"contact_info": {"user_id": f"{campaign.id}-single"}}

    await orchestrator.send_outreach(richer, f"{campaign.id}-single", profile, {"chat": "Bonsoir"})

    assert (await control.result()).by_state == {"sent": 5}
    assert len(messages_got(campaign.id)) == 5


async def test_a_cancel_that_meets_the_way_back_into_the_queue_counts(
    orchestrator, client, database, tenant_id, monkeypatch
):
    campaign = make_campaign(
        tenant_id,
        channels=["chat", "instagram"],
        templates={"default": "Bonjour"},
        budget_total=Decimal("0.04"),
        settings={"prices": {"chat": Decimal("0.01"), "instagram": Decimal("0.05")}},
        end_date=TOMORROW,
    )
    put_back = PostgresRequestStore.put_back

    async def put_back_and_cancel(self, ref, block, generation):
        is_back = await put_back(self, ref, block, generation)
        if ref.tenant_id == tenant_id:
            await Outreaches(client).cancel(ref)
        return is_back

    monkeypatch.setattr(PostgresRequestStore, "put_back", put_back_and_cancel)
    await orchestrator.save_campaign(campaign)
    too_dear = {"id": "ana", "contact_info": {"instagram_handle": f"i-{campaign.id}"}}
    await queue(database, campaign, [too_dear])
    await orchestrator.campaign(campaign.id).start()

    async def is_cancelled():
        record = await orchestrator.get_message(await _only_message(database, tenant_id))
        return record.state is OutreachState.CANCELLED

    await eventually(is_cancelled, "who was put back for lack of money is cancelled all the same")
    await orchestrator.campaign(campaign.id).result()
    await assert_nothing_left_behind(database, tenant_id)


async def test_it_stays_open_for_bounces_and_the_message_goes_on(orchestrator, database, tenant_id):
    campaign = make_campaign(
        tenant_id,
        channels=["chat", "instagram"],
        templates={"default": "Bonjour"},
        settings={"receipt_wait_minutes": 60},
    )
    control = await _launch_for_one(orchestrator, database, campaign)

    async def taken():
        status = await control.status()
        by_state = status is not None and status.figures is not None and status.figures.by_state
        return by_state == {"sent": 1} and status.waits_for is WaitReason.OUTCOMES

    await eventually(taken, "it is sent, and the campaign waits for its receipt")
    assert (await orchestrator.get_campaign(campaign.id)).status is CampaignStatus.ACTIVE
    message_id = await _only_message(database, tenant_id)
    await orchestrator.record_delivery_event(_bounce(message_id))

    async def sent_again():
        record = await orchestrator.get_message(message_id)
        return record.state is OutreachState.SENT and len(record.attempts) == 2

    await eventually(sent_again, "it went on by its other channel")
    await control.cancel()
    await control.result()
    await assert_nothing_left_behind(database, tenant_id)


async def test_a_message_of_a_campaign_that_is_over_is_not_carried_on(
    orchestrator, database, tenant_id
):
    campaign = make_campaign(
        tenant_id, channels=["chat", "instagram"], templates={"default": "Bonjour"}
    )
    control = await _launch_for_one(orchestrator, database, campaign)
    assert (await control.result()).status is CampaignStatus.COMPLETED
    message_id = await _only_message(database, tenant_id)
    await orchestrator.record_delivery_event(_bounce(message_id))

    with pytest.raises(FinalStatusError, match="is completed, which is final"):
        await orchestrator.process_fallback(message_id)


async def _launch_for_one(orchestrator, database, campaign):
    """Start a campaign for one person with two channels."""
    await orchestrator.save_campaign(campaign)
    reachable = {"user_id": f"u-{campaign.id}", "instagram_handle": f"i-{campaign.id}"}
    preferred = {"preferred_channel": "chat"}
    person = {"id": "ana", "contact_info": reachable, "preferences": preferred}
    await queue(database, campaign, [person])
    await orchestrator.campaign(campaign.id).start()
    return orchestrator.campaign(campaign.id)


def _bounce(message_id):
    return DeliveryEvent(
        provider="sandbox",
        provider_event_id=f"bounce-{message_id}",
        message_id=message_id,
        attempt_no=1,
        kind=DeliveryEventKind.BOUNCED,
        occurred_at=datetime.now(UTC),
    )


async def _only_message(database, tenant_id) -> UUID:
    query = Query("SELECT message_id FROM messages WHERE tenant_id = :tenant_id")
    (row,) = await database.fetch(query, {"tenant_id": tenant_id})
    return UUID(str(row["message_id"]))
