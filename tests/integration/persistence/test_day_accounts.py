"""A day's account has its campaign's limits, also when it is opened beside a change of them."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from functools import partial
from uuid import uuid4

import pytest
from sqlalchemy import text

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.persistence.accounts import open_day
from madan_sara.policy.budget import decide_spend
from tests.integration.persistence.shop import NOW, TODAY
from tests.ledger import assert_accounts_balance
from tests.waiting import eventually

_LOCK_CHANNEL_ACCOUNTS = text("""
SELECT FROM budget_accounts WHERE campaign_id = :campaign_id AND scope = 'channel' FOR UPDATE
""")
_LIMITS = text("""
SELECT a.limit_micros, a.message_limit FROM budget_accounts a
 WHERE a.campaign_id = :campaign_id AND a.scope = 'day'
""")
_WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()")


async def _waiting(database) -> int:
    async with database.statement() as connection:
        return int((await connection.execute(_WAITING)).scalar_one())


async def _day_limits(database, campaign) -> set[tuple[int | None, int | None]]:
    async with database.statement() as connection:
        rows = await connection.execute(_LIMITS, {"campaign_id": campaign.id})
        return {tuple(row) for row in rows}


async def _set(shop, campaign, **limits) -> None:
    await shop.campaigns.change(
        shop.tenant_id,
        campaign.id,
        lambda present: present.model_copy(update=limits),
        NOW,
        kind="limits_set",
        details="{}",
    )


async def _reserve(shop, campaign) -> None:
    ref = await shop.message(campaign, uuid4().hex)
    await shop.reserve(ref, channel=Channel.CHAT)


async def _spend(shop, campaign) -> None:
    await shop.ledger.spend(campaign, Channel.CHAT, TODAY, 1, uuid4(), NOW, decide_spend)


async def _look(shop, campaign) -> None:
    await shop.ledger.accounts(campaign, Channel.CHAT, TODAY)


#: Everything that meets a day's account for the first time.
FIRST_OF_THE_DAY = pytest.mark.parametrize("first", [_reserve, _spend, _look])


@FIRST_OF_THE_DAY
async def test_a_day_met_while_its_limits_are_lowered_has_the_lower_ones(shop, database, first):
    campaign = await shop.campaign(channels=["chat"], daily_limit=50, daily_spend_limit=50)
    async with database.transaction() as connection:
        # The change has written the campaign, and waits before it comes to the days.
        await connection.execute(_LOCK_CHANNEL_ACCOUNTS, {"campaign_id": campaign.id})
        changing = asyncio.create_task(
            _set(shop, campaign, daily_limit=10, daily_spend_limit=Decimal(10))
        )
        await eventually(partial(_waiting, database), "the change is halfway")
        meeting = asyncio.create_task(first(shop, campaign))

        async def _met_or_waits() -> bool:
            return meeting.done() or await _waiting(database) > 1

        await eventually(_met_or_waits, "it has met the day, or waits for the change")
    await asyncio.gather(changing, meeting)

    await _reserve(shop, campaign)
    assert await _day_limits(database, campaign) == {(10_000_000, 10)}
    await assert_accounts_balance(database, shop.tenant_id)


async def test_limits_lowered_while_a_day_is_being_opened_reach_it(shop, database):
    campaign = await shop.campaign(daily_limit=50)
    key = {"tenant_id": shop.tenant_id, "campaign_id": campaign.id, "day": TODAY.isoformat()}
    async with database.transaction() as connection:
        await open_day(connection, key)
        changing = asyncio.create_task(_set(shop, campaign, daily_limit=10))
        await eventually(partial(_waiting, database), "the change waits for the day")
    await changing

    assert await _day_limits(database, campaign) == {(None, 10)}


@pytest.mark.parametrize("round_no", range(5))
async def test_no_race_of_limits_with_first_sends_leaves_a_day_the_old_limit(
    shop, database, round_no
):
    campaign = await shop.campaign(channels=["chat"], daily_limit=50, timezone="UTC")
    refs = [await shop.message(campaign, f"person {n}") for n in range(20)]
    looks = (_look(shop, campaign) for _ in range(5))
    spends = (_spend(shop, campaign) for _ in range(5))
    sends = (shop.reserve(ref) for ref in refs)

    done = await asyncio.gather(
        *looks,
        *spends,
        _set(shop, campaign, daily_limit=10, timezone="America/Port-au-Prince"),
        *sends,
        return_exceptions=True,
    )

    refused = [violation for violation in done if isinstance(violation, BaseException)]
    assert all(isinstance(violation, InvalidRequestError) for violation in refused), refused
    saved = (await shop.campaigns.load(shop.tenant_id, campaign.id)).campaign
    assert saved.daily_limit == (50 if refused else 10)
    assert await _day_limits(database, campaign) == {(None, saved.daily_limit)}
    await assert_accounts_balance(database, shop.tenant_id)


async def test_a_look_at_a_day_opens_nothing(shop, database):
    campaign = await shop.campaign(daily_limit=7, daily_spend_limit=Decimal("0.5"))
    tomorrow = TODAY + timedelta(days=1)

    accounts = await shop.ledger.accounts(campaign, Channel.CHAT, tomorrow)

    (day,) = (account for account in accounts if account.scope == "day")
    assert (day.key, day.limit_micros, day.message_limit) == (tomorrow.isoformat(), 500_000, 7)
    assert (day.held_micros, day.spent_micros, day.message_count) == (0, 0, 0)
    assert await _day_limits(database, campaign) == set()
