"""From one channel to the next, and the ends when none carries the message."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowUpdateFailedError

from madan_sara.activities.sender import Accepted, Refused, SenderCapabilities
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import DeliveryEvent, DeliveryEventKind, DeliveryEventSignal
from madan_sara.contracts.errors import (
    AmbiguousDeliveryError,
    MisconfiguredProviderError,
    ProviderUnavailableError,
    TransientDeliveryError,
)
from madan_sara.contracts.outreach import ExitReason, OutreachState, RescheduleInput
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.persistence.receipts import PostgresReceiptStore
from madan_sara.workflows.outreach import OutreachWorkflow
from tests.fakes.sender import Gate, ScriptedSender, accept, refuse
from tests.ledger import assert_nothing_left_behind, money
from tests.makers import make_campaign, zone_at_noon
from tests.stage import eventually_sent

EVERYWHERE = {
    "contact_info": {
        "email": "marie@example.com",
        "phone": "+50937001234",
        "instagram_handle": "@marie",
    },
    "preferences": {"preferred_channel": "email"},
}
TEXT = {"default": "Bonjou"}


@pytest.fixture
async def campaign(stage, tenant_id):
    """On its day there is time for another try."""
    return make_campaign(
        tenant_id,
        channels=["email", "sms", "instagram"],
        budget_total=1,
        timezone=zone_at_noon(await stage.now()),
    )


def raising(error):
    async def behave(message):
        raise error

    return behave


async def test_a_refusal_gives_the_hold_back_and_tries_the_next_channel(
    stage, campaign, database, tenant_id
):
    sms, instagram = ScriptedSender(), ScriptedSender()
    await stage.cast(
        {
            Channel.EMAIL: ScriptedSender(refuse),
            Channel.SMS: sms,
            Channel.INSTAGRAM: instagram,
        }
    )
    handle = await stage.start(campaign, EVERYWHERE, TEXT)
    result = await handle.result()
    status = await handle.query(OutreachWorkflow.status)
    assert result.state is OutreachState.SENT
    assert result.channel is status.routing.channel_order()[1]
    assert [a.outcome for a in status.attempts] == ["refused", "accepted"]
    assert len(sms.asked) + len(instagram.asked) == 1
    price = 7500 if result.channel is Channel.SMS else 0
    assert await money(database, tenant_id) == (0, price, 1)


async def test_refused_everywhere_it_fails_and_leaves_nothing(stage, campaign, database, tenant_id):
    senders = {c: ScriptedSender(refuse) for c in campaign.channels}
    await stage.cast(senders)
    result = await (await stage.start(campaign, EVERYWHERE, TEXT)).result()
    assert (result.state, result.reason) == (
        OutreachState.FAILED,
        ExitReason.ALL_CHANNELS_FAILED,
    )
    assert all(len(sender.asked) == 1 for sender in senders.values())
    await assert_nothing_left_behind(database, tenant_id)
    assert await money(database, tenant_id) == (0, 0, 0)


async def test_at_most_three_channels_are_tried(stage, tenant_id):
    campaign = make_campaign(tenant_id, settings={"max_fallback_attempts": 2})
    senders = {c: ScriptedSender(refuse) for c in campaign.channels}
    await stage.cast(senders)
    await (await stage.start(campaign, EVERYWHERE, TEXT)).result()
    assert sum(len(sender.asked) for sender in senders.values()) == 2


async def test_a_transient_error_is_tried_again_after_the_requested_wait(
    stage, campaign, tenant_id
):
    busy = TransientDeliveryError("busy", retry_after=timedelta(minutes=30))
    sender = ScriptedSender(raising(busy), accept)
    await stage.cast({Channel.EMAIL: sender})
    before = await stage.now()
    handle = await stage.start(campaign)
    assert (await handle.result()).state is OutreachState.SENT
    assert len(sender.asked) == 2
    assert len({m.idempotency_key for m in sender.asked}) == 1
    sent_at = (await stage.record(handle, tenant_id)).sent_at
    assert sent_at - before >= timedelta(minutes=30)


@pytest.mark.parametrize(
    "trouble",
    [
        TransientDeliveryError("put off"),
        ProviderUnavailableError("away"),
        MisconfiguredProviderError("wrong password"),
    ],
    ids=["put off", "away", "misconfigured"],
)
async def test_a_channel_that_takes_nothing_loses_its_turn_when_patience_is_over(
    stage, tenant_id, trouble
):
    campaign = make_campaign(
        tenant_id,
        channels=["email", "sms"],
        settings={"patience_minutes": {"email": 90}, "quiet_hours": None},
    )
    busy = ScriptedSender(raising(trouble))
    await stage.cast({Channel.EMAIL: busy, Channel.SMS: ScriptedSender()})
    before = await stage.now()
    handle = await stage.start(campaign, EVERYWHERE, TEXT)
    result = await handle.result()
    assert (result.state, result.channel) == (OutreachState.SENT, Channel.SMS)
    record = await stage.record(handle, tenant_id)
    waited = record.sent_at - before
    assert timedelta(minutes=90) <= waited < timedelta(minutes=95)
    outage = not isinstance(trouble, TransientDeliveryError)
    email, sms = record.attempts
    assert email.tries == (0 if outage else len(busy.asked))
    assert (email.code, sms.tries) == (trouble.code, 1)


async def test_with_another_channel_a_campaign_may_fall_back_sooner(stage, tenant_id):
    campaign = make_campaign(
        tenant_id,
        channels=["email", "sms"],
        settings={"fallback_after_minutes": 10, "quiet_hours": None},
    )
    away = ScriptedSender(raising(ProviderUnavailableError("away")))
    await stage.cast({Channel.EMAIL: away, Channel.SMS: ScriptedSender()})
    before = await stage.now()
    handle = await stage.start(campaign, EVERYWHERE, TEXT)
    assert (await handle.result()).channel is Channel.SMS
    waited = (await stage.record(handle, tenant_id)).sent_at - before
    assert timedelta(minutes=10) <= waited < timedelta(minutes=12)


async def test_an_outage_longer_than_patience_is_waited_for_where_no_channel_is_left(
    stage, tenant_id
):
    """It is sent when the provider is back."""
    campaign = make_campaign(
        tenant_id, channels=["email"], settings={"patience_minutes": {"email": 6 * 60}}
    )
    before = await stage.now()

    async def away_for_half_a_day(message):
        if await stage.now() - before < timedelta(hours=12):
            raise ProviderUnavailableError("away")
        return await accept(message)

    sender = ScriptedSender(away_for_half_a_day)
    await stage.cast({Channel.EMAIL: sender})
    handle = await stage.start(campaign)
    assert (await handle.result()).state is OutreachState.SENT
    record = await stage.record(handle, tenant_id)
    assert record.sent_at - before >= timedelta(hours=12)
    assert sum(attempt.tries for attempt in record.attempts) == 1
    assert (await handle.describe()).history_length < 60


LOST = AmbiguousDeliveryError("the answer was lost")
LOOKS_UP = SenderCapabilities(look_up=True)


async def test_a_lost_answer_is_looked_up_and_not_sent_again(stage, campaign):
    sender = ScriptedSender(raising(LOST), capabilities=LOOKS_UP, known=Accepted("found"))
    await stage.cast({Channel.EMAIL: sender})
    result = await (await stage.start(campaign)).result()
    assert result.state is OutreachState.SENT
    assert len(sender.asked) == 1
    assert sender.looked_up == [sender.asked[0].idempotency_key]


async def test_a_lost_answer_that_was_a_refusal_falls_back(stage, campaign):
    sender = ScriptedSender(raising(LOST), capabilities=LOOKS_UP, known=Refused("no"))
    await stage.cast({Channel.EMAIL: sender, Channel.SMS: ScriptedSender()})
    result = await (await stage.start(campaign, EVERYWHERE, TEXT)).result()
    assert result.channel is Channel.SMS
    assert len(sender.asked) == 1


async def test_what_a_look_up_does_not_know_is_sent_again_under_the_same_key(stage, campaign):
    sender = ScriptedSender(raising(LOST), accept, capabilities=LOOKS_UP)
    await stage.cast({Channel.EMAIL: sender})
    result = await (await stage.start(campaign)).result()
    assert result.state is OutreachState.SENT
    assert len({m.idempotency_key for m in sender.asked}) == 1
    assert len(sender.asked) == 2


async def test_a_provider_that_honours_keys_is_simply_asked_again(stage, campaign):
    keyed = SenderCapabilities(idempotency_keys=True)
    sender = ScriptedSender(raising(LOST), accept, capabilities=keyed)
    await stage.cast({Channel.EMAIL: sender})
    assert (await (await stage.start(campaign)).result()).state is OutreachState.SENT
    assert len(sender.asked) == 2


AWAY = TransientDeliveryError("away")


@pytest.mark.parametrize(
    "afterwards", [AWAY, MisconfiguredProviderError("wrong password")], ids=["away", "wrong"]
)
async def test_a_later_no_does_not_undo_a_call_whose_answer_was_lost(stage, campaign, afterwards):
    keyed = SenderCapabilities(idempotency_keys=True)
    sender = ScriptedSender(raising(LOST), raising(afterwards), capabilities=keyed)
    other = ScriptedSender()
    await stage.cast({Channel.EMAIL: sender, Channel.SMS: other})
    result = await (await stage.start(campaign, EVERYWHERE, TEXT)).result()
    assert result.state is OutreachState.UNKNOWN
    assert other.asked == []


async def test_a_lost_answer_is_found_behind_a_provider_away_for_a_while(stage, campaign):
    keyed = SenderCapabilities(idempotency_keys=True)
    sender = ScriptedSender(raising(LOST), raising(AWAY), accept, capabilities=keyed)
    await stage.cast({Channel.EMAIL: sender, Channel.SMS: ScriptedSender()})
    result = await (await stage.start(campaign, EVERYWHERE, TEXT)).result()
    assert (result.state, result.channel) == (OutreachState.SENT, Channel.EMAIL)
    assert len({m.idempotency_key for m in sender.asked}) == 1


def losing_once(stage, campaign, status):
    """A call whose answer is lost while the campaign's status is changed."""

    async def behave(message):
        campaign.status = status
        await stage.save(campaign)
        raise LOST

    return behave


