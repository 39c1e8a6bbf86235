"""A worker killed in the middle of twelve outreaches, each at another step; then another one.

All share one kill, because Temporal takes its time to notice that a worker is gone.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import text
from temporalio.api.enums.v1 import EventType

from madan_sara.contracts.outreach import OutreachResult, OutreachState
from madan_sara.contracts.records import MessageRecord
from madan_sara.contracts.settings import AmbiguityPolicy
from madan_sara.emulators.sandbox.behaviour import BEHAVIOURS, Behaviour
from madan_sara.starter.orchestrator import OutreachOrchestrator
from tests.integration.crashes.conftest import CrashStack
from tests.integration.crashes.obstacles import (
    BEFORE_THE_CALL,
    BEFORE_THE_CLAIM,
    ON_THE_ATTEMPT,
    ON_THE_BUDGET,
    Obstacle,
)
from tests.ledger import assert_nothing_left_behind
from tests.makers import make_campaign, zone_at_noon
from tests.waiting import eventually

#: Outreaches on channels whose provider can be asked and (but for SMS) honours keys, by what
#: the worker was doing when it was killed.
KEYED = (
    "claiming",
    "reserving",
    "opening the attempt",
    "opening the attempt, committed after the kill",
    "calling, message taken",
    "calling, message taken, by SMS",
    "calling, message taken after the kill",
    "recording the answer",
    "recording the answer, committed after the kill",
    "recording the answer, on the accounts",
)
AT_MOST_ONCE = "e-mail, at most once"
AT_LEAST_ONCE = "e-mail, at least once"

_CHANNELS = {"e-mail": "email", "SMS": "sms"}

_MESSAGE_OF = text("SELECT message_id FROM messages WHERE recipient_id = :person")


@dataclass
class Crash:
    """What was asked for, and how each outreach came out of it."""

    stack: CrashStack
    tenant_id: UUID
    orchestrator: OutreachOrchestrator
    asking: dict[str, asyncio.Task[Any]] = field(default_factory=dict)
    ids: dict[str, UUID] = field(default_factory=dict)
    obstacles: dict[str, Obstacle] = field(default_factory=dict)
    results: dict[str, OutreachResult] = field(default_factory=dict)

    async def ask(self, name: str, *, handle: str = "plain", **settings: Any) -> None:
        """Start asking for an outreach; return when its message is stored."""
        person = f"{name} {self.tenant_id}"
        channel = next((c for word, c in _CHANNELS.items() if word in name), "chat")
        campaign = make_campaign(
            self.tenant_id,
            name=name,
            channels=[channel],
            budget_total=1,
            timezone=zone_at_noon(),
            settings=settings,
        )
        contact = {
            "user_id": f"{handle}-{uuid.uuid4()}",
            "email": f"{uuid.uuid4()}@example.com",
            "phone": f"+50937001{BEHAVIOURS[Behaviour.HANG].phone_ending}",
        }
        request = self.orchestrator.send_outreach(
            campaign, person, {"contact_info": contact}, {"default": f"Bonjou, {name}!"}
        )
        self.asking[name] = asyncio.create_task(request)

        async def stored() -> UUID | None:
            async with self.stack.database.statement() as connection:
                found: UUID | None = (
                    await connection.execute(_MESSAGE_OF, {"person": person})
                ).scalar()
                return found

        message_id = await eventually(stored, f"{name} is stored")
        assert message_id is not None
        self.ids[name] = message_id

    async def obstruct(self, name: str, statement: str) -> None:
        """Put something in the way of an outreach."""
        self.obstacles[name] = Obstacle(self.stack.database)
        await self.obstacles[name].put(statement, self.ids[name])

    async def until_called(self, name: str, times: int = 1) -> None:
        """Return when the sandbox has been asked to send this message so often."""
        wanted = str(self.ids[name])
        await self.stack.sandbox.wait_for(
            lambda log: sum(r.message_id == wanted for r in log) >= times, 90
        )

    def taken(self, name: str) -> int:
        """How often the person got the message."""
        return sum(r.message_id == str(self.ids[name]) for r in self.stack.sandbox.taken())

    async def record(self, name: str) -> MessageRecord:
        """What is stored of an outreach."""
        return await self.orchestrator.get_message(self.ids[name])


@pytest_asyncio.fixture(scope="module")
async def crash(crash_stack: CrashStack) -> AsyncIterator[Crash]:
    tenant_id = uuid.uuid4()
    orchestrator = OutreachOrchestrator(
        crash_stack.client, crash_stack.database, tenant_id=tenant_id
    )
    crash = Crash(crash_stack, tenant_id, orchestrator)
    await _bring_every_outreach_to_the_edge(crash)

    await crash_stack.worker.kill()
    for name, obstacle in crash.obstacles.items():
        await obstacle.clear(with_the_waiting="committed after" not in name)
    await crash_stack.worker.start()

    # A look-up that comes before this finds the message pending.
    crash_stack.sandbox.release()
    for name, message_id in crash.ids.items():
        crash.results[name] = await orchestrator.handle(message_id).result()
        await crash.asking[name]
    yield crash
    await crash_stack.worker.stop()


async def _bring_every_outreach_to_the_edge(crash: Crash) -> None:
    # Without a worker nothing moves, so each obstacle is there before the worker comes.
    await crash.ask("claiming")
    await crash.obstruct("claiming", BEFORE_THE_CLAIM)
    await crash.ask("reserving")
    await crash.obstruct("reserving", ON_THE_BUDGET)
    for name in ("opening the attempt", "opening the attempt, committed after the kill"):
        await crash.ask(name)
        await crash.obstruct(name, BEFORE_THE_CALL)
    answered = {
        "recording the answer": ON_THE_ATTEMPT,
        "recording the answer, committed after the kill": ON_THE_ATTEMPT,
        "recording the answer, on the accounts": ON_THE_BUDGET,
    }
    for name in answered:
        await crash.ask(name, handle="hang")
    await crash.stack.worker.start()

    for name, statement in answered.items():
        await crash.until_called(name)
        await crash.obstruct(name, statement)
    crash.stack.sandbox.release()

    await crash.ask("calling, message taken", handle="hang")
    await crash.ask("calling, message taken, by SMS")
    await crash.ask("calling, message taken after the kill", handle="stall")
    await crash.ask(AT_MOST_ONCE)
    await crash.ask(AT_LEAST_ONCE, ambiguous_delivery={"email": AmbiguityPolicy.AT_LEAST_ONCE})
    for name in crash.ids:
        if name in crash.obstacles:
            await crash.obstacles[name].until_met()
        elif name.startswith("calling"):
            await crash.until_called(name)

    async def both_mails_are_out() -> bool:
        return crash.stack.smtp.heard.count("content") == 2

    await eventually(both_mails_are_out, "the mail server has both contents")


@pytest.mark.parametrize("name", KEYED)
async def test_the_person_gets_the_message_exactly_once(crash, name):
    assert crash.results[name].state is OutreachState.SENT
    assert crash.taken(name) == 1
    record = await crash.record(name)
    assert record.state is OutreachState.SENT
    assert [attempt.state for attempt in record.attempts] == ["accepted"]


async def test_a_lost_answer_at_most_once_is_unknown_and_counts_as_sent(crash):
    assert crash.results[AT_MOST_ONCE].state is OutreachState.UNKNOWN
    record = await crash.record(AT_MOST_ONCE)
    assert [attempt.state for attempt in record.attempts] == ["unknown"]

    status = await crash.orchestrator.get_orchestration_status(record.campaign_id)
    assert status["total_unknown"] == 1
    assert status["total_sent"] == 0
    assert str(status["budget"]["budget_spent"]) == "0.001"
    assert status["budget"]["budget_held"] == 0

    campaign = await crash.orchestrator.get_campaign(record.campaign_id)
    again = await crash.orchestrator.deduplicator.check_duplicate(campaign, record.recipient_id)
    assert again is not None


async def test_a_lost_answer_at_least_once_is_sent_again(crash):
    assert crash.results[AT_LEAST_ONCE].state is OutreachState.SENT
    record = await crash.record(AT_LEAST_ONCE)
    assert [(a.state, a.tries) for a in record.attempts] == [("accepted", 1)]
    assert record.attempts[0].calls == 2
    # Two before the kill, and this one again.
    assert crash.stack.smtp.heard.count("content") == 3


async def test_nothing_is_left_behind(crash):
    await assert_nothing_left_behind(crash.stack.database, crash.tenant_id)
    for name in KEYED:
        status = await crash.orchestrator.get_orchestration_status(
            (await crash.record(name)).campaign_id
        )
        assert status["budget"]["budget_held"] == 0
        assert status["daily_limit"]["messages_sent_today"] == 1


async def test_a_worker_that_is_stopped_hears_its_calls_out(crash):
    """Also one that no activity waits for any more; no worker is left to look into it."""
    name = "calling, as the worker is stopped"
    await crash.ask(name, handle="hang")
    await crash.until_called(name)
    stopping = asyncio.create_task(crash.stack.worker.stop())
    history = crash.orchestrator.handle(crash.ids[name]).fetch_history

    async def first_try_is_over() -> bool:
        done = EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED
        return done in [event.event_type for event in (await history()).events]

    await eventually(first_try_is_over, "the activity has left its call behind")
    crash.stack.sandbox.release()
    await stopping

    assert (await crash.record(name)).state is OutreachState.SENT
    assert crash.taken(name) == 1
