"""The claim store under many hands."""

import asyncio
from datetime import timedelta

from sqlalchemy import text

from madan_sara.activities.deduplicator import MessageDeduplicator
from madan_sara.activities.own_campaign import EVERY_TENANT
from madan_sara.contracts.outreach import Block, ClaimResult, DecideInput, ExitReason
from tests.integration.persistence.shop import NOW


async def _claim(shop, ref, *, after=timedelta(0)) -> ClaimResult:
    deduplicator = MessageDeduplicator(shop.claims, tenants=EVERY_TENANT)
    return (await deduplicator.claim(DecideInput(ref=ref, now=NOW + after))).result


async def test_of_fifty_concurrent_claims_one_wins(shop):
    campaign = await shop.campaign()
    refs = [await shop.message(campaign) for _ in range(50)]

    results = await asyncio.gather(*(_claim(shop, ref) for ref in refs))

    blocks = [result.block for result in results if result.block]
    assert len(blocks) == 49
    assert {block.reason for block in blocks} == {ExitReason.DUPLICATE}


async def test_of_thirty_concurrent_campaigns_three_win(shop):
    settings = {"max_messages_per_day": 3, "near_duplicate_days": 0}
    refs = [await shop.message(await shop.campaign(settings=settings)) for _ in range(30)]

    results = await asyncio.gather(*(_claim(shop, ref) for ref in refs))

    blocks = [result.block for result in results if result.block]
    assert len(blocks) == 27
    assert {block.reason for block in blocks} == {ExitReason.FREQUENCY_CAP}


async def test_of_concurrent_campaigns_with_one_text_a_single_one_wins(shop):
    refs = [await shop.message(await shop.campaign()) for _ in range(10)]

    results = await asyncio.gather(*(_claim(shop, ref) for ref in refs))

    assert sum(result.block is None for result in results) == 1


async def test_of_a_message_put_back_a_claim_run_again_says_so(shop):
    ref = await shop.message(await shop.campaign())
    assert (await _claim(shop, ref)).block is None
    block = Block(reason=ExitReason.BUDGET_EXCEEDED, details={"needed": "0.01"})
    assert await shop.requests.put_back(ref, block, generation=0)

    again = await asyncio.wait_for(_claim(shop, ref), 20)

    assert again == ClaimResult(block=block, is_queued=True)


async def test_claims_with_clocks_apart_exclude_each_other_too(shop):
    campaign = await shop.campaign()
    refs = [await shop.message(campaign) for _ in range(20)]

    results = await asyncio.gather(
        *(_claim(shop, ref, after=timedelta(hours=n - 10)) for n, ref in enumerate(refs))
    )

    assert sum(result.block is None for result in results) == 1


async def test_a_claim_run_again_gives_its_first_answer(shop):
    campaign = await shop.campaign()
    winner, loser = await shop.message(campaign), await shop.message(campaign)
    first, second = await _claim(shop, winner), await _claim(shop, loser)

    again = await asyncio.gather(*(_claim(shop, ref) for ref in [winner, loser] * 5))

    assert again == [first, second] * 5
    assert first.block is None
    assert second.block is not None


async def test_a_released_claim_frees_the_person(shop):
    campaign = await shop.campaign()
    first, second = await shop.message(campaign), await shop.message(campaign)
    await _claim(shop, first)

    await shop.conclude(first)

    assert (await _claim(shop, second)).block is None


async def test_the_window_ends_to_the_moment(shop):
    campaign = await shop.campaign()
    sent = await shop.message(campaign)
    await _claim(shop, sent)
    await shop.reserve(sent)
    await shop.settle(sent, after=timedelta(hours=3))
    window = timedelta(hours=3 + 24)

    early = await _claim(
        shop, await shop.message(campaign), after=window - timedelta(microseconds=1)
    )
    late = await _claim(shop, await shop.message(campaign), after=window)

    assert early.block is not None
    assert early.block.reason is ExitReason.DUPLICATE
    # The text was sent within the last seven days and is the same.
    assert late.block is not None
    assert late.block.details["kind"] == "near_duplicate"


async def test_a_window_made_shorter_counts_for_claims_made_before(shop):
    settings = {"dedup_lookback_hours": 72, "near_duplicate_days": 0}
    campaign = await shop.campaign(settings=settings)
    sent = await shop.message(campaign)
    await _claim(shop, sent)
    await shop.reserve(sent)
    await shop.settle(sent)

    shorter = campaign.settings.model_copy(update={"dedup_lookback_hours": 24})
    changed = campaign.model_copy(update={"settings": shorter})
    await shop.save(changed)
    refs = [await shop.message(changed) for _ in range(5)]

    results = await asyncio.gather(*(_claim(shop, ref, after=timedelta(hours=25)) for ref in refs))

    assert sum(result.block is None for result in results) == 1


async def test_a_forced_claim_leaves_no_room_for_an_ordinary_one(shop):
    campaign = await shop.campaign()
    forced = [await shop.message(campaign, force_send=True) for _ in range(2)]

    assert [(await _claim(shop, ref)).block for ref in forced] == [None, None]
    ordinary = await _claim(shop, await shop.message(campaign))

    assert ordinary.block is not None


async def test_people_with_like_names_are_different_people(shop):
    campaign = await shop.campaign()
    names = ["ana", "Ana", "ana ana", "a'na", 'a"na', "ana\\", "aña", "ana%", "a/b"]
    refs = [await shop.message(campaign, name) for name in names]

    results = await asyncio.gather(*(_claim(shop, ref) for ref in refs))

    assert [result.block for result in results] == [None] * len(names)
    async with shop.database.statement() as connection:
        stored = await connection.execute(
            text("SELECT recipient_id FROM recipient_claims WHERE tenant_id = :id"),
            {"id": shop.tenant_id},
        )
        assert set(stored.scalars()) == set(names)