async def test_what_may_be_out_is_not_sent_again_while_the_campaign_is_paused(stage, campaign):
    keyed = SenderCapabilities(idempotency_keys=True)
    sender = ScriptedSender(losing_once(stage, campaign, "paused"), accept, capabilities=keyed)
    await stage.cast({Channel.EMAIL: sender})
    handle = await stage.start(campaign)
    with stage.environment.auto_time_skipping_disabled():
        while not await _waits_for(handle, "CampaignPaused"):
            pass
    assert len(sender.asked) == 1

    campaign.status = "active"
    await stage.save(campaign)

    assert (await handle.result()).state is OutreachState.SENT
    assert len({m.idempotency_key for m in sender.asked}) == 1


async def test_what_may_be_out_goes_on_on_a_later_day_under_its_own_key(stage, campaign):
    keyed = SenderCapabilities(idempotency_keys=True)
    sender = ScriptedSender(losing_once(stage, campaign, "paused"), accept, capabilities=keyed)
    await stage.cast({Channel.EMAIL: sender}, pause_poll=timedelta(hours=26))
    handle = await stage.start(campaign)
    with stage.environment.auto_time_skipping_disabled():
        while not await _waits_for(handle, "CampaignPaused"):
            pass
    campaign.status = "active"
    await stage.save(campaign)

    assert (await handle.result()).state is OutreachState.SENT
    assert len({m.idempotency_key for m in sender.asked}) == 1


