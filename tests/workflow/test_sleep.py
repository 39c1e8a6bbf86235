"""Sleeping until the planned time, and being moved or woken meanwhile."""

from datetime import timedelta

import pytest
from temporalio.client import WorkflowFailureError, WorkflowUpdateFailedError

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.outreach import ExitReason, OutreachState, RescheduleInput
from madan_sara.workflows.outreach import OutreachWorkflow
from tests.fakes.sender import ScriptedSender
from tests.ledger import assert_nothing_left_behind, money
from tests.makers import make_campaign

_TEN_O_CLOCK = {"email": {"weekday": "10:00", "weekend": "10:00"}}


@pytest.fixture
def morning_mail(tenant_id):
    """Sends by e-mail at ten, so never at once unless it is ten."""
    return make_campaign(
        tenant_id,
        channels=["email"],
        send_time_optimization=True,
        optimal_send_times=_TEN_O_CLOCK,
        budget_total=1,
    )


async def test_it_sleeps_until_the_best_time_and_then_sends(stage, morning_mail, tenant_id):
    sender = ScriptedSender()
    await stage.cast({Channel.EMAIL: sender})
    before = await stage.now()
    handle = await stage.start(morning_mail)
    answer = await handle.execute_update(OutreachWorkflow.decision)
    assert answer.scheduled_at > before
    assert (answer.scheduled_at.hour, answer.scheduled_at.minute) == (10, 0)
    status = await handle.query(OutreachWorkflow.status)
    assert (status.state, status.next_wake_at) == (OutreachState.SCHEDULED, answer.scheduled_at)
    assert sender.asked == []

    result = await handle.result()

    assert result.state is OutreachState.SENT
    assert len(sender.asked) == 1
    assert (await stage.record(handle, tenant_id)).sent_at >= answer.scheduled_at


async def test_rescheduled_it_sends_at_the_new_time_on_the_new_days_account(
    stage, morning_mail, database, tenant_id
):
    sender = ScriptedSender()
    await stage.cast({Channel.EMAIL: sender})
    handle = await stage.start(morning_mail)
    planned = await handle.execute_update(OutreachWorkflow.decision)
    later = planned.scheduled_at + timedelta(days=2, hours=3)

    moved = await handle.execute_update(OutreachWorkflow.reschedule, RescheduleInput(at=later))

    assert moved.scheduled_at == later
    assert await money(database, tenant_id) == (1000, 0, 1)
    assert (await handle.result()).state is OutreachState.SENT
    assert (await stage.record(handle, tenant_id)).sent_at >= later
    assert await money(database, tenant_id) == (0, 1000, 1)
    assert len(sender.asked) == 1


async def test_rescheduled_earlier_it_wakes_earlier(stage, morning_mail, tenant_id):
    await stage.cast({Channel.EMAIL: ScriptedSender()})
    handle = await stage.start(morning_mail)
    planned = await handle.execute_update(OutreachWorkflow.decision)
    sooner = await stage.now() + (planned.scheduled_at - await stage.now()) / 2
    await handle.execute_update(OutreachWorkflow.reschedule, RescheduleInput(at=sooner))
    await handle.result()
    assert sooner <= (await stage.record(handle, tenant_id)).sent_at < planned.scheduled_at


@pytest.mark.parametrize(
    ("shift", "complaint"),
    [
        (timedelta(days=-3), "has passed"),
        (timedelta(days=400), "end"),
    ],
)
async def test_a_time_that_is_not_allowed_is_refused_with_the_reason(
    stage, morning_mail, shift, complaint
):
    await stage.cast({Channel.EMAIL: ScriptedSender()})
    morning_mail.end_date = await stage.now() + timedelta(days=30)
    handle = await stage.start(morning_mail)
    planned = await handle.execute_update(OutreachWorkflow.decision)

    at = planned.scheduled_at + shift
    with pytest.raises(WorkflowUpdateFailedError) as refusal:
        await handle.execute_update(OutreachWorkflow.reschedule, RescheduleInput(at=at))

    assert complaint in str(refusal.value.cause)
    assert (await handle.execute_update(OutreachWorkflow.decision)) == planned
    await handle.cancel()


