"""What a decision depends on: read once by its claim, and only for a moment."""

import gc
import weakref
from datetime import timedelta
from uuid import uuid4

import pytest

from madan_sara.activities.deduplicator import MessageDeduplicator
from madan_sara.activities.own_campaign import EVERY_TENANT
from madan_sara.activities.router import ChannelRouter
from madan_sara.activities.scheduler import SendTimeScheduler
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.outreach import (
    ClaimInput,
    ExitReason,
    MessageRef,
    OutreachState,
    PlanInput,
    RouteInput,
)
from madan_sara.persistence.analytics import PostgresAnalyticsStore
from madan_sara.persistence.claims import PostgresClaimStore
from madan_sara.persistence.database import Database
from madan_sara.persistence.decision_facts import MOMENT_SECONDS, DecisionReader
from madan_sara.persistence.requests import PostgresRequestStore
from madan_sara.persistence.suppressions import PostgresSuppressions, Subject
from tests.integration.persistence.shop import NOW

MOMENT = timedelta(seconds=MOMENT_SECONDS)


class CountingDatabase(Database):
    """Counts the statements of messages."""

    statements = 0

    async def fetch(self, query, parameters):
        self.statements += 1
        return await super().fetch(query, parameters)


class Clock:
    """Stands still until it is moved."""

    seconds = 1000.0

    def __call__(self):
        return self.seconds

    def move(self, by: timedelta):
        self.seconds += by.total_seconds()


class Steps:
    """The deciding steps of one worker, each made by hand."""

    def __init__(self, database, clock):
        decisions = DecisionReader(database, clock=clock)
        requests = PostgresRequestStore(database)
        self._deduplicator = MessageDeduplicator(
            PostgresClaimStore(database, decisions), tenants=EVERY_TENANT
        )
        self._router = ChannelRouter(decisions, dict.fromkeys(Channel), tenants=EVERY_TENANT)
        self._scheduler = SendTimeScheduler(
            decisions, requests, PostgresAnalyticsStore(database), tenants=EVERY_TENANT
        )
        self.reader = decisions

    async def claim(self, ref):
        return await self._deduplicator.claim_recipient(ClaimInput(ref=ref, now=NOW))

    async def route(self, ref):
        return await self._router.route_stored_message(RouteInput(ref=ref, now=NOW))

    async def plan(self, ref, channel=Channel.CHAT):
        request = PlanInput(ref=ref, channel=channel, now=NOW)
        return await self._scheduler.plan_stored_message(request)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def counting(dsn):
    database = CountingDatabase(dsn)
    yield database
    await database.close()


@pytest.fixture
def steps(counting, clock):
    return Steps(counting, clock)


async def _suppress(shop, channel=None):
    await PostgresSuppressions(shop.database).suppress(
        shop.tenant_id, Subject(recipient_id="ana"), channel=channel, reason="asked", now=NOW
    )


async def test_what_a_claim_has_read_serves_the_steps_after_it(shop, counting, steps):
    ref = await shop.message(await shop.campaign())
    await steps.claim(ref)
    read = counting.statements

    routing = await steps.route(ref)
    plan = await steps.plan(ref, routing.channel)

    assert plan.scheduled_at is not None
    assert counting.statements == read


async def test_without_a_claim_here_the_first_step_reads_for_the_next(shop, counting, steps):
    ref = await shop.message(await shop.campaign())
    await steps.route(ref)
    await steps.plan(ref)
    assert counting.statements == 1


async def test_after_a_moment_everything_is_read_anew(shop, steps, clock):
    ref = await shop.message(await shop.campaign(channels=["chat", "sms"]))
    await steps.claim(ref)
    before = await steps.route(ref)
    await _suppress(shop, before.channel)

    clock.move(MOMENT - timedelta(milliseconds=1))
    assert (await steps.route(ref)).channel is before.channel
    clock.move(timedelta(milliseconds=1))
    assert (await steps.route(ref)).channel not in (None, before.channel)


async def test_a_claim_always_reads_anew(shop, steps):
    ref = await shop.message(await shop.campaign())
    await steps.route(ref)
    await _suppress(shop)

    result = await steps.claim(ref)

    assert result.block is not None
    assert result.block.reason is ExitReason.SUPPRESSED
    assert (await shop.requests.request(ref)).state is OutreachState.BLOCKED


async def test_what_was_read_for_one_tenant_is_nobody_elses(shop, steps):
    ref = await shop.message(await shop.campaign())
    await steps.claim(ref)
    with pytest.raises(LookupError, match="there is no message"):
        await steps.route(MessageRef(tenant_id=uuid4(), message_id=ref.message_id))


async def test_a_second_plan_reads_anew(shop, counting, steps):
    ref = await shop.message(await shop.campaign())
    await steps.claim(ref)
    await steps.plan(ref)
    read = counting.statements

    for more in (1, 2):
        await steps.plan(ref)
        assert counting.statements == read + more


async def test_the_last_step_lets_go_of_what_was_read(shop, steps):
    ref = await shop.message(await shop.campaign())
    kept = weakref.ref((await steps.reader.read(ref, NOW)).facts)
    await steps.plan(ref)
    gc.collect()
    assert kept() is None


async def test_what_no_step_asks_for_is_let_go_too(shop, steps, clock):
    campaign = await shop.campaign()
    ref = await shop.message(campaign)
    kept = weakref.ref((await steps.reader.read(ref, NOW)).facts)
    assert kept() is not None

    clock.move(MOMENT)
    await steps.claim(await shop.message(campaign, "ben"))

    gc.collect()
    assert kept() is None
