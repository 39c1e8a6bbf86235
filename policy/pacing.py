"""Whether a campaign spends too fast, too slowly, or as planned."""

from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Final

from madan_sara.contracts.base import Contract

#: Spending below this part of the ideal is too slow, above the other too fast.
SLOW_RATIO: Final = Decimal("0.85")
FAST_RATIO: Final = Decimal("1.15")
#: A gap between actual and ideal share smaller than this is noise.
SMALLEST_GAP: Final = Decimal("0.03")
#: A suggestion stays between these parts of the present daily limit.
LEAST_CHANGE: Final = Decimal("0.5")
GREATEST_CHANGE: Final = Decimal("1.5")
#: Above this many messages a suggestion is rounded to tens.
ROUNDED_ABOVE: Final = 50

Share = Decimal | float | int


class PaceRecommendation(StrEnum):
    """The advice on the pace."""

    INCREASE_PACE = "increase_pace"  #: Too slow: some budget would be left over.
    REDUCE_PACE = "reduce_pace"  #: Too fast: the budget would not last.
    MAINTAIN_PACE = "maintain_pace"  #: As planned.


class Pacing(Contract):
    """A campaign's spending compared with its time, and advice."""

    recommendation: PaceRecommendation
    #: Shares from 0 to 1, two decimals; named as the public answer shows them.
    #: None: the campaign has no end, so there is no ideal.
    ideal_spend_pct: float | None
    actual_spend_pct: float
    #: The daily limit that would use the budget up exactly; None: there is no limit now.
    suggested_daily_messages: int | None


def recommend(*, spent_share: Share, ideal_share: Share | None, daily_limit: int | None) -> Pacing:
    """Compare the spent share of the budget with the ideal one.

    Args:
        spent_share: spent part of the budget, 0 to 1.
        ideal_share: part of the campaign's sending time that has passed, 0 to 1; None:
            it has no end, and any pace is right.
        daily_limit: messages a day now; None: not limited.
    """
    actual = Decimal(str(spent_share))
    if ideal_share is None:
        return Pacing(
            recommendation=PaceRecommendation.MAINTAIN_PACE,
            ideal_spend_pct=None,
            actual_spend_pct=_two_decimals(actual),
            suggested_daily_messages=daily_limit,
        )
    ideal = Decimal(str(ideal_share))
    return Pacing(
        recommendation=_recommendation(actual, ideal),
        ideal_spend_pct=_two_decimals(ideal),
        actual_spend_pct=_two_decimals(actual),
        suggested_daily_messages=(
            None if daily_limit is None else _suggested_limit(daily_limit, actual, ideal)
        ),
    )


def self_paced(pacing: Pacing, *, daily_share: int, daily_limit: int | None) -> Pacing:
    """The advice on the pace of a campaign that chooses its share of each day.

    Its share is the figure of the day. People can help only where their limit is in the way:
    only then is the recommendation to raise it kept.

    Args:
        pacing: the answer of `recommend`.
        daily_share: messages of a day the campaign has chosen.
        daily_limit: messages a day people allow it; None: not limited.
    """
    is_in_the_way = daily_limit is not None and daily_share >= daily_limit
    if is_in_the_way and pacing.recommendation is PaceRecommendation.INCREASE_PACE:
        return pacing
    return pacing.model_copy(
        update={
            "recommendation": PaceRecommendation.MAINTAIN_PACE,
            "suggested_daily_messages": daily_share,
        }
    )


def elapsed_share(start: datetime, end: datetime | None, now: datetime) -> Decimal | None:
    """Part of a campaign's duration that has passed.

    Returns:
        0 to 1; None for a campaign without an end.
    """
    if end is None:
        return None
    if now >= end:
        return Decimal(1)
    if now <= start:
        return Decimal(0)
    tick = timedelta(microseconds=1)
    return Decimal((now - start) // tick) / Decimal((end - start) // tick)


def rounded(messages: Decimal) -> int:
    """Messages a day as people would set them: in tens, above `ROUNDED_ABOVE`."""
    return _in_ones(messages / 10) * 10 if messages > ROUNDED_ABOVE else _in_ones(messages)


def _in_ones(messages: Decimal) -> int:
    return int(messages.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def _recommendation(actual: Decimal, ideal: Decimal) -> PaceRecommendation:
    if abs(actual - ideal) < SMALLEST_GAP:
        return PaceRecommendation.MAINTAIN_PACE
    if actual < SLOW_RATIO * ideal:
        return PaceRecommendation.INCREASE_PACE
    if actual > FAST_RATIO * ideal:
        return PaceRecommendation.REDUCE_PACE
    return PaceRecommendation.MAINTAIN_PACE


def _suggested_limit(daily_limit: int, actual: Decimal, ideal: Decimal) -> int:
    """The limit that spends the rest of the budget in the rest of the time."""
    budget_left, time_left = max(1 - actual, Decimal(0)), max(1 - ideal, Decimal(0))
    if time_left:
        change = budget_left / time_left
    else:
        change = GREATEST_CHANGE if budget_left else Decimal(1)
    limit = daily_limit * min(max(change, LEAST_CHANGE), GREATEST_CHANGE)
    in_tens = rounded(limit)
    # "More than 52" must not come out as 50, nor "as it is".
    turned_round = (in_tens < daily_limit <= limit) or (in_tens > daily_limit >= limit)
    return _in_ones(limit) if turned_round else in_tens


def _two_decimals(share: Decimal) -> float:
    return float(share.quantize(Decimal("0.01"), rounding=ROUND_HALF_EVEN))
