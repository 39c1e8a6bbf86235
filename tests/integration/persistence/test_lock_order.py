"""A booking locks the message first, then accounts: no two transactions wait for each other.

And a transaction that waited for a message sees the bookings made for it meanwhile.
"""

import asyncio
from functools import partial

import pytest
from sqlalchemy import text

from madan_sara.activities.deduplicator import MessageDeduplicator
from madan_sara.activities.own_campaign import EVERY_TENANT
from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.campaign_run import CampaignRef, Sweep
from madan_sara.contracts.outreach import (
    Block,
    DecideInput,
    ExitReason,
    MessageRef,
    OutreachState,
)
from madan_sara.persistence.campaign_runs import PostgresCampaignRuns
from tests.integration.persistence.shop import NOW, TODAY, Shop
from tests.ledger import assert_nothing_left_behind
from tests.waiting import eventually

_LOCK_MESSAGE = text("SELECT 1 FROM messages WHERE message_id = :message_id FOR NO KEY UPDATE")
_LOCK_ACCOUNTS = text("""
SELECT 1 FROM budget_accounts WHERE tenant_id = :tenant_id FOR UPDATE NOWAIT
""")
# What a send that moves within its day does: the same money, held for another attempt.
_MOVE_HOLD = text("""
INSERT INTO budget_entries
SELECT message_id, attempt_no + moved.by, moved.kind, tenant_id, campaign_id, channel, day,
       amount_micros, created_at
  FROM budget_entries, (VALUES ('release', 0), ('hold', 1)) AS moved (kind, by)
 WHERE message_id = :message_id
""")
_LOCK_VERSIONS = text("SELECT 1 FROM recipient_versions WHERE tenant_id = :tenant_id FOR UPDATE")
_ALL_AT_REST = Sweep(
    states=[OutreachState.QUEUED, OutreachState.SCHEDULED],
    state=OutreachState.CANCELLED,
    reason=ExitReason.CANCELLED,
)
_WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()")


@pytest.mark.parametrize("day_is_open", [True, False], ids=["at once", "under lock"])
async def test_a_reservation_that_waits_for_its_message_holds_no_account(
    shop, database, day_is_open
):
    campaign = await shop.campaign(daily_limit=5)
    ref = await shop.message(campaign)
    if day_is_open:
        await shop.reserve(await shop.message(campaign, "ben"), day=TODAY)

    async with database.transaction() as connection:
        await connection.execute(_LOCK_MESSAGE, {"message_id": ref.message_id})
        reserving = asyncio.create_task(shop.reserve(ref, day=TODAY))
        await eventually(
            partial(_a_statement_waits, database), "the reservation waits for the message"
        )
        locked = await connection.execute(_LOCK_ACCOUNTS, {"tenant_id": shop.tenant_id})
        assert locked.all()
    assert (await reserving).block is None


async def test_a_sweep_that_waits_for_a_message_gives_back_its_latest_hold(shop, database):
    campaign = await shop.campaign()
    message = await shop.message(campaign)
    assert (await shop.reserve(message)).block is None
    ref = CampaignRef(tenant_id=shop.tenant_id, campaign_id=campaign.id)
    all_asleep = Sweep(
        states=[OutreachState.SCHEDULED],
        state=OutreachState.CANCELLED,
        reason=ExitReason.CANCELLED,
    )

    async with database.transaction() as connection:
        await connection.execute(_LOCK_MESSAGE, {"message_id": message.message_id})
        runs = PostgresCampaignRuns(database)
        sweeping = asyncio.create_task(runs.sweep(ref, all_asleep, None, NOW))
        await eventually(partial(_a_statement_waits, database), "it waits for the message")
        await connection.execute(_MOVE_HOLD, {"message_id": message.message_id})

    assert (await sweeping).ended == 1
    await assert_nothing_left_behind(database, shop.tenant_id)


