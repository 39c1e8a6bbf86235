from datetime import date, timedelta
from decimal import Decimal

import pytest

from madan_sara.contracts.campaign import ChannelBudget
from madan_sara.contracts.channels import Channel
from madan_sara.policy.budget import Account, AccountScope
from madan_sara.policy.message_price import money_left, paid_prices, recent_costs
from tests.unit.policy.builders import NOW, campaign

TODAY = NOW.date()
EMAIL, SMS, CHAT = Channel.EMAIL, Channel.SMS, Channel.CHAT


def day(ago: int, messages: int, price: int, held: int = 0) -> dict[date, Account]:
    key = TODAY - timedelta(days=ago)
    spent = messages * price - held
    return {key: Account(AccountScope.DAY, key.isoformat(), None, held, spent, None, messages)}


def account(scope: AccountScope, key: str, limit: int | None, spent: int = 0) -> Account:
    return Account(scope, key, limit, 0, spent, None, 0)


def test_without_messages_the_list_counts():
    assert recent_costs({}, TODAY, 7500).price_micros(5000) == 5000


def test_what_messages_really_cost_soon_outweighs_the_list():
    costs = recent_costs(day(1, 1000, 2000, held=500), TODAY, 7500)
    assert costs.price_micros(7500) == pytest.approx(2000, rel=0.1)


def test_later_days_count_more_and_days_to_come_not_at_all():
    old_and_new = day(4, 100, 1000) | day(0, 100, 3000) | day(-1, 100, 7000)
    costs = recent_costs(old_and_new, TODAY, 7500)
    assert costs.micros / costs.messages == pytest.approx((1000 / 4 + 3000) / 1.25)


def test_the_list_is_forgotten_in_time_but_not_in_a_pause():
    few = [day(ago, 3, 1000) for ago in range(20)]
    booked = {key: account for one in few for key, account in one.items()}
    assert recent_costs(booked, TODAY, 7500).price_micros(7500) == pytest.approx(1000, rel=0.02)
    later = TODAY + timedelta(days=30)
    assert recent_costs(booked, later, 7500) == recent_costs(booked, TODAY, 7500)


def test_money_booked_by_hand_is_not_taken_for_a_price():
    costs = recent_costs(day(0, 1, 50_000_000) | day(1, 100, 1000), TODAY, 7500)
    assert costs.price_micros(1000) < 1100


def test_enough_free_messages_are_free_against_the_price_list():
    assert recent_costs(day(0, 20, 0), TODAY, 7500).are_free
    assert not recent_costs(day(0, 19, 0), TODAY, 7500).are_free
    assert not recent_costs(day(0, 20, 0) | day(1, 1, 1000), TODAY, 7500).are_free


def test_paid_prices():
    assert paid_prices(campaign(channels=[SMS, CHAT, EMAIL])) == [1000, 7500]
    assert paid_prices(campaign(channels=[CHAT])) == []


@pytest.mark.parametrize(
    ("total", "email", "sms", "left"),
    [
        (None, None, None, None),
        (100, None, None, 90),
        (100, 20, None, 90),
        (100, 20, 30, 45),
        (None, 20, 30, 45),
        (50, 60, 60, 40),
        (5, None, None, 0),
    ],
)
def test_money_left(total, email, sms, left):
    accounts = [
        account(AccountScope.CAMPAIGN, "", total, 10),
        account(AccountScope.CHANNEL, "email", email, 5),
        account(AccountScope.CHANNEL, "sms", sms, 0),
        account(AccountScope.CHANNEL, "chat", None, 0),
        *day(0, 3, 1000).values(),
    ]
    mixed = campaign(
        channels=[EMAIL, SMS, CHAT],
        budget_per_channel={EMAIL: ChannelBudget(total=Decimal(1))},
    )
    assert money_left(mixed, accounts) == left


def test_one_exhausted_channel_does_not_eat_the_others_money():
    accounts = [
        account(AccountScope.CAMPAIGN, "", None),
        account(AccountScope.CHANNEL, "email", 5, 9),
        account(AccountScope.CHANNEL, "sms", 30),
    ]
    assert money_left(campaign(channels=[EMAIL, SMS]), accounts) == 30