async def test_quiet_hours_refuse_a_requested_time(stage, tenant_id):
    await stage.cast({Channel.EMAIL: ScriptedSender()})
    campaign = make_campaign(
        tenant_id,
        channels=["email"],
        send_time_optimization=True,
        optimal_send_times=_TEN_O_CLOCK,
        settings={"quiet_hours": {"start": "21:00", "end": "08:00"}},
    )
    handle = await stage.start(campaign)
    planned = await handle.execute_update(OutreachWorkflow.decision)
    at = planned.scheduled_at + timedelta(hours=13)
    with pytest.raises(WorkflowUpdateFailedError) as refusal:
        await handle.execute_update(OutreachWorkflow.reschedule, RescheduleInput(at=at))
    assert "quiet" in str(refusal.value.cause)
    await handle.cancel()


async def test_a_full_day_refuses_a_move_onto_it_and_keeps_the_old_plan(
    stage, morning_mail, database, tenant_id
):
    await stage.cast({Channel.EMAIL: ScriptedSender()})
    morning_mail.daily_limit = 1
    first = await stage.start(morning_mail)
    planned = await first.execute_update(OutreachWorkflow.decision)
    next_day = planned.scheduled_at + timedelta(days=1)
    await first.execute_update(OutreachWorkflow.reschedule, RescheduleInput(at=next_day))
    second = await stage.start(morning_mail)
    await second.execute_update(OutreachWorkflow.decision)

    with pytest.raises(WorkflowUpdateFailedError) as refusal:
        await second.execute_update(OutreachWorkflow.reschedule, RescheduleInput(at=next_day))

    assert "daily_limit 1" in str(refusal.value.cause)
    assert (await second.execute_update(OutreachWorkflow.decision)).scheduled_at == (
        planned.scheduled_at
    )
    assert await money(database, tenant_id) == (2000, 0, 2)
    await first.cancel()
    await second.cancel()


async def test_a_campaign_that_ends_while_it_sleeps_expires_it(
    stage, morning_mail, database, tenant_id
):
    sender = ScriptedSender()
    await stage.cast({Channel.EMAIL: sender})
    handle = await stage.start(morning_mail)
    planned = await handle.execute_update(OutreachWorkflow.decision)
    morning_mail.end_date = planned.scheduled_at - timedelta(minutes=1)
    morning_mail.start_date = morning_mail.end_date - timedelta(days=60)
    await stage.save(morning_mail)

    result = await handle.result()

    assert (result.state, result.reason) == (OutreachState.BLOCKED, ExitReason.EXPIRED)
    assert sender.asked == []
    await assert_nothing_left_behind(database, tenant_id)
    assert await money(database, tenant_id) == (0, 0, 0)


async def test_a_campaign_already_over_expires_it_at_once(stage, morning_mail):
    await stage.cast({Channel.EMAIL: ScriptedSender()})
    morning_mail.end_date = await stage.now() - timedelta(hours=1)
    morning_mail.start_date = morning_mail.end_date - timedelta(days=60)
    result = await (await stage.start(morning_mail)).result()
    assert (result.state, result.reason) == (OutreachState.BLOCKED, ExitReason.EXPIRED)


async def test_cancelled_asleep_it_never_sends_and_leaves_nothing(
    stage, morning_mail, database, tenant_id
):
    sender = ScriptedSender()
    await stage.cast({Channel.EMAIL: sender})
    handle = await stage.start(morning_mail)
    planned = await handle.execute_update(OutreachWorkflow.decision)
    assert await money(database, tenant_id) == (1000, 0, 1)

    await handle.cancel()
    with pytest.raises(WorkflowFailureError):
        await handle.result()
    await stage.sleep_until(max(planned.scheduled_at, await stage.now()) + timedelta(hours=1))

    assert (await stage.record(handle, tenant_id)).state is OutreachState.CANCELLED
    assert sender.asked == []
    await assert_nothing_left_behind(database, tenant_id)
    assert await money(database, tenant_id) == (0, 0, 0)
