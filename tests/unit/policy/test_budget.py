from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madan_sara.contracts.outreach import ExitReason
from madan_sara.policy import budget
from madan_sara.policy.budget import Account, AccountScope


def account(
    scope: AccountScope = AccountScope.CAMPAIGN,
    limit: int | None = None,
    held: int = 0,
    spent: int = 0,
    messages: int | None = None,
    count: int = 0,
) -> Account:
    return Account(scope, f"key of {scope}", limit, held, spent, messages, count)


def decide_reservation(accounts: Any, price: int) -> Any:
    return budget.decide_reservation(accounts, price)


limits = st.none() | st.integers(0, 50)
accounts = st.lists(
    st.builds(
        account,
        st.sampled_from(AccountScope),
        limits,
        st.integers(0, 30),
        st.integers(0, 30),
        limits,
        st.integers(0, 60),
    ),
    max_size=4,
)


def test_remaining():
    assert account(limit=10, held=3, spent=4).remaining_micros == 3
    assert account(limit=1, spent=4).remaining_micros == -3
    assert account(spent=4).remaining_micros is None


def test_exactly_the_rest_is_affordable():
    assert decide_reservation([account(limit=10, held=3, spent=2)], 5) is None
    block = decide_reservation([account(limit=10, held=3, spent=2)], 6)
    assert block.reason is ExitReason.BUDGET_EXCEEDED


def test_amounts_are_plain_decimals():
    rich = account(AccountScope.CHANNEL, limit=50_000_000_000_000, spent=49_999_999_999_999)
    assert decide_reservation([rich], 10_000_000_000_000).details == {
        "remaining_budget": "0.000001",
        "price": "10000000",
        "limit": "50000000",
        "scope": "channel",
        "key": "key of channel",
    }


def test_daily_limit():
    day = account(AccountScope.DAY, messages=45, count=45)
    block = decide_reservation([day], 0)
    assert block.reason is ExitReason.DAILY_LIMIT
    assert block.details == {
        "daily_limit": 45,
        "messages_sent_today": 45,
        "remaining_today": 0,
        "day": "key of day",
    }
    assert decide_reservation([account(AccountScope.DAY, messages=45, count=44)], 0) is None


def test_order_of_the_rules():
    everything = [account(scope, limit=0, messages=0) for scope in reversed(AccountScope)]
    assert decide_reservation(everything, 1).details["scope"] == "campaign"
    assert decide_reservation(everything[:2], 1).details["scope"] == "channel"
    assert decide_reservation(everything[:1], 1).details["scope"] == "day"
    assert decide_reservation(everything, 0).reason is ExitReason.DAILY_LIMIT


def test_a_lowered_limit_shows_nothing_left():
    block = decide_reservation([account(limit=1, spent=4)], 1)
    assert block.details["remaining_budget"] == "0"
    assert decide_reservation([account(limit=1, spent=4)], 0) is None


def test_a_negative_price_is_an_error():
    with pytest.raises(ValueError, match="-1 micro-units"):
        decide_reservation([], -1)


@given(accounts, st.integers(0, 40))
@settings(max_examples=120, deadline=None)
def test_no_limit_is_ever_exceeded(booked, price):
    block = decide_reservation(booked, price)
    fits = all(
        a.limit_micros is None
        or price == 0
        or a.held_micros + a.spent_micros + price <= a.limit_micros
        for a in booked
    )
    counts = all(a.message_limit is None or a.message_count + 1 <= a.message_limit for a in booked)
    assert (block is None) == (fits and counts)
    if block is not None:
        assert (block.reason is ExitReason.BUDGET_EXCEEDED) == (not fits)
    if not fits:
        assert Decimal(block.details["remaining_budget"]) < Decimal(block.details["price"])


END = datetime(2030, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ends_at", "late", "is_held"),
    [(END, -1, True), (END, 0, False), (END, 1, False), (None, 1, True)],
)
def test_no_money_is_held_for_a_send_that_is_due_when_its_campaign_is_over(ends_at, late, is_held):
    block = budget.decide_due(ends_at, END + timedelta(microseconds=late))
    assert (block is None) is is_held
    if block is not None:
        assert (block.reason, block.details) == (ExitReason.EXPIRED, {"end_date": END.isoformat()})