async def test_what_may_be_out_when_the_campaign_is_withdrawn_ends_unknown(
    stage, campaign, database, tenant_id
):
    keyed = SenderCapabilities(idempotency_keys=True)
    sender = ScriptedSender(losing_once(stage, campaign, "cancelled"), accept, capabilities=keyed)
    await stage.cast({Channel.EMAIL: sender})
    result = await (await stage.start(campaign)).result()
    assert result.state is OutreachState.UNKNOWN
    assert len(sender.asked) == 1
    assert await money(database, tenant_id) == (0, 1000, 1)


async def test_what_may_be_out_waits_for_the_morning_under_its_own_key(stage, tenant_id):
    campaign = make_campaign(tenant_id, channels=["email"])

    async def lose_the_answer_as_the_night_begins(message):
        now = await stage.now()
        quiet = {"start": now.time(), "end": (now + timedelta(hours=8)).time()}
        campaign.settings = OrchestratorSettings(quiet_hours=quiet)
        await stage.save(campaign)
        raise LOST

    keyed = SenderCapabilities(idempotency_keys=True)
    sender = ScriptedSender(lose_the_answer_as_the_night_begins, accept, capabilities=keyed)
    await stage.cast({Channel.EMAIL: sender})
    before = await stage.now()
    handle = await stage.start(campaign)
    assert (await handle.result()).state is OutreachState.SENT
    assert len({m.idempotency_key for m in sender.asked}) == 1
    sent_at = (await stage.record(handle, tenant_id)).sent_at
    assert sent_at - before >= timedelta(hours=8)


