"""A campaign from its first recipient to its last outcome."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from madan_sara.contracts.campaign import CampaignStatus
from madan_sara.contracts.campaign_run import CampaignRef, WaitReason
from madan_sara.contracts.errors import FinalStatusError, InvalidRequestError
from madan_sara.devstack.checks.history import read_history
from madan_sara.persistence.campaign_runs import PostgresCampaignRuns
from madan_sara.policy.campaign_days import start_of_next_day
from tests.audience import queue
from tests.integration.campaigns.conftest import crowd
from tests.ledger import assert_nothing_left_behind
from tests.makers import make_campaign
from tests.waiting import eventually


def _campaign(tenant_id, **changes):
    return make_campaign(tenant_id, channels=["chat"], templates={"chat": "Bonjour"}, **changes)


async def test_every_recipient_gets_one_message_and_the_campaign_completes(
    launch, orchestrator, database, tenant_id, messages_got
):
    campaign = _campaign(tenant_id)
    control = await launch(campaign, 60)

    result = await control.result()

    assert result.status is CampaignStatus.COMPLETED
    assert result.by_state == {"sent": 60}
    got = messages_got(campaign.id)
    assert len(got) == len(set(got)) == 60
    assert (await orchestrator.get_campaign(campaign.id)).status is CampaignStatus.COMPLETED
    await assert_nothing_left_behind(database, tenant_id)


async def test_the_history_does_not_grow_with_the_audience(launch, tenant_id):
    control = await launch(_campaign(tenant_id), 120)
    await control.result()

    assert len((await control.handle.fetch_history()).events) < 60


async def test_a_long_history_is_continued_as_new_and_nothing_forgotten(
    launch, client, database, tenant_id, messages_got, monkeypatch
):
    monkeypatch.setattr("madan_sara.workflows.campaign._LONGEST_HISTORY", 20)
    campaign = _campaign(tenant_id, daily_limit=3)
    control = await launch(campaign, 8)
    await eventually(lambda: _got(messages_got, campaign, 3), "three are sent")

    async def continued() -> bool:
        await control.look_again()
        return (await read_history(client, tenant_id, campaign.id)).runs >= 3

    await eventually(continued, "it has continued as new twice")
    status = await control.status()
    assert status is not None
    assert status.started == 3
    assert "started" in {event.kind for event in status.last_events}
    await control.set_daily_limit(100)
    result = await control.result()

    assert result.by_state == {"sent": 8}
    got = messages_got(campaign.id)
    assert len(got) == len(set(got)) == 8
    await assert_nothing_left_behind(database, tenant_id)


async def test_paused_it_sends_nothing_and_resumed_one_message_to_each(
    launch, database, tenant_id, messages_got
):
    campaign = _campaign(tenant_id)
    control = await launch(campaign, 80)
    await eventually(lambda: _some(messages_got, campaign), "some messages are sent")

    await control.pause()
    await eventually(lambda: _waits(control, WaitReason.RESUME), "the campaign is paused")
    await control.resume()
    result = await control.result()

    assert result.by_state == {"sent": 80}
    got = messages_got(campaign.id)
    assert len(got) == len(set(got)) == 80
    await assert_nothing_left_behind(database, tenant_id)


async def test_a_cancel_leaves_recipients_unstarted(
    launch, orchestrator, database, tenant_id, messages_got
):
    campaign = _campaign(tenant_id, daily_limit=8)
    control = await launch(campaign, 30)
    await eventually(lambda: _waits(control, WaitReason.NEXT_DAY), "it waits for the next day")
    await eventually(lambda: _got(messages_got, campaign, 8), "eight are sent")

    await control.cancel("the fair is off")
    result = await control.result()

    assert result.status is CampaignStatus.CANCELLED
    assert result.by_state == {"sent": 8, "cancelled": 22}
    assert len(messages_got(campaign.id)) == 8
    assert (await orchestrator.get_campaign(campaign.id)).status is CampaignStatus.CANCELLED
    await assert_nothing_left_behind(database, tenant_id)


async def test_cancelled_in_full_flight_the_counts_are_exact(
    launch, database, tenant_id, messages_got
):
    campaign = _campaign(tenant_id)
    control = await launch(campaign, 80)
    await eventually(lambda: _some(messages_got, campaign), "some messages are sent")

    await control.cancel("the fair is off")
    result = await control.result()

    assert sum(result.by_state.values()) == 80
    assert set(result.by_state) <= {"sent", "cancelled", "blocked"}
    assert result.by_state["sent"] == len(messages_got(campaign.id))
    await assert_nothing_left_behind(database, tenant_id)


async def test_cancelled_also_those_asleep_are_closed_at_once(
    launch, orchestrator, database, tenant_id
):
    campaign = _campaign(
        tenant_id,
        start_date=datetime.now(UTC) - timedelta(hours=1),
        send_time_optimization=True,
        optimal_send_times={"chat": _in_hours(6)},
        settings={"prices": {"chat": Decimal("0.01")}},
    )
    control = await launch(campaign, 20)
    await eventually(lambda: _asleep(control, 20), "every message is asleep")

    await control.cancel("the fair is off")
    result = await control.result()

    assert result.by_state == {"cancelled": 20}
    await assert_nothing_left_behind(database, tenant_id)
    assert (await orchestrator.get_orchestration_status(campaign.id))["budget"]["budget_held"] == 0


@pytest.mark.parametrize("is_cancelled", [False, True])
async def test_a_recipient_taken_by_a_dispatch_that_died_comes_to_an_end(
    is_cancelled, orchestrator, database, tenant_id
):
    campaign = _campaign(tenant_id)
    await orchestrator.save_campaign(campaign)
    await queue(database, campaign, crowd(campaign, 5))
    ref = CampaignRef(tenant_id=tenant_id, campaign_id=campaign.id)
    runs = PostgresCampaignRuns(database)
    taken = await runs.take(ref, 3, only_taken=False)
    assert len(taken.message_ids) == 3
    again = await runs.take(ref, 5, only_taken=True)
    assert again.message_ids == taken.message_ids

    control = orchestrator.campaign(campaign.id)
    await (control.cancel() if is_cancelled else control.start())

    expected = {"blocked": 3, "cancelled": 2} if is_cancelled else {"sent": 5}
    assert (await control.result()).by_state == expected
    await assert_nothing_left_behind(database, tenant_id)


async def test_money_runs_out_and_the_rest_is_counted(launch, database, tenant_id, messages_got):
    campaign = _campaign(
        tenant_id,
        budget_total=Decimal("0.305"),
        settings={"prices": {"chat": Decimal("0.01")}},
    )
    control = await launch(campaign, 50)

    result = await control.result()

    assert result.status is CampaignStatus.BUDGET_EXHAUSTED
    assert result.by_state == {"sent": 30, "blocked": 20}
    assert len(messages_got(campaign.id)) == 30
    await assert_nothing_left_behind(database, tenant_id)


async def test_out_of_money_it_waits_for_more_until_its_end(launch, tenant_id):
    campaign = _campaign(
        tenant_id,
        budget_total=Decimal("0.10"),
        settings={"prices": {"chat": Decimal("0.01")}},
        end_date=datetime.now(UTC) + timedelta(days=1),
    )
    control = await launch(campaign, 25)
    await eventually(lambda: _waits(control, WaitReason.BUDGET), "it waits for money")

    with pytest.raises(InvalidRequestError, match=r"below the 0\.1 held or spent"):
        await control.set_budget(Decimal("0.05"))
    await control.set_budget(Decimal("0.30"))

    result = await control.result()
    assert result.status is CampaignStatus.COMPLETED
    assert result.by_state == {"sent": 25}


async def test_a_recipient_without_room_waits_for_the_raise_and_is_not_lost(
    orchestrator, database, tenant_id
):
    campaign = make_campaign(
        tenant_id,
        channels=["chat", "instagram"],
        templates={"default": "Bonjour"},
        budget_total=Decimal("0.13"),
        settings={"prices": {"chat": Decimal("0.01"), "instagram": Decimal("0.05")}},
        end_date=datetime.now(UTC) + timedelta(days=1),
    )
    await orchestrator.save_campaign(campaign)
    await queue(database, campaign, [_cheap_or_dear(campaign, n) for n in range(12)])
    control = orchestrator.campaign(campaign.id)
    await control.start()
    await eventually(lambda: _waits(control, WaitReason.BUDGET), "it waits for money")
    status = await control.status()
    assert status.figures.by_state["queued"] > 0
    assert "blocked" not in status.figures.by_state
    await assert_nothing_left_behind(database, tenant_id)

    await control.set_budget(1)

    result = await control.result()
    assert result.by_state == {"sent": 12}
    assert result.status is CampaignStatus.COMPLETED
    await assert_nothing_left_behind(database, tenant_id)


async def test_the_days_share_is_used_up_and_it_sleeps_until_the_next_day(
    launch, orchestrator, tenant_id, messages_got
):
    campaign = _campaign(tenant_id, daily_limit=7)
    control = await launch(campaign, 20)
    await eventually(lambda: _waits(control, WaitReason.NEXT_DAY), "it waits for the next day")
    await eventually(lambda: _got(messages_got, campaign, 7), "seven are sent")
    status = await control.status()
    assert status.next_wake_at == start_of_next_day(campaign, datetime.now(UTC))
    answer = await orchestrator.get_orchestration_status(campaign.id)
    assert answer["waits_for"] == "next_day"
    assert answer["next_wake_at"] == f"{status.next_wake_at:%Y-%m-%dT%H:%M:%SZ}"

    with pytest.raises(InvalidRequestError, match="5 is below the 7 messages"):
        await control.set_daily_limit(5)
    await control.set_daily_limit(12)
    await eventually(lambda: _got(messages_got, campaign, 12), "twelve are sent")
    await control.set_daily_limit(100)
    assert (await control.result()).by_state == {"sent": 20}


async def test_an_end_can_be_moved_later_only(launch, tenant_id):
    end = datetime.now(UTC) + timedelta(days=3)
    control = await launch(_campaign(tenant_id, daily_limit=1, end_date=end), 2)

    with pytest.raises(InvalidRequestError, match="can only be moved to a later time"):
        await control.extend_end_date(end - timedelta(days=1))
    await control.extend_end_date(end + timedelta(days=1))
    await control.cancel()


async def test_a_recipient_added_meanwhile_is_sent_to_as_well(launch, control, database, tenant_id):
    campaign = _campaign(tenant_id, daily_limit=3)
    running = await launch(campaign, 5)
    await eventually(lambda: _waits(running, WaitReason.NEXT_DAY), "it waits for the next day")

    await queue(database, campaign, crowd(campaign, 9))
    await running.set_daily_limit(100)

    assert (await running.result()).by_state == {"sent": 9}


async def test_a_campaign_without_recipients_is_not_started(orchestrator, control, tenant_id):
    campaign = _campaign(tenant_id)
    await orchestrator.save_campaign(campaign)

    with pytest.raises(InvalidRequestError, match="import recipients first"):
        await control(campaign).start()


async def _some(messages_got, campaign):
    return len(messages_got(campaign.id)) > 0


async def _got(messages_got, campaign, count):
    return len(messages_got(campaign.id)) == count


async def _waits(control, reason):
    status = await control.status()
    return status is not None and status.waits_for is reason


async def _asleep(control, count):
    status = await control.status()
    return status.figures is not None and status.figures.by_state.get("scheduled") == count


def _in_hours(hours: int) -> dict[str, str]:
    """A local time some hours from now, whatever the day."""
    at = f"{datetime.now(UTC) + timedelta(hours=hours):%H:%M}"
    return {"weekday": at, "weekend": at}


def _cheap_or_dear(campaign, number: int) -> dict[str, object]:
    field = "instagram_handle" if number % 2 else "user_id"
    return {"id": f"{campaign.id}-{number}", "contact_info": {field: f"{campaign.id}-{number}"}}


async def test_a_completed_campaign_goes_on_with_the_rejects_once_they_are_corrected(
    launch, orchestrator, database, tenant_id, messages_got, tmp_path
):
    campaign = _campaign(tenant_id)
    control = await launch(campaign, 2)
    assert (await control.result()).status is CampaignStatus.COMPLETED
    path = tmp_path / "corrected.csv"
    late = [f"{campaign.id}-late-{n}" for n in range(2)]
    path.write_text("id,user_id\n" + "".join(f"{person},{person}\n" for person in late))

    imported = await orchestrator.import_recipients(campaign.id, path)

    assert (imported["added"], imported["reopened"]) == (2, True)
    assert (await orchestrator.get_campaign(campaign.id)).status is CampaignStatus.ACTIVE
    await control.start()
    result = await control.result()
    assert (result.status, result.by_state) == (CampaignStatus.COMPLETED, {"sent": 4})
    got = messages_got(campaign.id)
    assert len(got) == len(set(got)) == 4
    await assert_nothing_left_behind(database, tenant_id)


async def test_one_that_was_cancelled_stays_over(orchestrator, tenant_id, tmp_path):
    other = _campaign(tenant_id)
    await orchestrator.save_campaign(other)
    await orchestrator.campaign(other.id).cancel()
    path = tmp_path / "late.csv"
    path.write_text("id,user_id\nlate-1,late-1\n")
    with pytest.raises(FinalStatusError, match="is cancelled, which is final"):
        await orchestrator.import_recipients(other.id, path)
