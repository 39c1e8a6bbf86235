"""A campaign's recipient takes the first day with room, however many days before it are full."""

from datetime import date, timedelta

from sqlalchemy import text

from madan_sara.contracts.outreach import ExitReason
from madan_sara.persistence.budget import PostgresBudgetLedger
from tests.integration.persistence.shop import NOW, TODAY
from tests.integration.persistence.test_decision import decide

_FULL_DAY = text("""
INSERT INTO budget_accounts (tenant_id, campaign_id, scope, key, message_limit, message_count)
VALUES (:tenant_id, :campaign_id, 'day', :day, 1, 1)
""")


class CountingLedger(PostgresBudgetLedger):
    """Counts the reservations it was asked for."""

    asked = 0

    async def reserve(self, reservation, day, decide):
        self.asked += 1
        return await super().reserve(reservation, day, decide)


def _day(number: int) -> date:
    """The day so many days from today."""
    return TODAY + timedelta(days=number)


async def _fill(shop, campaign, numbers) -> None:
    """Have the messages of some days used up."""
    key = {"tenant_id": shop.tenant_id, "campaign_id": campaign.id}
    async with shop.database.transaction() as connection:
        for number in numbers:
            await connection.execute(_FULL_DAY, {**key, "day": _day(number).isoformat()})


async def test_a_year_of_full_days_takes_no_more_steps_than_one(shop):
    """With a step for each day, the time of an activity would not do."""
    campaign = await shop.campaign(daily_limit=1)
    await _fill(shop, campaign, [*range(200), *range(201, 366)])
    ledger = CountingLedger(shop.database)

    decisions = [
        await decide(shop.database, await shop.message(campaign, name), ledger, sequence_number=n)
        for n, name in enumerate(["ana", "ben"])
    ]

    assert [d.held.plan.campaign_day for d in decisions] == [_day(200), _day(366)]
    assert ledger.asked == 4


async def test_where_the_campaign_ends_before_a_day_with_room_its_recipient_expires(shop):
    campaign = await shop.campaign(daily_limit=1, end_date=NOW + timedelta(days=30))
    await _fill(shop, campaign, range(31))
    decision = await decide(shop.database, await shop.message(campaign), sequence_number=0)
    assert (decision.held, decision.block.reason) == (None, ExitReason.EXPIRED)


async def test_a_day_that_fills_up_behind_the_look_is_followed_by_the_next(shop):
    class Overtaken(CountingLedger):
        async def days(self, ref, first):
            days = await super().days(ref, first)
            if self.asked == 1:
                await _fill(shop, campaign, [3])
            return days

    campaign = await shop.campaign(daily_limit=1)
    await _fill(shop, campaign, [0, 1, 2])
    ledger = Overtaken(shop.database)
    ref = await shop.message(campaign)
    decision = await decide(shop.database, ref, ledger, sequence_number=0)
    assert decision.held.plan.campaign_day == _day(4)
    assert ledger.asked == 3


async def test_a_day_without_the_money_for_a_message_is_as_full_as_one_without_messages(shop):
    settings = {"prices": {"chat": 1}}
    campaign = await shop.campaign(daily_spend_limit=1, channels=["chat"], settings=settings)
    ledger = CountingLedger(shop.database)
    decisions = [
        await decide(shop.database, await shop.message(campaign, name), ledger, sequence_number=n)
        for n, name in enumerate(["ana", "ben", "eve"])
    ]
    assert [d.held.plan.campaign_day for d in decisions] == [_day(0), _day(1), _day(2)]
    assert ledger.asked == 5
