"""A decision: made by the facts of one moment, and found again whole."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text
from temporalio.exceptions import ApplicationError

from madan_sara.activities.budget import BudgetManager
from madan_sara.activities.decider import OutreachDecider
from madan_sara.activities.deduplicator import MessageDeduplicator
from madan_sara.activities.own_campaign import EVERY_TENANT
from madan_sara.activities.router import ChannelRouter
from madan_sara.activities.scheduler import SendTimeScheduler
from madan_sara.activities.stores import ClaimDecision
from madan_sara.contracts.campaign_run import CampaignRef, Sweep
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.outreach import (
    Block,
    ClaimResult,
    DecideInput,
    ExitReason,
    MessageRef,
    OutreachState,
    RescheduleCheck,
)
from madan_sara.persistence.analytics import PostgresAnalyticsStore
from madan_sara.persistence.budget import PostgresBudgetLedger
from madan_sara.persistence.campaign_runs import PostgresCampaignRuns
from madan_sara.persistence.claims import PostgresClaimStore
from madan_sara.persistence.database import Database
from madan_sara.persistence.decision_facts import DecisionReader
from madan_sara.persistence.requests import PostgresRequestStore
from madan_sara.persistence.suppressions import PostgresSuppressions, Subject
from tests.integration.persistence.shop import NOW
from tests.ledger import assert_accounts_balance


class CountingDatabase(Database):
    """Counts the statements of messages."""

    statements = 0

    async def fetch(self, query, parameters):
        self.statements += 1
        return await super().fetch(query, parameters)


@pytest.fixture
async def counting(dsn):
    database = CountingDatabase(dsn)
    yield database
    await database.close()


def decider_on(database, ledger=None, claims=None, **text_limits):
    claims = claims or PostgresClaimStore(database, DecisionReader(database))
    limits = dict.fromkeys(Channel) | {Channel[name]: most for name, most in text_limits.items()}
    requests = PostgresRequestStore(database)
    return OutreachDecider(
        MessageDeduplicator(claims, tenants=EVERY_TENANT),
        ChannelRouter(limits, tenants=EVERY_TENANT),
        SendTimeScheduler(requests, PostgresAnalyticsStore(database), tenants=EVERY_TENANT),
        BudgetManager(ledger or PostgresBudgetLedger(database), tenants=EVERY_TENANT),
    )


async def decide(
    database,
    ref,
    ledger=None,
    *,
    after=timedelta(0),
    claims=None,
    sequence_number=None,
    **text_limits,
):
    request = DecideInput(ref=ref, now=NOW + after, sequence_number=sequence_number)
    return await decider_on(database, ledger, claims, **text_limits).decide_outreach(request)


async def _suppress(shop, channel=None):
    await PostgresSuppressions(shop.database).suppress(
        shop.tenant_id, Subject(recipient_id="ana"), channel=channel, reason="asked", now=NOW
    )


async def test_a_decision_takes_three_statements(shop, counting):
    campaign = await shop.campaign()
    await decide(counting, await shop.message(campaign, "ben"))  # Opens the day's account.
    ref = await shop.message(campaign)
    before = counting.statements

    decision = await decide(counting, ref)

    assert decision.held is not None
    assert counting.statements - before == 3


async def test_a_decision_found_again_is_the_one_that_was_stored(shop):
    """The worker died before it could say what it had decided, and the facts are others now."""
    ref = await shop.message(await shop.campaign(channels=["chat", "sms"]))
    first = await decide(shop.database, ref)
    await _suppress(shop, first.held.plan.channel)

    again = await decide(shop.database, ref, after=timedelta(days=2))

    assert (again.routing, again.held) == (first.routing, first.held)
    assert again.block is None
    await assert_accounts_balance(shop.database, shop.tenant_id)


async def test_a_decision_without_a_hold_is_made_anew(shop):
    """The claim was stored, and the worker died before the hold."""
    ref = await shop.message(await shop.campaign(channels=["chat", "sms"]))
    claims = PostgresClaimStore(shop.database, DecisionReader(shop.database))
    deduplicator = MessageDeduplicator(claims, tenants=EVERY_TENANT)
    await deduplicator.claim(DecideInput(ref=ref, now=NOW))
    await _suppress(shop, Channel.CHAT)

    decision = await decide(shop.database, ref)

    assert decision.held.plan.channel is Channel.SMS


async def test_a_claim_reads_what_has_changed(shop):
    ref = await shop.message(await shop.campaign())
    await _suppress(shop)

    decision = await decide(shop.database, ref)

    assert decision.claim.block.reason is ExitReason.SUPPRESSED
    assert (decision.routing, decision.held) == (None, None)
    assert (await shop.requests.request(ref)).state is OutreachState.BLOCKED


async def test_a_message_that_no_channel_can_carry_holds_nothing(shop):
    ref = await shop.message(await shop.campaign(channels=["chat"]))

    decision = await decide(shop.database, ref, CHAT=3)

    assert decision.routing.channel is None
    assert (decision.held, decision.block) == (None, None)


async def test_a_message_is_decided_for_its_own_tenant_only(shop):
    ref = await shop.message(await shop.campaign())
    with pytest.raises(LookupError, match="there is no message"):
        await decide(shop.database, MessageRef(tenant_id=uuid4(), message_id=ref.message_id))


class OvertakenReader(DecisionReader):
    """Reads, and lets another run of the decision come to its end before it says what it read."""

    def __init__(self, database, other_run):
        super().__init__(database)
        self._other_run = other_run

    async def read(self, ref, now):
        reading = await super().read(ref, now)
        other_run, self._other_run = self._other_run, None
        if other_run is not None:
            await other_run()
        return reading


async def test_a_run_that_was_overtaken_blocks_nothing_and_takes_no_claim_away(shop):
    """It was taken for dead, and decides by what it has read before the other one held money."""
    ref = await shop.message(await shop.campaign())
    block = Block(reason=ExitReason.SUPPRESSED)

    async def decide_beside():
        assert (await decide(shop.database, ref)).held is not None

    claims = PostgresClaimStore(shop.database, OvertakenReader(shop.database, decide_beside))
    late = await claims.claim(ref, NOW, lambda facts: ClaimDecision(ClaimResult(block=block)))

    assert late.result.block is None
    assert late.decided is not None
    assert (await shop.requests.request(ref)).state is OutreachState.SCHEDULED
    twin = await shop.message(await shop.campaign(channels=["sms"]))
    assert (await claims.claim(twin, NOW, _block_beside_others)).result.block is not None


def _block_beside_others(facts):
    block = Block(reason=ExitReason.DUPLICATE) if facts.recent else None
    return ClaimDecision(ClaimResult(block=block))


async def test_a_held_message_whose_claim_is_gone_is_found_again_all_the_same(shop):
    """A run that woke late held money for a message that had been put back meanwhile."""
    ref = await shop.message(await shop.campaign())
    first = await decide(shop.database, ref)
    async with shop.database.transaction() as connection:
        gone = text("DELETE FROM recipient_claims WHERE tenant_id = :id")
        await connection.execute(gone, {"id": shop.tenant_id})

    async with asyncio.timeout(10):
        again = await decide(shop.database, ref)

    assert (again.routing, again.held) == (first.routing, first.held)


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (OutreachState.CANCELLED, ExitReason.CANCELLED),
        (OutreachState.BLOCKED, ExitReason.EXPIRED),
    ],
)
async def test_a_decision_found_again_tells_the_end_that_a_sweep_has_brought(shop, state, reason):
    campaign = await shop.campaign(end_date=NOW + timedelta(days=1))
    ref = await shop.message(campaign)
    assert (await decide(shop.database, ref)).held is not None
    sweep = Sweep(states=[OutreachState.SCHEDULED], state=state, reason=reason)
    of = CampaignRef(tenant_id=shop.tenant_id, campaign_id=campaign.id)
    runs = PostgresCampaignRuns(shop.database)
    assert (await runs.sweep(of, sweep, None, NOW + timedelta(days=1))).ended == 1

    again = await decide(shop.database, ref)

    assert (again.claim.end, again.claim.block) == (state, Block(reason=reason))
    assert (again.held, again.routing, again.block) == (None, None, None)


async def test_a_decision_found_again_tells_that_its_message_failed(shop):
    ref = await shop.message(await shop.campaign(channels=["chat"]))
    assert (await decide(shop.database, ref, CHAT=3)).routing.channel is None
    await shop.conclude(ref, OutreachState.FAILED)
    claim = (await decide(shop.database, ref)).claim
    assert (claim.end, claim.block.reason) == (OutreachState.FAILED, ExitReason.CANCELLED)


@pytest.mark.parametrize("attempt_no", [1, 2], ids=["again", "for another attempt"])
@pytest.mark.parametrize("state", [OutreachState.CANCELLED, OutreachState.FAILED])
async def test_no_hold_is_found_again_of_what_has_ended_unsent(shop, attempt_no, state):
    ref = await shop.message(await shop.campaign())
    assert (await shop.reserve(ref)).held is not None
    await shop.conclude(ref, state)
    late = await shop.reserve(ref, attempt_no)
    assert (late.held, late.block.details) == (None, {"message": "has ended"})


@pytest.mark.parametrize("state", [OutreachState.SENT, OutreachState.UNKNOWN])
async def test_a_hold_of_what_was_sent_is_found_again(shop, state):
    """The delivery that follows finds the result of the one before."""
    ref = await shop.message(await shop.campaign())
    first = await shop.reserve(ref)
    await shop.settle(ref, state=state)
    assert (await shop.reserve(ref)).held == first.held


async def test_a_hold_that_waits_for_a_limit_tells_the_end_before_the_limit(shop):
    campaign = await shop.campaign(budget_total=1)
    ref = await shop.message(campaign)
    assert (await shop.reserve(ref)).held is not None
    await shop.conclude(ref)
    assert (await shop.reserve(await shop.message(campaign, "ben"))).held is not None
    assert (await shop.reserve(ref, 2)).block.reason is ExitReason.CANCELLED


async def test_a_time_that_a_lost_run_has_moved_the_send_to_is_not_refused_as_past(shop):
    """Asked again after that time, the step answers with the plan that is held."""
    ref = await shop.message(await shop.campaign())
    await shop.reserve(ref)
    at = (await shop.requests.request(ref)).scheduled_at
    scheduler = SendTimeScheduler(
        shop.requests, PostgresAnalyticsStore(shop.database), tenants=EVERY_TENANT
    )
    late = at + timedelta(seconds=9)

    def check(wanted):
        return scheduler.check_requested_time(
            RescheduleCheck(ref=ref, channel=Channel.CHAT, now=late, at=wanted)
        )

    assert (await check(at)).scheduled_at == at
    with pytest.raises(ApplicationError, match="is in the past"):
        await check(at + timedelta(seconds=1))
