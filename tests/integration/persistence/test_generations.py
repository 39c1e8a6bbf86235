"""A generation that is over stays over: what a lost task does late undoes nothing of the next.

A generation ends when the message is put back into its campaign's queue. Then a limit is raised,
the message is queued again and taken, and another run decides it.
"""

import asyncio
from functools import partial

import pytest
from sqlalchemy import text

from madan_sara.activities.deduplicator import MessageDeduplicator
from madan_sara.activities.own_campaign import EVERY_TENANT
from madan_sara.activities.stores import ClaimDecision
from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.campaign_run import CampaignRef, Sweep
from madan_sara.contracts.outreach import (
    Block,
    ClaimResult,
    ConcludeInput,
    DecideInput,
    ExitReason,
    MessageRef,
    OutreachState,
    ReserveResult,
)
from madan_sara.persistence.campaign_runs import PostgresCampaignRuns
from madan_sara.persistence.claims import PostgresClaimStore
from tests.integration.persistence.shop import NOW, TODAY, Shop
from tests.integration.persistence.test_decision import OvertakenReader, decide
from tests.integration.persistence.test_lock_order import _LOCK_MESSAGE, _a_statement_waits
from tests.ledger import assert_nothing_left_behind
from tests.waiting import eventually

NO_ROOM = Block(reason=ExitReason.BUDGET_EXCEEDED, details={"price": "0.01"})

_QUEUE = text("""
INSERT INTO campaign_queue (tenant_id, campaign_id, message_id)
SELECT tenant_id, campaign_id, message_id FROM messages WHERE message_id = :message_id
""")
_IS_CLAIMED = text("""
SELECT EXISTS (SELECT FROM recipient_claims WHERE message_id = :message_id AND released_at IS NULL)
""")
# What a put back, a requeue and a start of the next generation leave, in one transaction.
_NEXT_GENERATION = text(
    "UPDATE messages SET generation = generation + 1 WHERE message_id = :message_id"
)
_WITHOUT_CLAIM = text("DELETE FROM recipient_claims WHERE message_id = :message_id")


class Recipient:
    """A campaign's recipient, and the steps of its generations."""

    def __init__(self, shop: Shop, campaign: Campaign, ref: MessageRef) -> None:
        self._shop = shop
        self._runs = PostgresCampaignRuns(shop.database)
        self._of = CampaignRef(tenant_id=shop.tenant_id, campaign_id=campaign.id)
        self.campaign = campaign
        self.ref = ref

    @classmethod
    async def started(cls, shop: Shop) -> "Recipient":
        """A recipient who is being decided, and in the queue until that is known."""
        campaign = await shop.campaign()
        recipient = cls(shop, campaign, await shop.message(campaign))
        async with shop.database.transaction() as connection:
            await connection.execute(_QUEUE, {"message_id": recipient.ref.message_id})
        return recipient

    async def claim(self) -> ClaimResult:
        deduplicator = MessageDeduplicator(self._shop.claims, tenants=EVERY_TENANT)
        return (await deduplicator.claim(DecideInput(ref=self.ref, now=NOW))).result

    async def put_back(self, generation: int = 0) -> bool:
        return await self._shop.requests.put_back(self.ref, NO_ROOM, generation)

    async def requeue(self) -> None:
        await self._runs.requeue(self._of)

    async def take(self) -> bool:
        """Take it from the queue; whether it was there."""
        page = await self._runs.take(self._of, 9, only_taken=False)
        return self.ref.message_id in page.message_ids

    async def cancel_campaign(self) -> None:
        at_rest = [OutreachState.QUEUED, OutreachState.SCHEDULED]
        sweep = Sweep(states=at_rest, state=OutreachState.CANCELLED, reason=ExitReason.CANCELLED)
        await self._runs.sweep(self._of, sweep, None, NOW)

    async def next_generation(self) -> None:
        """The claimed message is put back, queued again for a raised limit, and taken."""
        assert await self.put_back()
        await self.requeue()
        assert await self.take()

    async def stands(self) -> tuple[OutreachState, ExitReason | None, bool]:
        """Its state, its reason, and whether it has a live claim."""
        record = await self._shop.messages.record(self._shop.tenant_id, self.ref.message_id)
        assert record is not None
        async with self._shop.database.statement() as connection:
            found = await connection.execute(_IS_CLAIMED, {"message_id": self.ref.message_id})
            return record.state, record.reason, bool(found.scalar_one())


@pytest.fixture
async def recipient(shop: Shop) -> Recipient:
    return await Recipient.started(shop)


async def test_a_put_back_run_again_says_so_and_leaves_the_reason(recipient):
    await recipient.claim()
    assert await recipient.put_back()
    assert await recipient.put_back()
    assert await recipient.stands() == (OutreachState.QUEUED, ExitReason.BUDGET_EXCEEDED, False)
    assert not await recipient.take()


async def test_a_put_back_run_again_after_a_requeue_leaves_the_message_in_the_queue(recipient):
    await recipient.claim()
    assert await recipient.put_back()
    await recipient.requeue()
    assert await recipient.put_back()
    assert await recipient.stands() == (OutreachState.QUEUED, None, False)
    assert await recipient.take()


