"""Changes between the decision and the send: pauses, withdrawals, lateness."""

from datetime import UTC, datetime, time, timedelta

import pytest

from madan_sara.activities.sender import Refused
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.outreach import (
    ConcludeInput,
    DecideInput,
    ExitReason,
    MessageRef,
    OutreachState,
    ReserveInput,
)
from madan_sara.persistence.budget import PostgresBudgetLedger
from madan_sara.persistence.messages import PostgresMessageStore
from madan_sara.persistence.requests import PostgresRequestStore
from madan_sara.persistence.suppressions import PostgresSuppressions, Subject
from madan_sara.policy.budget import decide_reservation
from madan_sara.workflows.outreach import OutreachWorkflow
from tests.fakes.sender import ScriptedSender
from tests.integration.persistence.test_decision import decider_on
from tests.ledger import assert_nothing_left_behind, money
from tests.makers import make_campaign
from tests.stage import eventually_sent, message_of

_EVENING = {"email": {"weekday": "20:00"}}


@pytest.fixture
def campaign(tenant_id):
    """Sends at eight in the evening, one hour before quiet hours."""
    return make_campaign(
        tenant_id,
        channels=["email"],
        send_time_optimization=True,
        optimal_send_times=_EVENING,
        budget_total=1,
        settings={"quiet_hours": {"start": "21:00", "end": "08:00"}},
    )


async def test_paused_it_waits_and_goes_on_when_resumed(stage, campaign):
    sender = ScriptedSender()
    await stage.cast({Channel.EMAIL: sender})
    handle = await stage.start(campaign)
    planned = await handle.execute_update(OutreachWorkflow.decision)
    campaign.status = "paused"
    await stage.save(campaign)
    await stage.sleep_until(planned.scheduled_at)
    assert (await handle.query(OutreachWorkflow.status)).state in {
        OutreachState.SCHEDULED,
        OutreachState.SENDING,
    }
    assert sender.asked == []

    campaign.status = "active"
    await stage.save(campaign)

    assert (await handle.result()).state is OutreachState.SENT
    assert len(sender.asked) == 1


@pytest.mark.parametrize("status", ["cancelled", "completed"])
async def test_a_campaign_withdrawn_meanwhile_blocks_it(
    stage, campaign, status, database, tenant_id
):
    sender = ScriptedSender()
    await stage.cast({Channel.EMAIL: sender})
    handle = await stage.start(campaign)
    await handle.execute_update(OutreachWorkflow.decision)
    campaign.status = status
    await stage.save(campaign)

    result = await handle.result()

    assert (result.state, result.reason) == (
        OutreachState.BLOCKED,
        ExitReason.CAMPAIGN_NOT_ACTIVE,
    )
    assert sender.asked == []
    await assert_nothing_left_behind(database, tenant_id)
    assert await money(database, tenant_id) == (0, 0, 0)


@pytest.mark.parametrize("channel", [None, Channel.EMAIL])
async def test_a_person_suppressed_meanwhile_is_not_contacted(
    stage, campaign, channel, database, tenant_id
):
    sender = ScriptedSender()
    await stage.cast({Channel.EMAIL: sender})
    handle = await stage.start(campaign, recipient_id="marie")
    await handle.execute_update(OutreachWorkflow.decision)
    await PostgresSuppressions(database).suppress(
        tenant_id,
        Subject(recipient_id="marie"),
        channel=channel,
        reason="asked",
        now=datetime.now(UTC),
    )

    result = await handle.result()

    assert result.state in {OutreachState.BLOCKED, OutreachState.FAILED}
    assert sender.asked == []
    await assert_nothing_left_behind(database, tenant_id)


async def test_late_into_quiet_hours_it_waits_for_the_morning_and_books_that_day(
    stage, campaign, database, tenant_id
):
    sender = ScriptedSender()
    handle, planned = await _late(stage, campaign, sender)

    result = await handle.result()

    assert result.state is OutreachState.SENT
    sent_at = (await stage.record(handle, tenant_id)).sent_at
    assert sent_at.date() == planned.date() + timedelta(days=1)
    assert time(8) <= sent_at.time() < time(9)
    assert await money(database, tenant_id) == (0, 1000, 1)
    status = await handle.query(OutreachWorkflow.status)
    assert "passed before it could be sent" in " ".join(status.plan.adjustments)


async def test_late_onto_a_full_day_it_takes_the_next_one_with_room(stage, campaign, tenant_id):
    campaign.daily_limit = 1
    sender = ScriptedSender()
    handle, planned = await _late(stage, campaign, sender)
    # Asked for after today's hour, this one takes tomorrow's only slot.
    other = await stage.start(campaign)
    taken = await other.execute_update(OutreachWorkflow.decision)
    assert taken.scheduled_at.date() == planned.date() + timedelta(days=1)

    result = await handle.result()
    await other.result()

    assert result.state is OutreachState.SENT
    sent_at = (await stage.record(handle, tenant_id)).sent_at
    assert sent_at.date() == planned.date() + timedelta(days=2)
    assert len(sender.asked) == 2


async def _late(stage, campaign, sender):
    """An outreach planned for the evening, kept by a pause until two hours after."""
    await stage.cast({Channel.EMAIL: sender}, pause_poll=timedelta(hours=2))
    handle = await stage.start(campaign)
    planned = (await handle.execute_update(OutreachWorkflow.decision)).scheduled_at
    campaign.status = "paused"
    await stage.save(campaign)
    await stage.sleep_until(planned)
    while (await handle.query(OutreachWorkflow.status)).state is not OutreachState.SENDING:
        pass
    while not (await handle.describe()).raw_description.pending_activities[0].attempt > 1:
        pass
    campaign.status = "active"
    await stage.save(campaign)
    assert sender.asked == []
    return handle, planned


