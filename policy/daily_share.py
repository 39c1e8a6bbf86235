"""How many messages a campaign allows itself a day, so that its budget lasts to its end."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from math import ceil
from typing import Final

from madan_sara.contracts.base import Contract
from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.money import from_micros
from madan_sara.policy.budget import Account
from madan_sara.policy.pacing import GREATEST_CHANGE, SMALLEST_GAP, PaceRecommendation, rounded
from madan_sara.policy.spend_outlook import MARGIN, SpendOutlook, spend_outlook

#: A need above the first part of the limit is met early, one above the second by sending up
#: to the limit: too fast can be put right on any later day, too slow only where there is room.
AMPLE_ROOM: Final = 0.5
LITTLE_ROOM: Final = 0.8
#: The share is kept while the need is between these parts of it: a day's mix of channels
#: moves the need by about as much, and every change is noted for people to read. Too slow is
#: corrected sooner than too fast, for the reason above.
KEEP_DOWN_TO: Final = 0.85
KEEP_UP_TO: Final = 1.1
#: With fewer days to come than this there is no time left to climb slowly.
DAYS_TO_CLIMB: Final = 3.0

_STEEPNESS: Final = (1 - AMPLE_ROOM) / (LITTLE_ROOM - AMPLE_ROOM)


class DailyShare(Contract):
    """A campaign's own share of a day."""

    #: Messages; None: it does not pace itself, and only its daily limit holds.
    share: int | None
    #: Why, with the figures, for people.
    reason: str
    #: Advice to people: `increase_pace` where the daily limits would leave some of the budget
    #: over. Never `reduce_pace`: it slows down by itself.
    recommendation: PaceRecommendation = PaceRecommendation.MAINTAIN_PACE


def daily_share(
    campaign: Campaign,
    accounts: Sequence[Account],
    *,
    present: int | None,
    queued: int,
    now: datetime,
) -> DailyShare:
    """Choose a campaign's share of its present day.

    Chosen when a day of the campaign begins, and when its limits, its budget or its end
    change. A share counts as the daily limit does: messages held or sent. Blocked and
    refused ones take nothing of it, and the price is that of recent messages, so that
    neither they nor a drifting mix of channels need be known beforehand.

    The need of a day is the money left, divided by the days left. From there to the share:

    * It never exceeds the daily limit. Where the limit leaves little room, it runs ahead
      of the need while it can.
    * It rises by half in a day at most, `recommend`'s own bound: providers distrust a
      sender who doubles overnight. Not on the first two days, which begin with a guess,
      and not on the last three, which would end with money left over. It falls as far as
      it must: spent money stays spent.
    * A change smaller than noise is not made.
    * The last day's share is the rest.

    Fewer recipients than the budget pays for are not spread thinner. A budget is a limit,
    not an aim, and no recipient should wait for the sake of a date: they are sent to at the pace
    of the money, the campaign is done early, and the reason says what will be left over.

    While no recipient waits the share stays; the first is chosen all the same, lest a campaign
    whose recipients come later begins without one.

    Args:
        campaign: its limits, budget, times, channels and prices.
        accounts: of the campaign, of each of its days that has one, and of its channels.
        present: the share it has now; None: none yet.
        queued: recipients not started yet.
        now: the present; before the start, the first day's share is chosen.

    Source: that sudden volume harms a sender: Google, "Email sender guidelines",
    "Increase sending volume slowly".
    """
    outlook = spend_outlook(campaign, accounts, queued=queued, now=now)
    if isinstance(outlook, str):
        return DailyShare(share=None, reason=outlook)
    if not queued and present is not None:
        return DailyShare(
            share=_bounded(present, outlook), reason="no recipient waits to be started"
        )
    choose = _share_of_last_day if outlook.is_last_day else _share_of_day
    share, because = choose(outlook, present)
    too_slow = outlook.too_slow_micros > SMALLEST_GAP * outlook.left_micros
    return DailyShare(
        share=share,
        reason="; ".join([_figures(outlook), *because, *_left_over(outlook)]),
        recommendation=(
            PaceRecommendation.INCREASE_PACE if too_slow else PaceRecommendation.MAINTAIN_PACE
        ),
    )


