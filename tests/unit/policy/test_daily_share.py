from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from madan_sara.contracts.campaign import Campaign, ChannelBudget
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.money import to_micros
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.policy import daily_share as policy_daily_share
from madan_sara.policy.budget import Account, AccountScope
from madan_sara.policy.pacing import PaceRecommendation
from tests.unit.policy import builders

#: A Monday; days without quiet hours, so that a half day is half.
START = datetime(2026, 11, 2, tzinfo=UTC)
DAY = timedelta(days=1)
RULES = OrchestratorSettings(quiet_hours=None)
EMAIL, SMS, CHAT = Channel.EMAIL, Channel.SMS, Channel.CHAT


def campaign(**changes: Any) -> Campaign:
    """Thirty days, and by mail alone money for 290 messages: ten a day with one in reserve."""
    return builders.campaign(
        **{
            "channels": [EMAIL],
            "budget_total": Decimal("0.29"),
            "start_date": START,
            "end_date": START + 30 * DAY,
            "settings": RULES,
            **changes,
        }
    )


def sent(*counts: int, price: int = 1_000) -> list[Account]:
    """Accounts of the first days of the campaign."""
    return [
        Account(
            AccountScope.DAY, f"{START + n * DAY:%Y-%m-%d}", None, 0, count * price, None, count
        )
        for n, count in enumerate(counts)
    ]


def choose(
    of: Campaign,
    days: list[Account] | None = None,
    *,
    on: float = 0,
    present: int | None = None,
    queued: int = 100_000,
) -> Any:
    days = days or []
    limit = None if of.budget_total is None else to_micros(of.budget_total)
    spent = sum(day.spent_micros for day in days)
    whole = Account(AccountScope.CAMPAIGN, "", limit, 0, spent, None, 0)
    now = START + on * DAY
    return policy_daily_share.daily_share(
        of, [whole, *days], present=present, queued=queued, now=now
    )


def test_the_need_of_a_day_is_the_money_left_over_the_days_left():
    first = choose(campaign())
    assert first.share == 10
    assert first.reason == (
        "0.29 left pays for 290 messages at 0.001, beside 0 held or sent from today on; "
        "planned over 29.0 of the 30.0 days left: 10 today"
    )
    assert first.recommendation is PaceRecommendation.MAINTAIN_PACE


def test_it_is_the_formula_of_the_recommendation_for_an_even_limit():
    """L * (1 - actual) / (1 - ideal), but for the day in reserve."""
    spent = sent(*[50] * 12)
    of = campaign(budget_total=Decimal("3.000"))
    even, actual, ideal = 100, Decimal("0.2"), Decimal("0.4")
    by_formula = even * (1 - actual) / (1 - ideal)
    assert choose(of, spent, on=12).share == pytest.approx(float(by_formula) * 18 / 17, abs=5)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"end_date": None}, "the campaign has no end that its budget should last to"),
        ({"budget_total": None}, "the campaign has no budget to spread over its days"),
        ({"channels": [CHAT]}, "its messages are free, so there is nothing to spread"),
    ],
)
def test_without_money_or_time_to_pace_by_the_limit_alone_holds(changes, reason):
    chosen = choose(campaign(daily_limit=7, **changes), present=5)
    assert (chosen.share, chosen.reason) == (None, reason)


def test_messages_that_turn_out_free_are_not_held_back():
    mixed = campaign(channels=[CHAT, SMS])
    assert choose(mixed, sent(30, price=0), on=1, present=3).share is None
    assert choose(mixed, sent(10, price=0), on=1, present=3).share is not None


def test_channel_budgets_are_paced_like_a_total():
    of = campaign(
        budget_total=None, budget_per_channel={EMAIL: ChannelBudget(total=Decimal("0.29"))}
    )
    accounts = [
        Account(AccountScope.CAMPAIGN, "", None, 0, 0, None, 0),
        Account(AccountScope.CHANNEL, "email", 290_000, 0, 0, None, 0),
    ]
    chosen = policy_daily_share.daily_share(of, accounts, present=None, queued=999, now=START)
    assert chosen.share == 10


def test_asked_again_later_in_the_day_it_says_the_same():
    assert choose(campaign(), sent(6), on=0.6).share == 10
    assert choose(campaign(), sent(10), on=0.9).share == 10


def test_what_is_booked_for_tomorrow_counts():
    assert choose(campaign(), sent(5, 5), on=0.6).share == 10


def test_before_the_start_the_first_day_is_chosen():
    assert choose(campaign(), on=-5).share == 10


def test_a_campaign_that_starts_late_in_the_day_has_part_of_it():
    late = campaign(start_date=START + 0.7 * DAY, end_date=START + 30.7 * DAY)
    assert choose(late, on=0.7).share == 3  # Three tenths of ten.
    assert choose(late, sent(3), on=1, present=3).share == 10


def test_an_end_in_the_small_hours_is_no_day():
    of = campaign(settings=None, end_date=START + 5 * DAY + timedelta(hours=8, minutes=30))
    last = choose(of, sent(50, 50, 50, 50), on=4, present=50)
    assert "it is the last day" in last.reason
    assert last.share == pytest.approx(90 * 1.25, abs=3)