async def test_forced_it_passes_look_back_and_caps_but_not_quiet_hours(stage, campaign):
    sender = ScriptedSender()
    await stage.cast({Channel.EMAIL: sender})
    text = {"default": "Lavant jodi a"}
    first = await stage.start(campaign, content=text, recipient_id="marie")
    planned = await first.execute_update(OutreachWorkflow.decision)
    await stage.sleep_until(planned.scheduled_at)
    await eventually_sent(first)
    await stage.sleep_until(planned.scheduled_at + timedelta(hours=3))
    with stage.environment.auto_time_skipping_disabled():
        blocked = await stage.start(campaign, content=text, recipient_id="marie")
        assert (await blocked.result()).reason is ExitReason.DUPLICATE

    forced = await stage.start(campaign, content=text, recipient_id="marie", force_send=True)
    answer = await forced.execute_update(OutreachWorkflow.decision)

    assert answer.scheduled_at.time() == time(8)
    assert (await forced.result()).state is OutreachState.SENT
    assert len(sender.asked) == 2


async def hold_as_a_lost_task(stage, ref, *, replaces=None, **changes) -> None:
    """Hold a second attempt behind the workflow's back, as a task that was lost has."""
    record = await PostgresMessageStore(stage.database).record(ref.tenant_id, ref.message_id)
    assert record is not None
    assert record.plan is not None
    assert record.routing is not None
    day = record.plan.campaign_day
    assert day is not None
    asked = ReserveInput(
        ref=ref,
        attempt_no=2,
        plan=record.plan.model_copy(update=changes),
        routing=record.routing,
        now=await stage.now(),
        replaces_attempt_no=replaces,
    )
    answer = await PostgresBudgetLedger(stage.database).reserve(asked, day, decide_reservation)
    assert answer.held is not None


async def test_of_a_message_that_was_cancelled_behind_a_lost_task_the_decision_tells_the_end(
    stage, campaign, tenant_id
):
    """The worker died behind the hold, and the campaign's sweep came before the next one."""
    handle = await stage.start(campaign)
    ref, now = MessageRef(tenant_id=tenant_id, message_id=message_of(handle)), await stage.now()
    lost = await decider_on(stage.database).decide_outreach(DecideInput(ref=ref, now=now))
    assert lost.held is not None
    end = ConcludeInput(
        ref=ref, state=OutreachState.CANCELLED, reason=ExitReason.CANCELLED, now=now
    )
    await PostgresRequestStore(stage.database).conclude(end)

    await stage.cast({Channel.EMAIL: ScriptedSender()})

    answer = await handle.execute_update(OutreachWorkflow.decision)
    assert (answer.status, answer.reason) == (OutreachState.CANCELLED, ExitReason.CANCELLED)
    assert answer.scheduled_at is None
    assert (await handle.result()).state is OutreachState.CANCELLED


async def test_a_send_that_a_lost_task_has_moved_goes_at_the_time_that_is_held(
    stage, campaign, database, tenant_id
):
    """The worker died behind the hold of a reschedule, and the caller gave up."""
    sender = ScriptedSender()
    await stage.cast({Channel.EMAIL: sender})
    handle = await stage.start(campaign)
    planned = await handle.execute_update(OutreachWorkflow.decision)
    later = planned.scheduled_at + timedelta(minutes=30)
    ref = MessageRef(tenant_id=tenant_id, message_id=planned.message_id)
    await hold_as_a_lost_task(stage, ref, replaces=1, scheduled_at=later)

    await stage.sleep_until(planned.scheduled_at + timedelta(minutes=5))
    assert sender.asked == []

    assert (await handle.result()).state is OutreachState.SENT
    sent = await stage.record(handle, tenant_id)
    assert sent.sent_at >= later
    assert [attempt.attempt_no for attempt in sent.attempts] == [2]
    assert await money(database, tenant_id) == (0, 1000, 1)


async def test_a_channel_that_a_lost_task_has_held_is_the_one_that_is_called(
    stage, database, tenant_id
):
    """It found no room on the channel before it, and the task that says so was lost."""
    campaign = make_campaign(tenant_id, channels=["email", "sms", "chat"], budget_total=1)

    async def refuse_meanwhile(message):
        ref = MessageRef(tenant_id=tenant_id, message_id=message.message_id)
        await hold_as_a_lost_task(stage, ref, channel=Channel.CHAT, price_micros=0)
        return Refused("no_such_user")

    sms, chat = ScriptedSender(), ScriptedSender()
    await stage.cast(
        {Channel.EMAIL: ScriptedSender(refuse_meanwhile), Channel.SMS: sms, Channel.CHAT: chat}
    )
    contact = {"email": "ana@example.com", "phone": "+50937001234", "user_id": "ana"}
    profile = {"contact_info": contact, "preferences": {"preferred_channel": "email"}}
    handle = await stage.start(campaign, profile, {"default": "Bonjou"})

    result = await handle.result()

    assert (result.state, result.channel) == (OutreachState.SENT, Channel.CHAT)
    assert (len(sms.asked), len(chat.asked)) == (0, 1)
    assert await money(database, tenant_id) == (0, 0, 1)