async def _waits_for(handle, error_type: str) -> bool:
    """Whether the delivery under way last failed with this type of error."""
    pending = (await handle.describe()).raw_description.pending_activities
    return any(p.last_failure.application_failure_info.type == error_type for p in pending)


async def test_at_most_once_a_lost_answer_ends_unknown_and_counts_as_sent(
    stage, campaign, database, tenant_id
):
    sender, other = ScriptedSender(raising(LOST)), ScriptedSender()
    await stage.cast({Channel.EMAIL: sender, Channel.SMS: other})
    result = await (await stage.start(campaign, EVERYWHERE, TEXT)).result()
    assert result.state is OutreachState.UNKNOWN
    assert (len(sender.asked), other.asked) == (1, [])
    assert await money(database, tenant_id) == (0, 1000, 1)
    another_person = {**EVERYWHERE, "contact_info": {"email": "anne@example.com"}}
    second = await stage.start(campaign, another_person, {"default": "Other words entirely"})
    assert (await second.result()).state is OutreachState.UNKNOWN


async def test_at_least_once_a_lost_answer_is_sent_again(stage, tenant_id):
    campaign = make_campaign(tenant_id, settings={"ambiguous_delivery": {"email": "at_least_once"}})
    sender = ScriptedSender(raising(LOST), accept)
    await stage.cast({Channel.EMAIL: sender})
    assert (await (await stage.start(campaign)).result()).state is OutreachState.SENT
    assert len(sender.asked) == 2


async def test_asleep_it_can_be_moved_to_its_next_channel(stage, campaign, database, tenant_id):
    email, sms = ScriptedSender(), ScriptedSender()
    campaign.send_time_optimization = True
    await stage.cast({Channel.EMAIL: email, Channel.SMS: sms})
    handle = await stage.start(campaign, EVERYWHERE, TEXT)
    assert (await handle.execute_update(OutreachWorkflow.decision)).channel is Channel.EMAIL

    moved = await handle.execute_update(OutreachWorkflow.fall_back)

    assert (moved.channel, moved.routing_reason) == (Channel.SMS, "fallback")
    assert await money(database, tenant_id) == (7500, 0, 1)
    with pytest.raises(WorkflowUpdateFailedError) as refusal:
        await handle.execute_update(OutreachWorkflow.fall_back)
    assert "no channel is left" in str(refusal.value.cause)
    assert (await handle.result()).channel is Channel.SMS
    assert email.asked == []


async def test_waiting_for_a_provider_it_can_be_moved_to_its_next_channel(
    stage, campaign, database, tenant_id
):
    away = ScriptedSender(raising(ProviderUnavailableError("away")))
    await stage.cast({Channel.EMAIL: away, Channel.SMS: ScriptedSender()})
    with stage.environment.auto_time_skipping_disabled():
        handle = await stage.start(campaign, EVERYWHERE, TEXT)
        while not await _waits_for(handle, "ProviderAway"):
            pass
        record = await stage.record(handle, tenant_id)
        assert record.attempts[0].wait.account == away.account

        moved = await handle.execute_update(OutreachWorkflow.fall_back)

    assert moved.channel is Channel.SMS
    assert (await handle.result()).channel is Channel.SMS
    assert await money(database, tenant_id) == (0, 7500, 1)