def _share_of_day(outlook: SpendOutlook, present: int | None) -> tuple[int, list[str]]:
    """The share of any day but the last, and the reasons why it differs from the need."""
    wanted, because = _within_limit(outlook)
    most = (present or 0) * float(GREATEST_CHANGE)
    may_leap = outlook.is_new or outlook.days.later < DAYS_TO_CLIMB
    if 0 < most < wanted and not may_leap:
        wanted, because = most, [*because, "raised by half in a day at most"]
    if present is not None and _is_noise(wanted, present, outlook):
        return _bounded(present, outlook), [*because, f"{present:,} is near enough and kept"]
    # A limit that is needed is used as it is, not in tens.
    share = round(wanted) if wanted >= outlook.limit else rounded(Decimal(wanted))
    return _bounded(share, outlook), because


def _share_of_last_day(outlook: SpendOutlook, present: int | None) -> tuple[int, list[str]]:
    """All that is left; the money, which stops exactly, is left to stop it."""
    wanted = ceil(outlook.ahead + outlook.affordable * MARGIN)
    if present is not None and wanted <= present <= wanted * MARGIN:
        wanted = present
    return _bounded(wanted, outlook), ["and some more, as the money stops it"]


def _within_limit(outlook: SpendOutlook) -> tuple[float, list[str]]:
    """The need, brought forward where the daily limits leave little room for it."""
    needed, limit = outlook.needed, outlook.limit
    if needed >= limit:
        return limit, [f"the daily limits allow {limit:,.0f}"]
    if needed <= AMPLE_ROOM * limit:
        return needed, []
    used = AMPLE_ROOM + (needed / limit - AMPLE_ROOM) * _STEEPNESS
    return min(used, 1.0) * limit, ["sooner rather than later, as the daily limits are near"]


def _is_noise(wanted: float, present: int, outlook: SpendOutlook) -> bool:
    """Whether the wanted share is too near the present one to change it."""
    limit = outlook.daily_limit
    if limit is not None and wanted >= limit > present:
        return False  # There is too little room as it is.
    return KEEP_DOWN_TO * present <= wanted <= KEEP_UP_TO * present


def _bounded(share: int, outlook: SpendOutlook) -> int:
    return min(share, share if outlook.daily_limit is None else outlook.daily_limit)


def _figures(outlook: SpendOutlook) -> str:
    """The money left, and today's need, in words."""
    days = outlook.days.today_by_habit + outlook.days.later
    plan = f"planned over {outlook.planned_days:.1f} of the {days:.1f} days left"
    return (
        f"{_amount(outlook.left_micros)} left pays for {outlook.affordable:,.0f} messages at "
        f"{_amount(round(outlook.price_micros))}, beside {outlook.ahead:,} held or sent from "
        f"today on; {'it is the last day' if outlook.is_last_day else plan}: "
        f"{outlook.needed:,.0f} today"
    )


def _left_over(outlook: SpendOutlook) -> Iterator[str]:
    """Money that will not be spent, and why, if it is enough to mention."""
    least = SMALLEST_GAP * outlook.left_micros
    if outlook.queued and outlook.too_few_micros > least:
        rest = _amount(outlook.too_few_micros)
        yield f"only {outlook.queued:,} recipients wait, so that some {rest} will be left over"
    if outlook.too_slow_micros > least:
        rest = _amount(outlook.too_slow_micros)
        yield f"unless the daily limits are raised, some {rest} will be left over"


def _amount(micros: int) -> str:
    """An amount of money, to two decimals from one unit up."""
    amount = from_micros(micros)
    return f"{amount:,.2f}" if amount >= 1 else format(amount.normalize(), "f")
