from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madan_sara.policy import pacing as policy_pacing
from madan_sara.policy.pacing import PaceRecommendation, elapsed_share

INCREASE, REDUCE, MAINTAIN = (
    PaceRecommendation.INCREASE_PACE,
    PaceRecommendation.REDUCE_PACE,
    PaceRecommendation.MAINTAIN_PACE,
)
START = datetime(2026, 11, 1, tzinfo=UTC)
shares = st.decimals(0, 1, places=4)


def recommend(**figures: Any) -> Any:
    return policy_pacing.recommend(**figures)


def test_guide_example():
    pacing = recommend(spent_share=0.23456, ideal_share=0.40, daily_limit=100)
    assert pacing.model_dump(mode="json") == {
        "recommendation": "increase_pace",
        "ideal_spend_pct": 0.40,
        "actual_spend_pct": 0.23,
        "suggested_daily_messages": 130,
    }


@pytest.mark.parametrize(
    ("spent", "ideal", "expected"),
    [
        ("0.339", "0.40", INCREASE),
        ("0.34", "0.40", MAINTAIN),
        ("0.46", "0.40", MAINTAIN),
        ("0.461", "0.40", REDUCE),
        ("0.00", "0.029", MAINTAIN),
        ("0.00", "0.03", INCREASE),
        ("0.029", "0", MAINTAIN),
        ("0.03", "0", REDUCE),
        ("1", "1", MAINTAIN),
    ],
)
def test_recommendation(spent, ideal, expected):
    pacing = recommend(spent_share=Decimal(spent), ideal_share=Decimal(ideal), daily_limit=None)
    assert pacing.recommendation is expected
    assert pacing.suggested_daily_messages is None


@pytest.mark.parametrize(
    ("spent", "by_hand", "recommended"), [("0.30", 120, INCREASE), ("0.50", 80, REDUCE)]
)
def test_the_guides_step_of_a_fifth_is_the_suggestion_where_it_is_right(
    spent, by_hand, recommended
):
    pacing = recommend(spent_share=spent, ideal_share="0.40", daily_limit=100)
    assert (pacing.recommendation, pacing.suggested_daily_messages) == (recommended, by_hand)


@pytest.mark.parametrize(
    ("spent", "ideal", "limit", "expected"),
    [
        (0, 0.9, 100, 150),
        (1, 0.1, 100, 50),
        (0.5, 0.4, 40, 33),
        (0.5, 0.4, 60, 50),
        (0.5, 0.4, 90, 80),
        (0.2, 1, 20, 30),
        (1, 1, 20, 20),
        (2, 2, 20, 20),
        (0.5, 0.5, 0, 0),
        (0.5, 0.5, 104, 104),
        (0.0, 0.03, 52, 54),
        (0.03, 0.0, 99, 96),
    ],
)
def test_suggested_limit(spent, ideal, limit, expected):
    pacing = recommend(spent_share=spent, ideal_share=ideal, daily_limit=limit)
    assert pacing.suggested_daily_messages == expected


def test_a_campaign_without_an_end_keeps_its_pace():
    pacing = recommend(spent_share=0.9, ideal_share=None, daily_limit=70)
    assert pacing.recommendation is MAINTAIN
    assert (pacing.ideal_spend_pct, pacing.suggested_daily_messages) == (None, 70)


@given(shares, shares, st.integers(0, 100_000))
@settings(max_examples=100, deadline=None)
def test_suggestion_is_clamped_and_finishes_on_budget(spent, ideal, limit):
    suggested = recommend(
        spent_share=spent, ideal_share=ideal, daily_limit=limit
    ).suggested_daily_messages
    rounding = 5 if suggested >= 50 else 1  # 51 to 54 become 50.
    assert 0.5 * limit - rounding <= suggested <= 1.5 * limit + rounding
    if ideal < 1 and 0.5 <= (1 - spent) / (1 - ideal) <= 1.5:
        assert abs(suggested * (1 - ideal) - limit * (1 - spent)) <= rounding
    if suggested > 55 and abs(suggested - limit) >= 5:
        assert suggested % 10 == 0


@given(shares, shares, st.integers(0, 1000))
@settings(max_examples=100, deadline=None)
def test_a_suggestion_points_where_the_recommendation_does(spent, ideal, limit):
    pacing = recommend(spent_share=spent, ideal_share=ideal, daily_limit=limit)
    if pacing.recommendation is INCREASE:
        assert pacing.suggested_daily_messages >= limit
    if pacing.recommendation is REDUCE:
        assert pacing.suggested_daily_messages <= limit


@given(shares, shares)
@settings(max_examples=60, deadline=None)
def test_more_spent_never_asks_for_more_pace(spent, ideal):
    order = [INCREASE, MAINTAIN, REDUCE]
    more = min(spent + Decimal("0.1"), Decimal(1))
    before, after = (
        recommend(spent_share=share, ideal_share=ideal, daily_limit=100) for share in (spent, more)
    )
    assert order.index(after.recommendation) >= order.index(before.recommendation)
    assert after.suggested_daily_messages <= before.suggested_daily_messages


def test_elapsed_share():
    end = START + timedelta(days=10)
    assert elapsed_share(START, end, START + timedelta(days=4)) == Decimal("0.4")
    assert elapsed_share(START, end, START - timedelta(days=4)) == 0
    assert elapsed_share(START, end, end + timedelta(days=4)) == 1
    assert elapsed_share(START, START, START) == 1
    assert elapsed_share(START, START, START - timedelta(days=1)) == 0
    assert elapsed_share(START, None, START) is None