async def test_a_call_under_way_is_heard_out_before_it_is_moved(stage, campaign):
    gate, sms = Gate(), ScriptedSender()
    await stage.cast({Channel.EMAIL: ScriptedSender(gate), Channel.SMS: sms})
    with stage.environment.auto_time_skipping_disabled():
        handle = await stage.start(campaign, EVERYWHERE, TEXT)
        await gate.reached.wait()
        moving = asyncio.create_task(handle.execute_update(OutreachWorkflow.fall_back))
        heard = EventType.EVENT_TYPE_ACTIVITY_TASK_CANCEL_REQUESTED
        while heard not in [event.event_type async for event in handle.fetch_history_events()]:
            pass
        gate.opened.set()
        assert (await moving).channel is Channel.EMAIL
    result = await handle.result()
    assert (result.state, result.channel) == (OutreachState.SENT, Channel.EMAIL)
    assert sms.asked == []


async def test_a_requested_time_holds_on_the_next_channel_too(stage, campaign):
    campaign.send_time_optimization = True
    await stage.cast({Channel.EMAIL: ScriptedSender(), Channel.SMS: ScriptedSender()})
    handle = await stage.start(campaign, EVERYWHERE, TEXT)
    planned = await handle.execute_update(OutreachWorkflow.decision)
    later = planned.scheduled_at + timedelta(days=20)
    await handle.execute_update(OutreachWorkflow.reschedule, RescheduleInput(at=later))

    moved = await handle.execute_update(OutreachWorkflow.fall_back)

    assert moved.channel is Channel.SMS
    assert moved.scheduled_at >= later
    await handle.cancel()


async def test_a_bounce_within_the_wait_falls_back(stage, tenant_id, database):
    campaign = make_campaign(
        tenant_id, channels=["email", "sms"], settings={"receipt_wait_minutes": 60}
    )
    await stage.cast({Channel.EMAIL: ScriptedSender(), Channel.SMS: ScriptedSender()})
    with stage.environment.auto_time_skipping_disabled():
        handle = await stage.start(campaign, EVERYWHERE, TEXT)
        await handle.execute_update(OutreachWorkflow.decision)
        await eventually_sent(handle)
        status = await handle.query(OutreachWorkflow.status)
        event = DeliveryEvent(
            provider="scripted",
            provider_event_id=handle.id,
            message_id=status.message_id,
            attempt_no=1,
            kind=DeliveryEventKind.BOUNCED,
            occurred_at=datetime.now(UTC),
        )
        await PostgresReceiptStore(database).receive(tenant_id, event, datetime.now(UTC))
        await handle.signal(
            OutreachWorkflow.delivery_event,
            DeliveryEventSignal(attempt_no=1, kind=event.kind, occurred_at=event.occurred_at),
        )
    result = await handle.result()
    assert (result.state, result.channel) == (OutreachState.SENT, Channel.SMS)


async def test_the_wait_for_receipts_begins_with_the_answer(stage, tenant_id):
    """Its campaign counts from there, and must not be over while a message still waits."""
    wait = timedelta(hours=1)
    campaign = make_campaign(
        tenant_id, channels=["email"], settings={"receipt_wait_minutes": wait.total_seconds() / 60}
    )
    await stage.cast({Channel.EMAIL: ScriptedSender()})
    with stage.environment.auto_time_skipping_disabled():
        handle = await stage.start(campaign, EVERYWHERE, TEXT)
        await eventually_sent(handle)
        events = [event async for event in handle.fetch_history_events()]

    (timer,) = [e for e in events if e.HasField("timer_started_event_attributes")]
    left = timer.timer_started_event_attributes.start_to_fire_timeout.ToTimedelta()
    assert left < wait
    assert (await handle.result()).state is OutreachState.SENT
