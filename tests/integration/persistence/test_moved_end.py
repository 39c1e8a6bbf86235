"""An end that is moved while sends are planned leaves no hold behind it, and closes none before."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

import pytest

from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.campaign_run import CampaignRef, Sweep
from madan_sara.contracts.errors import UnreachableError
from madan_sara.contracts.outreach import ExitReason, MessageRef, OutreachState
from madan_sara.persistence.campaign_limits import save_limits
from madan_sara.persistence.campaign_runs import PostgresCampaignRuns
from madan_sara.persistence.sweeps import Place
from madan_sara.policy.campaign_days import campaign_day
from madan_sara.policy.campaign_versions import CampaignChange, StoredCampaign
from madan_sara.starter.moved_ends import MovedEnds
from tests.fakes.outreaches import RememberingOutreaches
from tests.integration.persistence.shop import NOW, TODAY, Shop
from tests.integration.persistence.test_lock_order import _LOCK_MESSAGE, _a_statement_waits
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
        await eventually(partial(_a_statement_waits, database), "the hold waits for the save")

    block = (await holding).block
    assert block is not None
    assert block.reason is ExitReason.EXPIRED


class InterruptedRuns(PostgresCampaignRuns):
    """The database is away after the first page."""

    async def close_behind_end(self, ref, after, now):
        """Close the first page."""
        if after.message_id.int:
            raise UnreachableError
        return await super().close_behind_end(ref, after, now)


async def _asleep(shop: Shop, campaign: Campaign, people: int) -> list[MessageRef]:
    """Messages that are due one a day, from the campaign's second day on."""
    refs = [await shop.message(campaign, f"person {n}") for n in range(people)]
    for n, ref in enumerate(refs, start=1):
        assert (await shop.reserve(ref, day=TODAY + n * _DAY)).block is None
    return refs


def _ref(campaign: Campaign) -> CampaignRef:
    return CampaignRef(tenant_id=campaign.tenant_uuid, campaign_id=campaign.id)


def _change(campaign: Campaign) -> CampaignChange:
    return CampaignChange(campaign, StoredCampaign(campaign, 2))


async def _states(shop: Shop, refs: Sequence[MessageRef]) -> str:
    """The first letter of each message's state."""
    records = [await shop.messages.record(shop.tenant_id, ref.message_id) for ref in refs]
    return "".join(record.state[0] for record in records if record is not None)


async def test_a_save_closes_all_behind_its_end_before_it_asks_workflows_to_end(shop, database):
    campaign = await shop.campaign(end_date=NOW + 9 * _DAY)
    refs = await _asleep(shop, campaign, 5)
    earlier = await shop.save(_ending(campaign, NOW + 3 * _DAY))
    runs = PostgresCampaignRuns(database, swept_at_once=1)

    with pytest.raises(UnreachableError):
        await MovedEnds(runs, RememberingOutreaches(are_there=False)).close_behind(_change(earlier))

    assert await _states(shop, refs) == "ssbbb"
    await assert_nothing_left_behind(database, shop.tenant_id)


@pytest.mark.parametrize("end", [NOW + 3 * _DAY, NOW + 2 * _DAY])
async def test_what_an_interrupted_save_has_left_is_closed_by_the_next(shop, database, end):
    campaign = await shop.campaign(end_date=NOW + 9 * _DAY)
    refs = await _asleep(shop, campaign, 5)
    earlier = await shop.save(_ending(campaign, NOW + 3 * _DAY))
    interrupted = MovedEnds(InterruptedRuns(database, swept_at_once=1), RememberingOutreaches())
    with pytest.raises(UnreachableError):
        await interrupted.close_behind(_change(earlier))
    assert await _states(shop, refs) == "ssbss"

    workflows = RememberingOutreaches()
    ends = MovedEnds(PostgresCampaignRuns(database, swept_at_once=1), workflows)
    change = _change(await shop.save(_ending(campaign, end)))
    left = [ref for n, ref in enumerate(refs, 1) if NOW + n * _DAY >= end and n != 3]
    assert await ends.close_behind(change) == len(left)
    assert sorted(workflows.asked, key=str) == sorted(left, key=str)
    assert await ends.close_behind(change) == 0
    await assert_nothing_left_behind(database, shop.tenant_id)


