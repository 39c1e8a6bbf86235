"""An end that is moved while sends are planned leaves no hold behind it."""

import asyncio
from datetime import datetime, timedelta
from functools import partial

import pytest

from madan_sara.contracts.outreach import ExitReason
from madan_sara.persistence.campaign_limits import save_limits
from madan_sara.policy.campaign_days import campaign_day
from tests.integration.persistence.shop import NOW, TODAY
from tests.integration.persistence.test_lock_order import _somebody_waits
from tests.ledger import assert_nothing_left_behind
from tests.waiting import eventually

_DAY = timedelta(days=1)
_LATER = TODAY + 2 * _DAY


def _ending(campaign, end: datetime | None):
    return campaign.model_copy(update={"end_date": end})


@pytest.mark.parametrize("day_is_open", [True, False], ids=["at once", "under lock"])
async def test_a_send_planned_with_an_end_that_was_later_gets_no_hold(shop, day_is_open):
    campaign = await shop.campaign(end_date=NOW + 9 * _DAY)
    ref = await shop.message(campaign)
    if day_is_open:
        assert (await shop.reserve(await shop.message(campaign, "ben"), day=_LATER)).block is None
    await shop.save(_ending(campaign, NOW + 2 * _DAY))

    block = (await shop.reserve(ref, day=_LATER)).block

    assert block is not None
    assert block.reason is ExitReason.EXPIRED
    assert block.details == {"end_date": (NOW + 2 * _DAY).isoformat()}
    assert (await shop.reserve(ref, day=TODAY)).block is None
    await assert_nothing_left_behind(shop.database, shop.tenant_id)


@pytest.mark.parametrize("end", [NOW + 2 * _DAY + timedelta(microseconds=1), None])
async def test_a_send_before_the_end_is_held_however_the_end_was_moved(shop, end):
    campaign = await shop.campaign(end_date=NOW + 9 * _DAY)
    early, late = await shop.message(campaign), await shop.message(campaign, "ben")
    assert (await shop.reserve(late, day=TODAY + 5 * _DAY)).block is None
    await shop.save(_ending(campaign, end))
    assert (await shop.reserve(early, day=_LATER)).block is None
    # What is held behind the end already can be given back.
    await shop.conclude(late)
    await shop.conclude(early)
    await assert_nothing_left_behind(shop.database, shop.tenant_id)


async def test_a_send_that_is_moved_behind_the_end_keeps_its_hold(shop):
    campaign = await shop.campaign(end_date=NOW + _DAY)
    ref = await shop.message(campaign)
    assert (await shop.reserve(ref)).block is None
    block = (await shop.reserve(ref, 2, day=_LATER, replaces=1)).block
    assert block is not None
    assert block.reason is ExitReason.EXPIRED
    assert (await shop.reserve(ref)).block is None
    await assert_nothing_left_behind(shop.database, shop.tenant_id)


@pytest.mark.parametrize("day_is_open", [True, False], ids=["at once", "under lock"])
async def test_a_hold_that_waits_for_a_save_goes_by_its_end(shop, database, day_is_open):
    campaign = await shop.campaign(end_date=NOW + 9 * _DAY)
    ref = await shop.message(campaign)
    if day_is_open:
        await shop.reserve(await shop.message(campaign, "ben"), day=_LATER)

    async with database.transaction() as connection:
        earlier = _ending(campaign, NOW + _DAY)
        await save_limits(connection, earlier, campaign_day(earlier, NOW))
        holding = asyncio.create_task(shop.reserve(ref, day=_LATER))
        await eventually(partial(_somebody_waits, database), "the hold waits for the save")

    block = (await holding).block
    assert block is not None
    assert block.reason is ExitReason.EXPIRED
