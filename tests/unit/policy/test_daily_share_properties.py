import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from madan_sara.contracts.money import from_micros
from madan_sara.policy import daily_share as policy_daily_share
from madan_sara.policy.budget import Account, AccountScope, decide_reservation
from madan_sara.policy.campaign_days import campaign_day
from tests.unit.policy.test_daily_share import CHAT, DAY, EMAIL, SMS, START, campaign, choose, sent

PRICES = {EMAIL: 1_000, SMS: 7_500}

facts = st.fixed_dictionaries(
    {
        "counts": st.lists(st.integers(0, 300), max_size=40),
        "price": st.integers(0, 9_000),
        "budget": st.integers(0, 3_000_000),
        "limit": st.none() | st.integers(0, 200),
        "spend_limit": st.none() | st.integers(0, 500_000),
        "duration": st.floats(0.05, 50),
        "on": st.floats(-2, 60),
        "present": st.none() | st.integers(0, 500),
        "queued": st.integers(0, 5_000),
    }
)


def from_facts(given_facts: dict[str, Any], **changes: Any) -> Any:
    f = {**given_facts, **changes}
    of = campaign(
        channels=[EMAIL, SMS, CHAT],
        budget_total=from_micros(f["budget"]),
        daily_limit=f["limit"],
        daily_spend_limit=None if f["spend_limit"] is None else from_micros(f["spend_limit"]),
        end_date=START + f["duration"] * DAY,
        settings=None,
    )
    return choose(
        of,
        sent(*f["counts"], price=f["price"]),
        on=f["on"],
        present=f["present"],
        queued=f["queued"],
    )


@given(facts)
@settings(max_examples=150, deadline=None)
def test_never_above_the_limit_and_never_negative(some):
    chosen = from_facts(some)
    if some["limit"] is not None and chosen.share is not None:
        assert chosen.share <= some["limit"]
    assert chosen.share is None or chosen.share >= 0
    assert chosen.reason


@given(facts, st.integers(1, 1_000_000))
@settings(max_examples=100, deadline=None)
def test_more_money_never_lowers_the_share(some, more):
    some["queued"] = max(some["queued"], 1)
    before, after = from_facts(some), from_facts(some, budget=some["budget"] + more)
    assert (before.share is None) == (after.share is None)
    assert before.share is None or before.share <= after.share


@given(facts, st.integers(1, 200))
@settings(max_examples=100, deadline=None)
def test_a_limit_lowers_the_share_only_as_far_as_it_must(some, limit):
    """Near its limit a campaign runs ahead of the need, never behind it."""
    some["queued"] = max(some["queued"], 1)
    free = from_facts(some, limit=None, present=None).share
    limited = from_facts(some, limit=limit, present=None).share
    rounding = 10
    assert free is None or limited >= min(free - rounding, limit)


@given(facts, st.integers(1, 20))
@settings(max_examples=100, deadline=None)
def test_a_later_end_never_raises_the_share_of_a_day_that_others_follow(some, more):
    whole = {**some, "duration": float(int(some["duration"]) + 2), "present": None, "queued": 9_999}
    whole["on"] = min(max(some["on"], 0), whole["duration"] - 2)
    before = from_facts(whole).share
    after = from_facts(whole, duration=whole["duration"] + more).share
    assert before is None or after <= before


@given(facts)
@settings(max_examples=100, deadline=None)
def test_a_share_that_was_not_held_back_is_kept_when_asked_again(some):
    some["queued"] = max(some["queued"], 1)
    first = from_facts(some, present=None)
    assert from_facts(some, present=first.share).share == first.share


class Diary:
    """A campaign that does what it is asked each day, on days that differ."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.length = self.dice.randint(7, 30)
        pace, self.sms_part = self.dice.uniform(20, 80), self.dice.random()
        budget = int(pace * self.length * (1_000 + self.sms_part * 6_500))
        self.campaign = campaign(
            channels=[EMAIL, SMS],
            budget_total=from_micros(budget),
            end_date=START + self.length * DAY,
        )
        self.whole: Any = Account(AccountScope.CAMPAIGN, "", budget, 0, 0, None, 0)
        self.days: list[Account] = []
        self.share: int | None = None

    def live_through(self) -> None:
        blocked = self.dice.uniform(0, 0.3)
        lost_day = self.dice.randint(1, self.length - 3)
        for number in range(self.length):
            now = START + number * DAY
            self.share = policy_daily_share.daily_share(
                self.campaign, [self.whole, *self.days], present=self.share, queued=9_999, now=now
            ).share
            if number != lost_day:
                self.days.append(self.day(number, blocked))

    def day(self, number: int, blocked: float) -> Account:
        key = campaign_day(self.campaign, START + number * DAY).isoformat()
        account = Account(AccountScope.DAY, key, None, 0, 0, self.share, 0)
        sms_part = self.sms_part * self.dice.uniform(0.8, 1.2)
        while self.whole.remaining_micros >= PRICES[EMAIL]:
            if self.dice.random() < blocked:
                continue
            price = PRICES[SMS if self.dice.random() < sms_part else EMAIL]
            block = decide_reservation([self.whole, account], price)
            if block is None:
                self.whole, account = booked(self.whole, price), booked(account, price)
            elif block.reason == "daily_limit" or self.whole.remaining_micros < PRICES[SMS]:
                break
        return account


def booked(account: Account, price: int) -> Account:
    spent, count = account.spent_micros + price, account.message_count + 1
    return Account(
        account.scope, account.key, account.limit_micros, 0, spent, account.message_limit, count
    )


@given(st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_followed_each_day_it_ends_between_97_and_100_percent(seed):
    diary = Diary(seed)
    diary.live_through()
    spent, budget = diary.whole.spent_micros, diary.whole.limit_micros
    assert spent <= budget
    # Of what is below one message of the dearer channel nothing can be demanded.
    assert spent >= 0.97 * budget - PRICES[SMS]
    paid_on = [day.key for day in diary.days if day.message_count]
    assert len(diary.days) - len(paid_on) <= 1  # The money lasts to the last day but one at least.