async def test_a_put_back_run_again_takes_nothing_from_the_next_generation(recipient):
    await recipient.claim()
    await recipient.next_generation()
    assert await recipient.put_back()
    assert await recipient.take(), "it is in the queue until its workflow has started"
    assert (await recipient.claim()).block is None
    assert await recipient.put_back()
    assert await recipient.stands() == (OutreachState.DECIDING, None, True)
    assert await recipient.put_back(generation=1)
    assert await recipient.stands() == (OutreachState.QUEUED, ExitReason.BUDGET_EXCEEDED, False)


async def test_of_what_has_ended_since_no_put_back_says_that_it_waits(recipient):
    await recipient.claim()
    assert await recipient.put_back()
    await recipient.cancel_campaign()
    assert not await recipient.put_back()
    assert await recipient.stands() == (OutreachState.CANCELLED, ExitReason.CANCELLED, False)


async def test_what_money_is_held_for_in_this_turn_is_not_put_back(shop, recipient):
    assert (await decide(shop.database, recipient.ref)).held is not None
    assert not await recipient.put_back()
    assert await recipient.stands() == (OutreachState.SCHEDULED, None, True)


async def test_a_put_back_that_waits_for_another_run_of_itself_says_so(recipient, database):
    await recipient.claim()
    async with database.transaction() as connection:
        await connection.execute(_LOCK_MESSAGE, {"message_id": recipient.ref.message_id})
        late = asyncio.create_task(recipient.put_back())
        await eventually(partial(_a_statement_waits, database), "it waits for the message")
        await connection.execute(_NEXT_GENERATION, {"message_id": recipient.ref.message_id})
    assert await late
    assert (await recipient.stands())[:2] == (OutreachState.DECIDING, None)


async def test_an_end_decided_in_an_earlier_generation_ends_nothing(shop, recipient):
    await recipient.next_generation()
    await decide(shop.database, recipient.ref)
    late = ConcludeInput(
        ref=recipient.ref,
        state=OutreachState.BLOCKED,
        reason=ExitReason.EXPIRED,
        now=NOW,
        generation=0,
    )

    assert (await shop.requests.conclude(late)).state is OutreachState.SCHEDULED

    assert await recipient.stands() == (OutreachState.SCHEDULED, None, True)
    in_time = late.model_copy(update={"generation": 1})
    assert (await shop.requests.conclude(in_time)).state is OutreachState.BLOCKED


@pytest.mark.parametrize("day_is_open", [True, False], ids=["at once", "under lock"])
async def test_a_hold_decided_in_an_earlier_turn_is_refused(shop, recipient, day_is_open):
    if day_is_open:
        await shop.reserve(await shop.message(recipient.campaign, "ben"), day=TODAY)
    await recipient.claim()
    await recipient.next_generation()

    late = await shop.reserve(recipient.ref, generation=0)

    assert late == ReserveResult(is_outdated=True)
    assert await recipient.stands() == (OutreachState.DECIDING, None, False)
    await assert_nothing_left_behind(shop.database, shop.tenant_id)
    decision = await decide(shop.database, recipient.ref)
    assert decision.held is not None
    assert await recipient.stands() == (OutreachState.SCHEDULED, None, True)


@pytest.mark.parametrize("day_is_open", [True, False], ids=["at once", "under lock"])
async def test_a_hold_that_waits_while_its_turn_ends_is_refused(
    shop, recipient, database, day_is_open
):
    await recipient.claim()
    key = {"message_id": recipient.ref.message_id}
    if day_is_open:
        await shop.reserve(await shop.message(recipient.campaign, "ben"), day=TODAY)
    async with database.transaction() as connection:
        await connection.execute(_LOCK_MESSAGE, key)
        late = asyncio.create_task(shop.reserve(recipient.ref, generation=0))
        await eventually(partial(_a_statement_waits, database), "it waits for the message")
        await connection.execute(_NEXT_GENERATION, key)
        await connection.execute(_WITHOUT_CLAIM, key)
    assert (await late).held is None
    assert await recipient.stands() == (OutreachState.DECIDING, None, False)


async def test_a_decision_overtaken_by_a_put_back_before_its_hold_is_made_anew(shop, recipient):
    """It had its claim, and read on while the other run was put back."""
    overtaken = iter([True])

    class Overtaken(PostgresClaimStore):
        async def claim(self, ref, now, decide):
            claim = await super().claim(ref, now, decide)
            if next(overtaken, False):
                await recipient.next_generation()
            return claim

    claims = Overtaken(shop.database, shop.decisions)
    decision = await decide(shop.database, recipient.ref, claims=claims)

    assert decision.held is not None
    assert decision.generation == 1
    assert await recipient.stands() == (OutreachState.SCHEDULED, None, True)


async def test_a_block_decided_in_an_earlier_generation_is_decided_anew(shop, recipient):
    async def next_generation():
        await recipient.claim()
        await recipient.next_generation()

    reasons = iter([ExitReason.DUPLICATE])

    def blocked_at_first(_):
        reason = next(reasons, None)
        return ClaimDecision(ClaimResult(block=reason and Block(reason=reason)))

    claims = PostgresClaimStore(shop.database, OvertakenReader(shop.database, next_generation))
    assert (await claims.claim(recipient.ref, NOW, blocked_at_first)).result.block is None
    assert await recipient.stands() == (OutreachState.DECIDING, None, True)
