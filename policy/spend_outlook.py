"""The money a campaign has left, and the days and recipients to spread it over."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from math import inf
from typing import Final

from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.money import to_micros
from madan_sara.policy.budget import Account, AccountScope
from madan_sara.policy.campaign_days import campaign_day
from madan_sara.policy.message_price import money_left, paid_prices, recent_costs
from madan_sara.policy.sending_days import DaysLeft, days_left

#: The plan is to be done a day early, or by a third of the days to come where that is less: a
#: failure of the last day cannot be made up on another.
RESERVE_DAYS: Final = 1.0
RESERVE_PART: Final = 1 / 3
#: Where money is the limit: so many times the messages it seems to pay for are allowed. Money
#: stops exactly by itself, and cheaper messages than expected must not leave some over.
MARGIN: Final = 1.25
#: Less of a day than this to come is not counted on: an end just after the quiet hours
#: leaves minutes.
SHORTEST_DAY: Final = 0.1


@dataclass(frozen=True)
class SpendOutlook:
    """A campaign's money and time left."""

    left_micros: int
    #: The expected price of a message.
    price_micros: float
    #: Messages held or sent on the campaign's day and later ones.
    ahead: int
    days: DaysLeft
    #: Recipients not started yet.
    queued: int
    #: Messages a day; None: not limited.
    daily_limit: int | None
    #: Messages a day that the daily limit on money pays for, with `MARGIN`.
    spend_limit: float
    #: It has sent on one day before today at most.
    is_new: bool

    @property
    def is_last_day(self) -> bool:
        """Whether next to nothing can be sent after today."""
        return self.days.later < SHORTEST_DAY

    @property
    def limit(self) -> float:
        """Messages a day that the daily limits allow."""
        return min(inf if self.daily_limit is None else self.daily_limit, self.spend_limit)

    @property
    def affordable(self) -> float:
        """Messages the money left pays for."""
        return self.left_micros / self.price_micros

    @property
    def planned_days(self) -> float:
        """The days to spread over, today included, without the reserve."""
        days = self.days
        reserve = min(RESERVE_DAYS, days.later * RESERVE_PART)
        return max(days.today_by_habit + days.later - reserve, days.today)

    @property
    def needed(self) -> float:
        """Messages of today with which the money lasts exactly as long as planned.

        `recommend`'s L * (1 - actual) / (1 - ideal), where L is what the whole budget pays
        for a day at the present price: budget and duration cancel, so that raising the one
        or extending the other midway takes no further thought.
        """
        messages = self.affordable + self.ahead
        return messages if self.is_last_day else messages * self.days.today / self.planned_days

    @property
    def too_few_micros(self) -> int:
        """The money left over because there are too few recipients."""
        return round(max(self.affordable - self.queued, 0) * self.price_micros)

    @property
    def too_slow_micros(self) -> int:
        """The further money left over if the daily limits are used up on every day left."""
        if self.limit == inf:
            return 0
        # Part of a day has the whole of its limit.
        within = self.limit * max(self.days.today_by_habit + self.days.later, 1)
        payable = min(self.affordable, self.queued) + self.ahead
        return round(max(payable - within, 0) * self.price_micros)


def spend_outlook(
    campaign: Campaign, accounts: Sequence[Account], *, queued: int, now: datetime
) -> SpendOutlook | str:
    """A campaign's outlook, or the reason why it has nothing to spread over its days.

    Args:
        campaign: its limits, budget, times, channels and prices.
        accounts: of the campaign, of each of its days that has one, and of its channels.
        queued: recipients not started yet.
        now: the present; before the start, the first day is looked at.
    """
    if campaign.end_date is None:
        return "the campaign has no end that its budget should last to"
    left = money_left(campaign, accounts)
    if left is None:
        return "the campaign has no budget to spread over its days"
    today = campaign_day(campaign, max(now, campaign.start_date))
    days = {date.fromisoformat(a.key): a for a in accounts if a.scope is AccountScope.DAY}
    prices = paid_prices(campaign)
    costs = recent_costs(days, today, max(prices, default=0))
    if not prices or costs.are_free:
        return "its messages are free, so there is nothing to spread"
    sent_by_day = {day: account.message_count for day, account in days.items() if day < today}
    rest = days_left(campaign, today, campaign.end_date, sent_by_day)
    # A price not known yet is guessed carefully: high while the money could run out early,
    # low when there is no later day to use it on.
    price = costs.price_micros(prices[0] if rest.later < SHORTEST_DAY else prices[-1])
    spend = campaign.daily_spend_limit
    return SpendOutlook(
        left_micros=left,
        price_micros=price,
        ahead=sum(a.message_count for day, a in days.items() if day >= today),
        days=rest,
        queued=queued,
        daily_limit=campaign.daily_limit,
        spend_limit=inf if spend is None else to_micros(spend) / price * MARGIN,
        is_new=sum(map(bool, sent_by_day.values())) <= 1,
    )
