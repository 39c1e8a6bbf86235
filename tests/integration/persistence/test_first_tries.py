"""First tries of deliveries: which are made, and what they leave to the queue."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from madan_sara.activities import delivery_run, prompt_channels, run_clock
from madan_sara.activities.delivery import MessageDelivery
from madan_sara.activities.sender import SenderCapabilities, running_seconds
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import DeliveryOutcome
from madan_sara.contracts.errors import (
    NotFoundError,
    ProviderUnavailableError,
    TransientDeliveryError,
)
from madan_sara.contracts.outreach import (
    DeliverAtOnceInput,
    DeliveredAtOnce,
    DeliverInput,
    MessageRef,
    ResolveInput,
)
from madan_sara.persistence.attempts import PostgresAttemptStore
from madan_sara.persistence.provider_accounts import PostgresProviderAccounts
from tests.fakes.sender import Gate, ScriptedSender, accept
from tests.integration.persistence.shop import Shop

_SOON = timedelta(milliseconds=50)


def _delivery(shop: Shop, sender: ScriptedSender, *, longest: timedelta = _SOON) -> MessageDelivery:
    accounts = PostgresProviderAccounts(shop.database)
    senders = {Channel.CHAT: sender}
    return MessageDelivery(shop.attempts, accounts, senders, longest_at_once=longest)


async def _due(shop: Shop) -> DeliverInput:
    ref = await shop.message(await shop.campaign(channels=["chat"], budget_total=5))
    await shop.reserve(ref, day=datetime.now(UTC).date())
    return DeliverInput(ref=ref, attempt_no=1, channel=Channel.CHAT)


async def _try(
    delivery: MessageDelivery, request: DeliverInput, *, clock_is_ahead_by: timedelta = timedelta(0)
) -> DeliveredAtOnce:
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, is_local=True)
    now = datetime.now(UTC) - clock_is_ahead_by
    at_once = DeliverAtOnceInput(delivery=request, now=now)
    return await environment.run(delivery.deliver_at_once, at_once)


async def _deliver(
    delivery: MessageDelivery, request: DeliverInput, *, started_at: datetime | None = None
):
    environment = ActivityEnvironment()
    started_at = started_at or datetime.now(UTC)
    environment.info = replace(environment.info, started_time=started_at)
    return await environment.run(delivery.deliver, request)


async def _resolve(delivery: MessageDelivery, request: DeliverInput):
    question = ResolveInput(
        ref=request.ref,
        attempt_no=request.attempt_no,
        channel=request.channel,
        now=datetime.now(UTC),
    )
    return await ActivityEnvironment().run(delivery.resolve_attempt, question)


@pytest.fixture
def let_time_pass(monkeypatch):
    """Have the process run for some time."""

    def let(passes: timedelta) -> None:
        now = running_seconds()
        later = partial(float, now + passes.total_seconds())
        for module in (run_clock, prompt_channels):
            monkeypatch.setattr(module, "running_seconds", later)

    return let


async def test_a_worker_that_stood_still_leaves_it_to_the_queue(shop):
    """By then an hour, or a day, may be over that its workflow does not know of."""
    sender = ScriptedSender()
    delivery, request = _delivery(shop, sender, longest=timedelta(seconds=8)), await _due(shop)

    tried = await _try(delivery, request, clock_is_ahead_by=timedelta(minutes=1))

    assert (tried, sender.asked) == (DeliveredAtOnce(), [])


async def test_all_that_a_worker_had_in_hand_is_late_alike(shop):
    sender = ScriptedSender()
    delivery = _delivery(shop, sender, longest=timedelta(seconds=8))
    before = datetime.now(UTC) - timedelta(minutes=1)

    for _ in range(3):
        with pytest.raises(ApplicationError, match="held up"):
            await _deliver(delivery, await _due(shop), started_at=before)

    assert sender.asked == []
    assert (await _deliver(delivery, await _due(shop))).outcome is DeliveryOutcome.ACCEPTED


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_worker_whose_clock_is_wrong_makes_first_tries_too(shop, hours, let_time_pass):
    delivery = _delivery(shop, ScriptedSender(), longest=timedelta(seconds=8))
    off = timedelta(hours=hours)
    await _try(delivery, await _due(shop), clock_is_ahead_by=off)
    let_time_pass(timedelta(minutes=1))

    tried = await _try(delivery, await _due(shop), clock_is_ahead_by=off)

    assert tried.result is not None
    assert tried.result.outcome is DeliveryOutcome.ACCEPTED
    stands_still = off + timedelta(minutes=1)
    late = await _try(delivery, await _due(shop), clock_is_ahead_by=stands_still)
    assert late == DeliveredAtOnce()


async def test_a_worker_without_the_channel_leaves_it_to_the_queue(shop):
    request = (await _due(shop)).model_copy(update={"channel": Channel.SMS})

    assert await _try(_delivery(shop, ScriptedSender()), request) == DeliveredAtOnce()


async def test_a_channel_with_workers_of_its_own_is_left_to_them(shop):
    sender, accounts = ScriptedSender(), PostgresProviderAccounts(shop.database)
    delivery = MessageDelivery(
        shop.attempts, accounts, {Channel.CHAT: sender}, delivered_here={Channel.SMS}
    )

    assert await _try(delivery, await _due(shop)) == DeliveredAtOnce()
    assert sender.asked == []


async def test_after_a_slow_call_the_channel_is_not_waited_for(shop):
    gate = Gate()
    sender = ScriptedSender(gate, accept)
    delivery = _delivery(shop, sender)
    assert (await _try(delivery, await _due(shop))).wait is not None

    assert await _try(delivery, await _due(shop)) == DeliveredAtOnce()
    assert len(sender.asked) == 1

    gate.opened.set()
    await delivery.finish()


async def test_one_call_in_a_while_shows_whether_a_slow_channel_is_prompt_again(
    shop, let_time_pass
):
    gate = Gate()
    sender = ScriptedSender(gate, accept)
    delivery = _delivery(shop, sender, longest=timedelta(milliseconds=300))
    requests = [await _due(shop) for _ in range(6)]
    await _try(delivery, requests[0])
    let_time_pass(timedelta(minutes=1))

    tried = await asyncio.gather(*(_try(delivery, request) for request in requests[1:]))

    assert [each.result is not None for each in tried].count(True) == 1
    assert len(sender.asked) == 2
    gate.opened.set()
    await delivery.finish()


async def test_a_worker_that_is_stopping_begins_no_call(shop):
    sender = ScriptedSender()
    delivery = _delivery(shop, sender, longest=timedelta(seconds=8))
    delivery.stop()

    assert await _try(delivery, await _due(shop)) == DeliveredAtOnce()
    assert sender.asked == []


async def test_elsewhere_a_call_that_lasts_has_time_to_begin(shop):
    """Another worker knows nothing of it: it looks once the lease of the call is over."""
    gate = Gate()
    request = await _due(shop)
    one, other = (_delivery(shop, ScriptedSender(gate)) for _ in range(2))
    tried = await _try(one, request)
    assert tried.wait is not None
    assert tried.wait.until > datetime.now(UTC) + timedelta(seconds=5)

    with pytest.raises(ApplicationError, match="under way"):
        await _deliver(other, request.model_copy(update={"wait": tried.wait}))

    gate.opened.set()
    await one.finish()


async def test_a_call_that_lasts_is_joined(shop):
    gate = Gate()
    sender = ScriptedSender(gate)
    delivery, request = _delivery(shop, sender), await _due(shop)
    tried = await _try(delivery, request)
    waiting = request.model_copy(update={"wait": tried.wait})

    joined = asyncio.ensure_future(_deliver(delivery, waiting))
    looked_into = asyncio.ensure_future(_resolve(delivery, request))
    gate.opened.set()

    assert (await joined).outcome is DeliveryOutcome.ACCEPTED
    assert (await looked_into).outcome is DeliveryOutcome.ACCEPTED
    assert len(sender.asked) == 1


async def test_its_wait_goes_on_in_the_queue_and_is_not_cut_short(shop):
    async def is_away(message):
        raise ProviderUnavailableError("away", timedelta(hours=1))

    sender = ScriptedSender(is_away)
    delivery, request = _delivery(shop, sender, longest=timedelta(seconds=8)), await _due(shop)

    tried = await _try(delivery, request)

    assert tried.result is None
    assert tried.wait is not None
    assert tried.wait.until > datetime.now(UTC) + timedelta(minutes=1)
    waiting = request.model_copy(update={"wait": tried.wait})
    with pytest.raises(ApplicationError) as still:
        await _deliver(delivery, waiting)
    assert (still.value.type, still.value.message) == (tried.wait.kind, tried.wait.why)
    assert len(sender.asked) == 1


async def test_of_a_message_that_is_gone_there_is_no_second_try(shop):
    request = await _due(shop)
    gone = MessageRef(tenant_id=request.ref.tenant_id, message_id=uuid4())
    delivery = _delivery(shop, ScriptedSender(), longest=timedelta(seconds=8))

    with pytest.raises(NotFoundError):
        await _try(delivery, request.model_copy(update={"ref": gone}))


async def test_a_wait_that_begins_after_its_first_try_is_kept(shop):
    """No activity heard the run out: what it waits for stands in its process, and on record."""
    asked = Gate(TransientDeliveryError("full", timedelta(hours=1)))
    sender = ScriptedSender(asked)
    delivery, request = _delivery(shop, sender), await _due(shop)
    tried = await _try(delivery, request)
    waiting = request.model_copy(update={"wait": tried.wait})
    asked.opened.set()
    await delivery.finish()

    with pytest.raises(ApplicationError) as here:
        await _deliver(delivery, waiting)
    with pytest.raises(ApplicationError) as elsewhere:
        await _deliver(_delivery(shop, sender), request)

    for wait in (here.value, elsewhere.value):
        assert wait.type == "RecipientPutOff"
        assert wait.next_retry_delay is not None
        assert wait.next_retry_delay > timedelta(minutes=50)
    assert len(sender.asked) == 1


async def test_a_provider_with_keys_is_not_called_beside_a_call_under_way(shop):
    gate = Gate()
    sender = ScriptedSender(gate, capabilities=SenderCapabilities(idempotency_keys=True))
    one, request = _delivery(shop, sender), await _due(shop)
    await _try(one, request)

    with pytest.raises(ApplicationError, match="what became of the call"):
        await _deliver(_delivery(shop, sender), request)

    assert len(sender.asked) == 1
    gate.opened.set()
    await one.finish()


async def test_a_look_that_hangs_holds_up_its_run_only(shop, monkeypatch):
    monkeypatch.setattr(delivery_run, "_LONGEST_LOOK_SECONDS", 0.05)
    never = asyncio.Event()

    class Hanging(PostgresAttemptStore):
        async def delivery_facts(self, *args):
            await never.wait()

    sender, request = ScriptedSender(), await _due(shop)
    accounts = PostgresProviderAccounts(shop.database)
    hangs = MessageDelivery(Hanging(shop.database), accounts, {Channel.CHAT: sender})

    with pytest.raises(ApplicationError, match="held up"):
        await _deliver(hangs, request)

    assert (await _deliver(_delivery(shop, sender), request)).outcome is DeliveryOutcome.ACCEPTED


async def test_what_an_activity_has_left_is_heard_once(shop):
    """The run after it makes moves of its own, however soon it comes."""
    gate = Gate(ProviderUnavailableError("away"))
    sender = ScriptedSender(gate, accept)
    delivery, request = _delivery(shop, sender), await _due(shop)
    await _try(delivery, request)
    gate.opened.set()
    with pytest.raises(ApplicationError) as away:
        await _deliver(delivery, request)
    assert away.value.next_retry_delay is not None
    comes_back = datetime.now(UTC) + away.value.next_retry_delay

    again = await _deliver(delivery, request, started_at=comes_back)

    assert again.outcome is DeliveryOutcome.ACCEPTED


async def test_two_first_tries_of_one_attempt_are_both_waited_for(shop):
    """A task that was lost comes back to the worker that has its call under way."""
    gate = Gate()
    sender = ScriptedSender(gate)
    delivery, request = _delivery(shop, sender), await _due(shop)

    tried = [await _try(delivery, request) for _ in range(2)]
    finishing = asyncio.ensure_future(delivery.finish())
    gate.opened.set()
    await finishing

    assert [each.result for each in tried] == [None, None]
    assert len(sender.asked) == 1
    assert (await _deliver(delivery, request)).outcome is DeliveryOutcome.ACCEPTED


async def test_a_clock_that_a_healthy_run_has_proved_right_stays_so(shop, let_time_pass):
    delivery = _delivery(shop, ScriptedSender(), longest=timedelta(seconds=8))
    late = timedelta(minutes=1)
    await _try(delivery, await _due(shop), clock_is_ahead_by=late)
    assert (await _try(delivery, await _due(shop))).result is not None
    let_time_pass(timedelta(minutes=1))

    tried = await _try(delivery, await _due(shop), clock_is_ahead_by=late)

    assert tried == DeliveredAtOnce()
