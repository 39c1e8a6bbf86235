"""The ledger under many hands."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from functools import partial
from uuid import uuid4

import pytest
from sqlalchemy import text

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.decision import RoutingDecision
from madan_sara.contracts.delivery import AttemptState
from madan_sara.contracts.errors import OverLimitError
from madan_sara.contracts.outreach import (
    AttemptUnderWay,
    ConcludeResult,
    ExitReason,
    OutreachState,
    ReleaseInput,
)
from madan_sara.policy.budget import AccountScope, decide_spend
from madan_sara.policy.ledger import AccountKey, Balance
from tests.integration.persistence.shop import NOW, TODAY
from tests.ledger import (
    assert_accounts_balance,
    assert_nothing_left_behind,
    money,
    sums_of_entries,
)
from tests.waiting import eventually

TOMORROW = TODAY + timedelta(days=1)


async def test_two_hundred_concurrent_holds_fill_a_budget_exactly(shop):
    campaign = await shop.campaign(budget_total=Decimal("60.999999"))
    refs = [await shop.message(campaign, f"person {n}") for n in range(200)]

    results = await asyncio.gather(*(shop.reserve(ref) for ref in refs))

    assert sum(result.block is None for result in results) == 60
    reasons = {result.block.reason for result in results if result.block}
    assert reasons == {ExitReason.BUDGET_EXCEEDED}
    await assert_accounts_balance(shop.database, shop.tenant_id)


async def test_a_hold_run_again_gives_its_first_answer(shop):
    campaign = await shop.campaign(budget_total=1)
    ref = await shop.message(campaign)
    first = await shop.reserve(ref)

    assert [(await shop.reserve(ref)).held for _ in range(3)] == [first.held] * 3
    await shop.settle(ref)

    assert (await shop.reserve(ref)).held == first.held
    await assert_nothing_left_behind(shop.database, shop.tenant_id)


@pytest.mark.parametrize(
    "changes",
    [{"channel": Channel.SMS}, {"day": TOMORROW}, {"price": 250_000}],
    ids=["channel", "day", "price"],
)
async def test_a_hold_run_again_says_what_is_held_whatever_is_asked_for_now(shop, changes):
    """The worker died before the answer, and the step was planned anew with other facts."""
    ref = await shop.message(await shop.campaign(channels=["chat", "sms"]))
    first = await shop.reserve(ref)

    again = await shop.reserve(ref, **changes)

    assert again.held == first.held
    assert again.routing == RoutingDecision(
        channel=Channel.CHAT, assessments=[], policy_version="test"
    )
    assert (await shop.requests.request(ref)).scheduled_at == first.held.plan.scheduled_at
    await assert_accounts_balance(shop.database, shop.tenant_id)


@pytest.mark.parametrize("round_no", range(10))
async def test_twins_that_hold_the_last_money_agree(shop, round_no):
    campaign = await shop.campaign(budget_total=1, daily_limit=1)
    earlier, ref = await shop.message(campaign, "ben"), await shop.message(campaign)
    await shop.reserve(earlier)
    await shop.release(earlier)

    results = await asyncio.gather(*(shop.reserve(ref) for _ in range(5)))

    assert [result.block for result in results] == [None] * 5
    await assert_accounts_balance(shop.database, shop.tenant_id)


async def test_a_hold_that_replaces_another_moves_between_days(shop):
    campaign = await shop.campaign(budget_total=1, daily_limit=1, daily_spend_limit=1)
    ref = await shop.message(campaign)
    await shop.reserve(ref, 1, day=TODAY)

    moved = await shop.reserve(ref, 2, day=TOMORROW, replaces=1)

    assert moved.block is None
    sums = await sums_of_entries(shop.database, shop.tenant_id)
    assert sums[AccountKey(campaign.id, AccountScope.DAY, TODAY.isoformat())] == Balance()
    assert sums[AccountKey(campaign.id, AccountScope.DAY, TOMORROW.isoformat())] == Balance(
        held_micros=1_000_000, messages=1
    )
    assert sums[AccountKey(campaign.id, AccountScope.CAMPAIGN, "")] == Balance(
        held_micros=1_000_000, messages=1
    )
    await assert_accounts_balance(shop.database, shop.tenant_id)


async def test_a_move_within_a_full_day_takes_its_own_place(shop):
    campaign = await shop.campaign(budget_total=1, daily_limit=1)
    ref = await shop.message(campaign)
    await shop.reserve(ref, 1)

    assert (await shop.reserve(ref, 2, replaces=1)).block is None
    assert (await shop.reserve(ref, 3, replaces=2)).block is None

    await shop.settle(ref, 3)
    await assert_nothing_left_behind(shop.database, shop.tenant_id)


async def test_a_move_that_does_not_fit_leaves_the_hold_where_it_is(shop):
    campaign = await shop.campaign(daily_limit=1)
    other, ref = await shop.message(campaign, "ben"), await shop.message(campaign)
    await shop.reserve(other, day=TOMORROW)
    await shop.reserve(ref, day=TODAY)

    refused = await shop.reserve(ref, 2, day=TOMORROW, replaces=1)

    assert refused.block is not None
    assert refused.block.reason is ExitReason.DAILY_LIMIT
    sums = await sums_of_entries(shop.database, shop.tenant_id)
    assert sums[AccountKey(campaign.id, AccountScope.DAY, TODAY.isoformat())] == Balance(
        held_micros=1_000_000, messages=1
    )
    await assert_accounts_balance(shop.database, shop.tenant_id)


async def test_moves_in_opposite_directions_do_not_wait_for_each_other(shop):
    campaign = await shop.campaign()
    refs = [await shop.message(campaign, f"person {n}") for n in range(20)]
    days = [TODAY, TOMORROW]
    channels = [Channel.CHAT, Channel.SMS]
    await asyncio.gather(
        *(shop.reserve(ref, day=days[n % 2], channel=channels[n % 2]) for n, ref in enumerate(refs))
    )

    await asyncio.gather(
        *(
            shop.reserve(ref, 2, day=days[1 - n % 2], channel=channels[1 - n % 2], replaces=1)
            for n, ref in enumerate(refs)
        )
    )

    await assert_accounts_balance(shop.database, shop.tenant_id)


async def test_an_ended_message_takes_no_new_hold(shop):
    campaign = await shop.campaign(budget_total=5)
    ref = await shop.message(campaign)
    await shop.reserve(ref)
    await shop.conclude(ref)

    anew, moved = await shop.reserve(ref, 2), await shop.reserve(ref, 3, replaces=1)

    assert anew.block is not None
    assert moved.block is not None
    await assert_nothing_left_behind(shop.database, shop.tenant_id)


async def test_each_end_is_booked_once_however_often_it_runs(shop):
    campaign = await shop.campaign(budget_total=5)
    sent, refused, cancelled = [await shop.message(campaign, name) for name in "abc"]
    for ref in (sent, refused, cancelled):
        await shop.reserve(ref)
    assert await shop.attempts.open_attempt(cancelled, 1, Channel.CHAT, "p", NOW, openings_before=0)
    await shop.attempts.record_attempt(
        cancelled, 1, AttemptState.NOT_SENT, NOW, openings=1, tries=1
    )

    for _ in range(3):
        await shop.settle(sent)
        await shop.release(refused)
        await shop.conclude(cancelled)
    await shop.release(sent)
    await shop.conclude(sent)
    await shop.settle(cancelled)
    for ref in (sent, cancelled):
        await shop.attempts.record_attempt(ref, 1, AttemptState.ACCEPTED, NOW, openings=1, tries=1)

    sums = await sums_of_entries(shop.database, shop.tenant_id)
    assert sums[AccountKey(campaign.id, AccountScope.CAMPAIGN, "")] == Balance(
        spent_micros=1_000_000, messages=1
    )
    assert (await shop.requests.request(sent)).state is OutreachState.SENT
    assert (await shop.requests.request(cancelled)).state is OutreachState.CANCELLED
    await assert_nothing_left_behind(shop.database, shop.tenant_id)


async def test_the_price_of_an_attempt_that_may_be_out_is_not_given_back(shop):
    """A task that was lost has handed it over, and its channel is given up by the next one."""
    ref = await shop.message(await shop.campaign(budget_total=5))
    await shop.reserve(ref)
    assert await shop.attempts.open_attempt(ref, 1, Channel.CHAT, "p", NOW, openings_before=0)
    release = ReleaseInput(ref=ref, attempt_no=1, now=NOW)

    kept = await shop.ledger.release(release)

    assert kept.under_way == AttemptUnderWay(attempt_no=1, channel=Channel.CHAT)
    assert await money(shop.database, shop.tenant_id) == (1_000_000, 0, 1)
    await shop.attempts.record_attempt(ref, 1, AttemptState.REFUSED, NOW, openings=1, tries=1)
    assert (await shop.ledger.release(release)).under_way is None
    assert await money(shop.database, shop.tenant_id) == (0, 0, 0)


async def test_the_hold_of_an_attempt_that_may_be_out_is_not_replaced(shop):
    ref = await shop.message(await shop.campaign(budget_total=5))
    await shop.reserve(ref)
    assert await shop.attempts.open_attempt(ref, 1, Channel.CHAT, "p", NOW, openings_before=0)

    moved = await shop.reserve(ref, 2, replaces=1)

    assert moved.held is None
    assert await money(shop.database, shop.tenant_id) == (1_000_000, 0, 1)


async def test_a_message_that_may_be_out_is_not_ended_unsent(shop):
    """A task that was lost has handed it over: its attempt is looked into first."""
    ref = await shop.message(await shop.campaign(budget_total=5))
    await shop.reserve(ref)
    assert await shop.attempts.open_attempt(ref, 1, Channel.CHAT, "p", NOW, openings_before=0)

    left = await shop.conclude(ref)

    assert left.state is OutreachState.SENDING
    assert left.under_way == AttemptUnderWay(attempt_no=1, channel=Channel.CHAT)
    await shop.attempts.close_attempt(ref, 1, Channel.CHAT, NOW)
    assert await shop.conclude(ref) == ConcludeResult(state=OutreachState.UNKNOWN)


async def test_of_two_attempts_that_may_be_out_an_end_names_the_first(shop):
    ref = await shop.message(await shop.campaign(budget_total=5))
    for attempt_no in (1, 2):
        await shop.reserve(ref, attempt_no)
        assert await shop.attempts.open_attempt(
            ref, attempt_no, Channel.CHAT, "p", NOW, openings_before=0
        )

    left = await shop.conclude(ref)

    assert left.under_way == AttemptUnderWay(attempt_no=1, channel=Channel.CHAT)


@pytest.mark.parametrize("round_no", range(10))
async def test_racing_ends_book_one_of_them(shop, round_no):
    campaign = await shop.campaign(budget_total=1)
    ref = await shop.message(campaign)
    await shop.reserve(ref)

    ends = (shop.settle(ref), shop.release(ref), shop.conclude(ref), shop.settle(ref))
    await asyncio.gather(*ends)

    await shop.conclude(ref)
    await assert_nothing_left_behind(shop.database, shop.tenant_id)


async def test_money_spent_elsewhere_is_no_message_of_the_day(shop):
    campaign = await shop.campaign(daily_limit=1, daily_spend_limit=Decimal("1.5"))
    for _ in range(3):
        await shop.ledger.spend(campaign, Channel.CHAT, TODAY, 100_000, uuid4(), NOW, decide_spend)

    assert (await shop.reserve(await shop.message(campaign))).block is None

    # A day without a message left still takes money, as much as it has.
    await shop.ledger.spend(campaign, Channel.CHAT, TODAY, 200_000, uuid4(), NOW, decide_spend)
    with pytest.raises(OverLimitError, match=r"budget_exceeded: remaining_budget 0, "):
        await shop.ledger.spend(campaign, Channel.CHAT, TODAY, 1, uuid4(), NOW, decide_spend)
    sums = await sums_of_entries(shop.database, shop.tenant_id)
    assert sums[AccountKey(campaign.id, AccountScope.DAY, TODAY.isoformat())].messages == 1
    await assert_accounts_balance(shop.database, shop.tenant_id)


async def test_money_spent_elsewhere_is_booked_once_and_within_the_limit(shop):
    campaign = await shop.campaign(budget_total=2)
    booking = campaign.id
    for _ in range(2):
        await shop.ledger.spend(
            campaign, Channel.CHAT, TODAY, 1_500_000, booking, NOW, decide_spend
        )
    ref = await shop.message(campaign)

    blocked = await shop.reserve(ref)

    assert blocked.block is not None
    assert blocked.block.details["remaining_budget"] == "0.5"
    await assert_accounts_balance(shop.database, shop.tenant_id)


async def test_a_hold_in_place_of_one_that_was_given_back_gives_nothing_back_twice(shop):
    """The release was stored, and the workflow that asked for it was lost before it knew."""
    ref = await shop.message(await shop.campaign(budget_total=1))
    await shop.reserve(ref)
    await shop.ledger.release(ReleaseInput(ref=ref, attempt_no=1, now=NOW))

    moved = await shop.reserve(ref, 2, day=TOMORROW, replaces=1)

    assert moved.held is not None
    await assert_accounts_balance(shop.database, shop.tenant_id)


async def test_a_hold_run_again_after_another_has_replaced_it_names_that_one(shop):
    ref = await shop.message(await shop.campaign())
    await shop.reserve(ref)
    replaced = await shop.reserve(ref, 2, day=TOMORROW, replaces=1)

    assert (await shop.reserve(ref)).held == replaced.held


async def test_twins_that_wait_for_the_same_accounts_hold_together(shop, database):
    campaign = await shop.campaign()
    ref = await shop.message(campaign)
    async with database.transaction() as connection:
        await connection.execute(_LOCK_ACCOUNTS, {"tenant_id": shop.tenant_id})
        twins = [asyncio.create_task(shop.reserve(ref)) for _ in range(2)]
        await eventually(partial(_two_statements_wait, database), "both wait")

    first, second = await asyncio.gather(*twins)
    assert first.block is second.block is None
    assert first.held == second.held
    await assert_accounts_balance(shop.database, shop.tenant_id)


_LOCK_ACCOUNTS = text("SELECT 1 FROM budget_accounts WHERE tenant_id = :tenant_id FOR UPDATE")
_WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()")


async def _two_statements_wait(database) -> bool:
    async with database.statement() as connection:
        return bool((await connection.execute(_WAITING)).scalar_one() >= 2)
