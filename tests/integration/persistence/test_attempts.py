"""Two runs of one delivery: a worker that was only slow, and the one that took its place."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.delivery import MessageDelivery
from activities.sender import Accepted, MessageSender, OutgoingMessage, SenderCapabilities
from contracts.channels import Channel
from contracts.delivery import DeliveryOutcome
from contracts.outreach import DeliverInput, DeliverResult, OutreachState
from persistence.attempts import PostgresAttemptStore


@dataclass
class Postman(MessageSender):
    """Neither keys nor look-up; answers when it is told to."""

    handed_over: list[str] = field(default_factory=list)
    called: asyncio.Event = field(default_factory=asyncio.Event)
    answer: asyncio.Event = field(default_factory=asyncio.Event)
    capabilities = SenderCapabilities()
    provider = "postman"

    async def send(self, message: OutgoingMessage) -> Accepted:
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
        return await ActivityEnvironment().run(self.quick.deliver, self.request)


@pytest.fixture
async def overtaken(shop):
    campaign = await shop.campaign(channels=["chat"])
    ref = await shop.message(campaign)
    today = ActivityEnvironment().info.started_time.date()
    await shop.reserve(ref, day=today)
    request = DeliverInput(ref=ref, attempt_no=1, channel=Channel.CHAT)
    postman = Postman()
    senders = {Channel.CHAT: postman}
    slow_store = SlowToOpen(shop.database)
    slow = MessageDelivery(slow_store, senders)
    slow_run = asyncio.create_task(ActivityEnvironment().run(slow.deliver, request))
    await slow_store.looked.wait()
    quick = MessageDelivery(PostgresAttemptStore(shop.database), senders)
    yield Overtaken(request, postman, slow_store, slow_run, quick)
    slow_run.cancel()


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