def test_the_limit_is_never_exceeded_and_the_money_left_over_is_reported():
    tight = choose(campaign(daily_limit=5))
    assert (tight.share, tight.recommendation) == (5, PaceRecommendation.INCREASE_PACE)
    assert tight.reason.endswith(
        "10 today; the daily limits allow 5; "
        "unless the daily limits are raised, some 0.14 will be left over"
    )
    assert choose(campaign(daily_limit=0)).share == 0
    assert choose(campaign(daily_limit=54, budget_total=Decimal("2.9"))).share == 54


def test_little_room_below_the_limit_is_used_early():
    assert choose(campaign(daily_limit=20)).share == 10
    near = choose(campaign(daily_limit=15))
    assert (near.share, near.recommendation) == (12, PaceRecommendation.MAINTAIN_PACE)
    assert "sooner rather than later" in near.reason
    assert choose(campaign(daily_limit=12)).share == 12


def test_a_share_just_below_a_limit_that_is_needed_is_no_noise():
    days = sent(*[9] * 5)
    assert choose(campaign(daily_limit=10), days, on=5, present=9).share == 10


def test_the_daily_limit_on_money_counts_in_messages():
    of = campaign(daily_spend_limit=Decimal("0.004"))
    chosen = choose(of)
    assert (chosen.share, chosen.recommendation) == (5, PaceRecommendation.INCREASE_PACE)


@pytest.mark.parametrize(("present", "kept"), [(10, True), (11, True), (9, False), (12, False)])
def test_a_change_smaller_than_noise_is_not_made(present, kept):
    chosen = choose(campaign(), sent(*[10] * 9), on=9, present=present)
    assert chosen.share == (present if kept else 10)
    assert ("near enough and kept" in chosen.reason) == kept


def test_it_rises_by_half_at_most_while_there_is_time():
    raised = campaign(budget_total=Decimal("3.00"))
    slow = choose(raised, sent(*[10] * 10), on=10, present=10)
    assert slow.share == 15
    assert "raised by half in a day at most" in slow.reason


def test_it_leaps_where_there_is_no_time_or_nothing_is_known_yet():
    raised = campaign(budget_total=Decimal("3.00"))
    assert choose(raised, sent(10), on=1, present=10).share == 110
    assert choose(raised, sent(*[10] * 28), on=28, present=10).share > 1000


def test_it_falls_as_far_as_it_must():
    assert choose(campaign(), sent(*[14] * 20), on=20, present=14).share == 1


def test_a_raised_budget_and_an_extended_end_are_followed():
    days = sent(*[10] * 15)
    assert choose(campaign(), days, on=15, present=10).share == 10
    assert choose(campaign(budget_total=Decimal("0.34")), days, on=15, present=10).share == 14
    longer = campaign(end_date=START + 45 * DAY)
    assert choose(longer, days, on=15, present=10).share == 5


def test_the_last_day_gets_the_rest():
    last = choose(campaign(), sent(*[9] * 29), on=29, present=9)
    assert last.share == 37  # 29 messages, and a quarter more.
    assert "it is the last day" in last.reason
    assert choose(campaign(), sent(*[9] * 29), on=29, present=40).share == 40
    assert choose(campaign(daily_limit=20), sent(*[9] * 29), on=29, present=9).share == 20


def test_a_campaign_of_one_day_guesses_cheap_prices():
    one_day = campaign(channels=[EMAIL, SMS], end_date=START + DAY)
    assert choose(one_day).share == 363


def test_a_longer_one_guesses_dear_prices():
    assert choose(campaign(channels=[EMAIL, SMS], budget_total=Decimal("2.175"))).share == 10


def test_nothing_is_left():
    assert choose(campaign(), sent(*[29] * 10), on=10, present=10).share == 0
    assert choose(campaign(budget_total=Decimal(0))).share == 0


def test_fewer_recipients_than_the_money_pays_for_are_not_spread_thinner():
    chosen = choose(campaign(), queued=50)
    assert chosen.share == 10
    assert chosen.recommendation is PaceRecommendation.MAINTAIN_PACE
    assert chosen.reason.endswith("only 50 recipients wait, so that some 0.24 will be left over")


def test_with_no_recipient_waiting_only_the_first_share_is_chosen():
    assert choose(campaign(), sent(*[10] * 9), on=9, present=3, queued=0).share == 3
    first = choose(campaign(), queued=0)
    assert first.share == 10
    assert first.reason.endswith("10 today")


def test_days_without_sends_are_not_counted_on():
    weeks = sent(*([14] * 5 + [0] * 2) * 3)
    # Until the 30th day, a Tuesday: seven days to send on, six without the reserve.
    assert choose(campaign(), weeks, on=21, present=10).share == 13


def test_money_booked_by_hand_does_not_stop_it():
    by_hand = Account(AccountScope.DAY, "2026-11-07", None, 0, 50_000, None, 1)
    chosen = choose(campaign(), [*sent(*[10] * 5), by_hand], on=6, present=10)
    assert chosen.share == pytest.approx((0.29 - 0.1) / 0.001 / 23, abs=1)
