"""Runs of one delivery: the slow one, the one that replaced it, and the one that was cut off."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from temporalio.exceptions import ApplicationError

from madan_sara.activities.delivery import MessageDelivery
from madan_sara.activities.sender import (
    Accepted,
    Call,
    CallLease,
    OutgoingMessage,
    Refused,
    SenderCapabilities,
    running_seconds,
)
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import DeliveryOutcome
from madan_sara.contracts.errors import MisconfiguredProviderError, TransientDeliveryError
from madan_sara.contracts.outreach import DeliverInput, DeliverResult, OutreachState, ResolveInput
from madan_sara.persistence.attempts import PostgresAttemptStore
from madan_sara.persistence.provider_accounts import PostgresProviderAccounts
from tests.fakes.sender import Gate, ScriptedSender
from tests.integration.persistence.runs import run_environment
from tests.integration.persistence.shop import NOW
from tests.ledger import assert_accounts_balance


@dataclass
class Postman:
    """Neither keys nor look-up; answers on demand."""

    handed_over: list[str] = field(default_factory=list)
    called: asyncio.Event = field(default_factory=asyncio.Event)
    answer: asyncio.Event = field(default_factory=asyncio.Event)
    capabilities = SenderCapabilities()
    provider = "postman"
    account: str = field(default_factory=lambda: f"postman {uuid4()}")

    def prepare(self, message: OutgoingMessage) -> Call | Refused:
        return partial(self._deliver, message)

    async def _deliver(self, message: OutgoingMessage, lease: CallLease) -> Accepted:
        lease.check()
        self.handed_over.append(message.idempotency_key)
        self.called.set()
        await self.answer.wait()
        return Accepted(f"letter {len(self.handed_over)}")

    async def look_up(self, idempotency_key: str) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        pass


class SlowToOpen(PostgresAttemptStore):
    """Stands still between looking at an attempt and opening it."""

    def __init__(self, database: Any) -> None:
        super().__init__(database)
        self.looked = asyncio.Event()
        self.go_on = asyncio.Event()

    async def open_attempt(self, *args: Any, **kwargs: Any) -> bool:
        self.looked.set()
        await self.go_on.wait()
        return await super().open_attempt(*args, **kwargs)


def _delivery(shop, senders, attempts: PostgresAttemptStore | None = None) -> MessageDelivery:
    store = attempts or PostgresAttemptStore(shop.database)
    return MessageDelivery(store, PostgresProviderAccounts(shop.database), senders)


@dataclass
class Overtaken:
    """A run that stands still before it opens the attempt, and one that is in time."""

    request: DeliverInput
    postman: Postman
    slow_store: SlowToOpen
    slow: "asyncio.Task[DeliverResult]"
    quick: MessageDelivery

    async def deliver(self) -> DeliverResult:
        """The run that is in time."""
        return await run_environment().run(self.quick.deliver, self.request)


@pytest.fixture
async def overtaken(shop):
    campaign = await shop.campaign(channels=["chat"])
    ref = await shop.message(campaign)
    today = run_environment().info.started_time.date()
    await shop.reserve(ref, day=today)
    request = DeliverInput(ref=ref, attempt_no=1, channel=Channel.CHAT)
    postman = Postman()
    senders = {Channel.CHAT: postman}
    slow_store = SlowToOpen(shop.database)
    slow = _delivery(shop, senders, attempts=slow_store)
    slow_run = asyncio.create_task(run_environment().run(slow.deliver, request))
    await slow_store.looked.wait()
    quick = _delivery(shop, senders)
    yield Overtaken(request, postman, slow_store, slow_run, quick)
    slow_run.cancel()


async def test_a_lease_leaves_the_sender_its_time_to_reach_the_provider(shop):
    campaign = await shop.campaign(channels=["chat"])
    ref = await shop.message(campaign)
    await shop.reserve(ref, day=run_environment().info.started_time.date())
    leases = []

    class Walker(Postman):
        capabilities = SenderCapabilities(longest_approach=timedelta(hours=1))

        async def _deliver(self, message: OutgoingMessage, lease: CallLease) -> Accepted:
            leases.append(lease.ends_at - running_seconds())
            return Accepted("letter")

    request = DeliverInput(ref=ref, attempt_no=1, channel=Channel.CHAT)
    await run_environment().run(_delivery(shop, {Channel.CHAT: Walker()}).deliver, request)
    assert leases[0] > 3000


async def test_a_run_that_comes_after_the_answer_gives_that_answer(overtaken):
    overtaken.postman.answer.set()
    first = await overtaken.deliver()

    overtaken.slow_store.go_on.set()

    assert first.outcome is DeliveryOutcome.ACCEPTED
    assert await overtaken.slow == first
    assert len(overtaken.postman.handed_over) == 1


async def test_a_run_that_comes_during_the_call_does_not_call_again(overtaken):
    first = asyncio.create_task(overtaken.deliver())
    await overtaken.postman.called.wait()

    overtaken.slow_store.go_on.set()
    with pytest.raises(ApplicationError, match="another run"):
        await overtaken.slow
    overtaken.postman.answer.set()

    assert (await first).outcome is DeliveryOutcome.ACCEPTED
    assert len(overtaken.postman.handed_over) == 1


async def test_a_run_that_comes_after_the_end_does_not_call_at_all(overtaken, shop):
    overtaken.postman.answer.set()
    await shop.conclude(overtaken.request.ref, OutreachState.CANCELLED)

    overtaken.slow_store.go_on.set()

    assert (await overtaken.slow).outcome is DeliveryOutcome.REFUSED
    assert overtaken.postman.handed_over == []


KEYED = SenderCapabilities(idempotency_keys=True)


async def _due(shop) -> DeliverInput:
    """A message with a hold, due on the day the activity environment lives in."""
    ref = await shop.message(await shop.campaign(channels=["chat"], budget_total=5))
    await shop.reserve(ref, day=run_environment().info.started_time.date())
    return DeliverInput(ref=ref, attempt_no=1, channel=Channel.CHAT)


async def _begun(shop, sender: ScriptedSender, request: DeliverInput, after=timedelta(0)):
    delivery, environment = _delivery(shop, {Channel.CHAT: sender}), run_environment()
    started_at = environment.info.started_time + after
    environment.info = replace(environment.info, started_time=started_at)
    return asyncio.create_task(environment.run(delivery.deliver, request))


@pytest.mark.parametrize(
    "late",
    [Refused("no"), TransientDeliveryError("busy"), MisconfiguredProviderError("no login")],
    ids=["refused", "transient", "misconfigured"],
)
async def test_a_late_no_does_not_undo_a_later_call_that_is_taken(shop, late):
    """The provider honours keys, so that a run may call once the one before counts as over."""
    request = await _due(shop)
    first_gate, second_gate = Gate(late), Gate()
    first = await _begun(shop, ScriptedSender(first_gate, capabilities=KEYED), request)
    await first_gate.reached.wait()
    after = timedelta(minutes=10)
    second = await _begun(shop, ScriptedSender(second_gate, capabilities=KEYED), request, after)
    await second_gate.reached.wait()

    first_gate.opened.set()
    with pytest.raises(ApplicationError):
        await first
    second_gate.opened.set()

    assert (await second).outcome is DeliveryOutcome.ACCEPTED
    assert (await shop.messages.record(shop.tenant_id, request.ref.message_id)).state == "sent"
    await assert_accounts_balance(shop.database, shop.tenant_id)


async def test_an_answer_counts_from_when_it_came(shop):
    request = await _due(shop)
    gate = Gate()
    running = await _begun(shop, ScriptedSender(gate), request)
    await gate.reached.wait()
    gate.opened.set()
    result = await running

    record = await shop.messages.record(shop.tenant_id, request.ref.message_id)
    facts = await shop.attempts.delivery_facts(request.ref, 1, Channel.CHAT, "")
    assert result.answered_at == record.sent_at == facts.attempt.concluded_at
    assert result.answered_at > facts.attempt.called_at
    again = await (await _begun(shop, ScriptedSender(), request))
    assert again == result


LOOKED_UP = SenderCapabilities(
    look_up=True, look_up_settles_after=timedelta(0), longest_call=timedelta(0)
)


async def _interrupted(shop) -> ResolveInput:
    """A call whose run is gone, and whose outreach was cancelled since."""
    request = await _due(shop)
    opened = await shop.attempts.open_attempt(
        request.ref, 1, Channel.CHAT, "scripted", NOW, openings_before=0
    )
    assert opened
    later = NOW + timedelta(minutes=1)
    return ResolveInput(ref=request.ref, attempt_no=1, channel=Channel.CHAT, now=later)


async def _resolve(shop, senders, request: ResolveInput) -> DeliveryOutcome:
    delivery = _delivery(shop, senders)
    result: DeliverResult = await run_environment().run(delivery.resolve_attempt, request)
    await assert_accounts_balance(shop.database, shop.tenant_id)
    return result.outcome


@pytest.mark.parametrize(
    ("known", "outcome"),
    [
        (Accepted("letter 1"), DeliveryOutcome.ACCEPTED),
        (Refused("no"), DeliveryOutcome.REFUSED),
        (None, DeliveryOutcome.REFUSED),
    ],
)
async def test_cancelled_on_its_way_a_call_is_looked_up_where_that_is_possible(
    shop, known, outcome
):
    request = await _interrupted(shop)
    sender = ScriptedSender(capabilities=LOOKED_UP, known=known)

    assert await _resolve(shop, {Channel.CHAT: sender}, request) is outcome
    assert sender.looked_up == [f"{request.ref.message_id}:1"]
    assert await _resolve(shop, {Channel.CHAT: sender}, request) is outcome


async def test_a_look_up_for_a_cancelled_call_puts_its_account_back_into_service(shop):
    request = await _interrupted(shop)
    sender = ScriptedSender(capabilities=LOOKED_UP, known=Accepted("letter 1"))
    accounts = PostgresProviderAccounts(shop.database)
    await accounts.failed(
        sender.account,
        NOW,
        "away",
        timedelta(minutes=1),
        failures_until_down=1,
        is_probe=False,
        refuses_settings=False,
    )

    await _resolve(shop, {Channel.CHAT: sender}, request)

    facts = await shop.attempts.delivery_facts(request.ref, 1, Channel.CHAT, sender.account)
    assert facts.account is None


class Away(ScriptedSender):
    """Can be looked up in principle."""

    async def look_up(self, idempotency_key: str) -> None:
        await super().look_up(idempotency_key)
        raise TransientDeliveryError("nobody there")


@pytest.mark.parametrize(
    "senders",
    [
        {},
        {Channel.CHAT: ScriptedSender()},
        {Channel.CHAT: Away(capabilities=LOOKED_UP)},
    ],
    ids=["served elsewhere", "no look-up", "away"],
)
async def test_a_cancelled_call_that_cannot_be_looked_up_is_unknown(shop, senders):
    request = await _interrupted(shop)

    assert await _resolve(shop, senders, request) is DeliveryOutcome.UNKNOWN


async def test_cancelled_on_its_way_a_call_is_not_asked_about_before_it_is_settled(shop):
    request = await _interrupted(shop)
    slow = SenderCapabilities(
        look_up=True,
        look_up_settles_after=timedelta(minutes=2),
        longest_call=timedelta(minutes=3),
    )
    sender = ScriptedSender(capabilities=slow, known=Accepted("too early to know"))
    delivery = _delivery(shop, {Channel.CHAT: sender})

    result = await run_environment().run(delivery.resolve_attempt, request)

    assert result.outcome is DeliveryOutcome.NOT_DUE
    assert result.not_before is not None
    assert result.not_before > NOW + timedelta(minutes=5)
    assert sender.looked_up == []
    asked_again = request.model_copy(update={"now": result.not_before})
    result = await run_environment().run(delivery.resolve_attempt, asked_again)
    assert result.outcome is DeliveryOutcome.ACCEPTED