async def test_what_was_moved_before_the_end_stays(shop, database):
    campaign = await shop.campaign(end_date=NOW + 9 * _DAY)
    moved, twice = await _asleep(shop, campaign, 2)
    await shop.reserve(moved, 2, day=TODAY + 5 * _DAY, replaces=1)
    await shop.reserve(moved, 3, day=TODAY, replaces=2)
    await shop.reserve(twice, 2, day=TODAY + 6 * _DAY, replaces=1)
    earlier = await shop.save(_ending(campaign, NOW + _DAY))
    ends = MovedEnds(PostgresCampaignRuns(database), RememberingOutreaches())
    assert await ends.close_behind(_change(earlier)) == 1
    assert await _states(shop, [moved, twice]) == "sb"


@pytest.mark.parametrize("end", [NOW + 8 * _DAY, None])
async def test_an_end_that_is_moved_between_two_pages_counts(shop, database, end):
    campaign = await shop.campaign(end_date=NOW + 9 * _DAY)
    refs = await _asleep(shop, campaign, 3)
    await shop.save(_ending(campaign, NOW + _DAY))
    runs = PostgresCampaignRuns(database, swept_at_once=1)
    first = await runs.close_behind_end(_ref(campaign), Place.at(NOW + _DAY), NOW)
    assert first.last is not None
    await shop.save(_ending(campaign, end))
    second = await runs.close_behind_end(_ref(campaign), first.last, NOW)
    assert (len(first.closed), second.closed, second.last) == (1, (), None)
    assert await _states(shop, refs) == "bss"


async def _close_behind_end(runs: PostgresCampaignRuns, campaign: Campaign) -> int:
    return len(
        (await runs.close_behind_end(_ref(campaign), Place.at(NOW + _DAY), NOW + _DAY)).closed
    )


async def _sweep_as_expired(runs: PostgresCampaignRuns, campaign: Campaign) -> int:
    return (await runs.sweep(_ref(campaign), _EXPIRED, None, NOW + _DAY)).ended


_EXPIRED = Sweep(
    states=[OutreachState.SCHEDULED], state=OutreachState.BLOCKED, reason=ExitReason.EXPIRED
)


@pytest.mark.parametrize("close", [_close_behind_end, _sweep_as_expired])
@pytest.mark.parametrize("end", [NOW + 8 * _DAY, None, NOW + _DAY])
async def test_an_end_that_is_moved_while_a_page_waits_counts(shop, database, close, end):
    campaign = await shop.campaign(end_date=NOW + 9 * _DAY)
    (message,) = await _asleep(shop, campaign, 1)
    await shop.save(_ending(campaign, NOW + _DAY))
    async with database.transaction() as connection:
        await connection.execute(_LOCK_MESSAGE, {"message_id": message.message_id})
        closing = asyncio.create_task(close(PostgresCampaignRuns(database), campaign))
        await eventually(partial(_a_statement_waits, database), "it waits for the message")
        await shop.save(_ending(campaign, end))
    assert await closing == (end == NOW + _DAY)
    await assert_nothing_left_behind(database, shop.tenant_id)


@pytest.mark.parametrize("attempt", range(3))
async def test_of_sends_that_race_with_an_earlier_end_none_is_asleep_behind_it(
    shop, database, attempt
):
    campaign = await shop.campaign(end_date=NOW + 9 * _DAY)
    refs = [await shop.message(campaign, f"person {n}") for n in range(60)]
    ends = MovedEnds(PostgresCampaignRuns(database, swept_at_once=7), RememberingOutreaches())

    async def save() -> int:
        await asyncio.gather(*(shop.reserve(ref, day=_LATER) for ref in refs[: 10 * attempt]))
        return await ends.close_behind(_change(await shop.save(_ending(campaign, NOW + _DAY))))

    await asyncio.gather(save(), *(shop.reserve(ref, day=_LATER) for ref in refs[10 * attempt :]))
    assert "s" not in await _states(shop, refs)
    await assert_nothing_left_behind(database, shop.tenant_id)