async def test_an_end_that_waits_for_its_message_gives_back_its_latest_hold(shop, database):
    message = await shop.message(await shop.campaign())
    assert (await shop.reserve(message)).block is None

    async with database.transaction() as connection:
        await connection.execute(_LOCK_MESSAGE, {"message_id": message.message_id})
        concluding = asyncio.create_task(shop.conclude(message))
        await eventually(partial(_a_statement_waits, database), "it waits for the message")
        await connection.execute(_MOVE_HOLD, {"message_id": message.message_id})

    assert (await concluding).state is OutreachState.CANCELLED
    await assert_nothing_left_behind(database, shop.tenant_id)


async def test_an_end_beside_a_claim_of_its_message_leaves_no_claim(shop, database):
    campaign = await shop.campaign()
    earlier, message = await shop.message(campaign), await shop.message(campaign)
    deduplicator = MessageDeduplicator(shop.claims, tenants=EVERY_TENANT)
    await deduplicator.claim(DecideInput(ref=earlier, now=NOW))
    await shop.conclude(earlier)

    async with database.transaction() as connection:
        await connection.execute(_LOCK_VERSIONS, {"tenant_id": shop.tenant_id})
        claiming = asyncio.create_task(deduplicator.claim(DecideInput(ref=message, now=NOW)))
        await eventually(partial(_a_statement_waits, database), "the claim waits for its turn")
        concluding = asyncio.create_task(shop.conclude(message))
        await eventually(
            partial(_has_ended_or_waits, database, concluding), "the end waits for the claim"
        )

    await asyncio.gather(claiming, concluding)
    await assert_nothing_left_behind(database, shop.tenant_id)


async def _without_room(shop: Shop, campaign: Campaign, name: str) -> MessageRef:
    """A recipient who waits in the campaign's queue until a limit is raised."""
    ref = await shop.message(campaign, name)
    assert await shop.requests.put_back(ref, Block(reason=ExitReason.BUDGET_EXCEEDED), generation=0)
    return ref


async def test_a_save_that_waits_for_a_recipient_without_room_holds_no_account(shop, database):
    campaign = await shop.campaign()
    waiting = await _without_room(shop, campaign, "ana")

    async with database.transaction() as connection:
        await connection.execute(_LOCK_MESSAGE, {"message_id": waiting.message_id})
        saving = asyncio.create_task(shop.save(campaign))
        await eventually(partial(_a_statement_waits, database), "the save waits for the recipient")
        locked = await connection.execute(_LOCK_ACCOUNTS, {"tenant_id": shop.tenant_id})
        assert locked.all()
    await saving


@pytest.mark.parametrize("attempt", range(8))
async def test_a_save_and_a_sweep_of_a_cancelled_campaign_never_wait_for_each_other(
    shop, database, attempt
):
    """Each locks recipients and accounts, and each recipient of one is before one of the other."""
    campaign = await shop.campaign()
    for n in range(12):
        assert (await shop.reserve(await shop.message(campaign, f"held {n}"))).block is None
        await _without_room(shop, campaign, f"waiting {n}")
    runs = PostgresCampaignRuns(database, swept_at_once=6)
    ref = CampaignRef(tenant_id=shop.tenant_id, campaign_id=campaign.id)

    async def sweep() -> int:
        ended, page = 0, await runs.sweep(ref, _ALL_AT_REST, None, NOW)
        while page.last is not None:
            ended += page.ended
            page = await runs.sweep(ref, _ALL_AT_REST, page.last, NOW)
        return ended

    swept, *_ = await asyncio.gather(sweep(), *(shop.save(campaign) for _ in range(4)))

    assert swept == 24
    await assert_nothing_left_behind(database, shop.tenant_id)


async def _a_statement_waits(database) -> bool:
    return await _statements_waiting(database) >= 1


async def _has_ended_or_waits(database, concluding) -> bool:
    return concluding.done() or await _statements_waiting(database) >= 2


async def _statements_waiting(database) -> int:
    async with database.statement() as connection:
        return int((await connection.execute(_WAITING)).scalar_one())
