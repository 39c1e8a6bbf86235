"""Campaigns played day by day, without servers and without a clock.

All events of a campaign are drawn from a seed, the same for every way of pacing; the day's
share, and whether one more message can be paid, are the real decisions.
"""

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Final

from madan_sara.contracts.campaign import Campaign, OutreachCampaign
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.money import from_micros
from madan_sara.contracts.outreach import ExitReason
from madan_sara.policy.budget import Account, AccountScope, decide_reservation
from madan_sara.policy.daily_share import daily_share
from madan_sara.policy.pacing import elapsed_share, recommend
from madan_sara.policy.sending_days import part_inside

_PRICES: Final = {Channel.EMAIL: 1_000, Channel.WHATSAPP: 5_000, Channel.SMS: 7_500}
#: Price of the cheapest message, in micro-units.
CHEAPEST: Final = min(_PRICES.values())
_FIRST_MONDAY: Final = datetime(2025, 11, 3, tzinfo=UTC)
#: Less of a day than this inside a campaign is not counted as a day it can send on.
_WORTH_COUNTING: Final = 0.1


@dataclass(frozen=True)
class World:
    """All events of one campaign, the same for every way of pacing."""

    seed: int
    days: int
    start: datetime
    budget_micros: int
    #: The budget over the mean price of all days, a day.
    right_pace: float
    #: Too low or too high a first guess of it, as a factor.
    estimate_factor: float
    #: Weights of the channels, by day.
    mixes: Sequence[Sequence[float]]
    recipients: int
    blocked: float
    refused: float
    #: Part of the messages that are planned for the day after.
    tomorrow: float
    outages: frozenset[int]
    no_weekends: bool
    change_on: int
    budget_factor: float
    extended_by: int

    @cached_property
    def last(self) -> int:
        """The last day it can send on, from 0."""
        return max(filter(self.sends_on, range(self.days + self.extended_by + 1)), default=0)

    def sends_on(self, number: int) -> bool:
        """Whether more than minutes of a day are inside the campaign and nothing is wrong."""
        end = self.start + timedelta(days=self.days + self.extended_by)
        part = part_inside(_campaign(self, None), self.day(number), end)
        idle = number in self.outages or self.rests_on(number)
        return part > _WORTH_COUNTING and not idle

    def day(self, number: int) -> date:
        """A day of the campaign, from 0."""
        return self.start.date() + timedelta(days=number)

    def rests_on(self, number: int) -> bool:
        """Whether it is a weekend on which no message may go out."""
        return self.no_weekends and self.day(number).weekday() >= 5


def draw_world(seed: int, days: int) -> World:
    """Draw the events of a campaign."""
    dice = random.Random(seed)
    longer = dice.randint(1, max(days // 3, 1)) if dice.random() < 0.3 else 0
    richer = dice.uniform(1.1, 2.0) if dice.random() < 0.3 else 1.0
    mixes = _drifting_mixes(dice, days + longer + 1)
    pace = math.exp(dice.uniform(math.log(20), math.log(150)))
    price = sum(map(_mean_price, mixes)) / len(mixes)
    blocked = dice.uniform(0, 0.3)
    return World(
        seed=seed,
        days=days,
        start=_FIRST_MONDAY + timedelta(days=dice.randrange(7), hours=dice.uniform(0, 24)),
        budget_micros=int(pace * days * price),
        right_pace=pace,
        estimate_factor=math.exp(dice.uniform(math.log(0.4), math.log(3))),
        mixes=mixes,
        # More than the money is enough for, even while messages are at their cheapest.
        recipients=int(pace * days * richer * dice.uniform(2.5, 4) / (1 - blocked)),
        blocked=blocked,
        refused=dice.uniform(0, 0.1),
        tomorrow=dice.choice([0.0, 0.0, dice.uniform(0, 0.4)]),
        outages=frozenset(dice.sample(range(days + longer), k=min(dice.choice([0, 1, 2]), days))),
        no_weekends=dice.random() < 0.15,
        change_on=dice.randint(days // 4, max(3 * days // 4, days // 4)),
        budget_factor=richer,
        extended_by=longer,
    )


def _drifting_mixes(dice: random.Random, days: int) -> list[list[float]]:
    """Weights of the channels by day: from one mix to another, each day off by some."""
    first, last = ([dice.gammavariate(1, 1) for _ in _PRICES] for _ in range(2))
    first, last = ([part / sum(mix) for part in mix] for mix in (first, last))
    return [
        [
            ((1 - day / days) * a + day / days * b) * dice.lognormvariate(0, 0.3)
            for a, b in zip(first, last, strict=True)
        ]
        for day in range(days)
    ]


def _mean_price(mix: Sequence[float]) -> float:
    return sum(p * w for p, w in zip(_PRICES.values(), mix, strict=True)) / sum(mix)


def _campaign(world: World, daily_limit: int | None) -> Campaign:
    written = OutreachCampaign(
        name="Market day",
        channels=list(_PRICES),
        budget_total=from_micros(world.budget_micros),
        daily_limit=daily_limit,
        start_date=world.start,
        end_date=world.start + timedelta(days=world.days),
    )
    return written.resolved()


@dataclass
class Course:
    """A campaign as it is played, and its balances."""

    world: World
    campaign: Campaign
    whole: Account
    dice: random.Random
    waiting: int
    share: int | None = None
    days: dict[date, Account] = field(default_factory=dict)
    #: Prices of the messages sent on the present day and not answered yet.
    unanswered: list[int] = field(default_factory=list)
    last_sent_on: int = 0
    changes: int = 0
    without_money: int = 0

    @property
    def accounts(self) -> list[Account]:
        """Every account it has."""
        return [self.whole, *self.days.values()]

    @property
    def percent_spent(self) -> float:
        """The share of its last budget that was spent."""
        return 100 * self.whole.spent_micros / (self.whole.limit_micros or 1)

    @property
    def days_without_money(self) -> int | None:
        """Days it could have sent on after the money ran out; None: some was left over."""
        if (self.whole.remaining_micros or 0) >= CHEAPEST:
            return None
        return sum(map(self.world.sends_on, range(self.last_sent_on + 1, self.world.last + 1)))


#: Chooses the share of a day.
Pacing = Callable[[Course, datetime], int | None]


def play(world: World, pacing: Pacing, limit: int | None, first_share: int | None = None) -> Course:
    """Play a campaign from its start to its end."""
    campaign = _campaign(world, limit)
    whole = Account(AccountScope.CAMPAIGN, "", world.budget_micros, 0, 0, None, 0)
    dice = random.Random(world.seed)
    course = Course(world, campaign, whole, dice, world.recipients, first_share)
    for number in range(world.days + world.extended_by + 1):
        if number == world.change_on:
            _change(course)
        midnight = datetime.combine(world.day(number), datetime.min.time(), tzinfo=UTC)
        now = max(midnight, world.start)
        if course.campaign.end_date is None or now >= course.campaign.end_date:
            break
        share = pacing(course, now)
        course.changes += share != course.share
        course.share = share
        if number not in world.outages and not world.rests_on(number):
            for _ in range(2):  # A message refused by noon makes room in the afternoon.
                _send(course, number)
                _answer(course, number)
    return course


def _change(course: Course) -> None:
    """Raise the budget and extend the end, if drawn for this campaign."""
    world = course.world
    total = int(world.budget_micros * world.budget_factor)
    end = world.start + timedelta(days=world.days + world.extended_by)
    course.whole = replace(course.whole, limit_micros=total)
    course.campaign = course.campaign.model_copy(
        update={"budget_total": from_micros(total), "end_date": end}
    )


def _send(course: Course, number: int) -> None:
    """Start recipients while the day's share and the money have room, as a campaign does."""
    world, dice, today = course.world, course.dice, course.world.day(number)
    is_last = number >= world.last or not world.sends_on(number + 1)
    limits = [most for most in (course.share, course.campaign.daily_limit) if most is not None]
    ahead = sum(account.message_count for day, account in course.days.items() if day >= today)
    room = min(limits, default=course.waiting) - ahead
    while room > 0 and course.waiting and (course.whole.remaining_micros or 0) >= CHEAPEST:
        course.waiting -= 1
        if dice.random() < world.blocked:
            continue
        price = dice.choices(list(_PRICES.values()), world.mixes[number])[0]
        later = not is_last and dice.random() < world.tomorrow
        block = _hold(course, world.day(number + later), price)
        if block is None:
            room -= 1
            course.last_sent_on = number + later
            if not later:
                course.unanswered.append(price)
        elif block is ExitReason.BUDGET_EXCEEDED:
            course.without_money += 1
        else:
            break


def _hold(course: Course, day: date, price: int) -> ExitReason | None:
    """Book a message where every limit allows it."""
    unused = Account(AccountScope.DAY, day.isoformat(), None, 0, 0, course.campaign.daily_limit, 0)
    of_day = course.days.get(day, unused)
    block = decide_reservation([course.whole, of_day], price)
    if block is None:
        course.whole, course.days[day] = _booked(course.whole, price), _booked(of_day, price)
    return None if block is None else block.reason


def _answer(course: Course, number: int) -> None:
    """Let providers refuse some of what was sent today: money and room come back."""
    day = course.world.day(number)
    for price in course.unanswered:
        if course.dice.random() < course.world.refused:
            course.whole = _booked(course.whole, -price)
            course.days[day] = _booked(course.days[day], -price)
    course.unanswered.clear()


def _booked(account: Account, price: int) -> Account:
    count = account.message_count + (1 if price > 0 else -1)
    return replace(account, spent_micros=account.spent_micros + price, message_count=count)


def paced(course: Course, now: datetime) -> int | None:
    """Let the campaign choose."""
    return daily_share(
        course.campaign, course.accounts, present=course.share, queued=course.waiting, now=now
    ).share


def clamped(course: Course, now: datetime) -> int | None:
    """Let it choose, but hold every change within half a day, to the end."""
    share, present = paced(course, now), course.share
    if share is None or not present:
        return share
    return min(max(share, math.ceil(present / 2)), math.floor(present * 1.5) or 1)


def by_hand(course: Course, now: datetime) -> int | None:
    """Follow the status's advice each morning, beginning with the first share."""
    campaign, whole = course.campaign, course.whole
    suggestion = recommend(
        spent_share=whole.spent_micros / (whole.limit_micros or 1),
        ideal_share=elapsed_share(campaign.start_date, campaign.end_date, now),
        daily_limit=course.share,
    )
    return suggestion.suggested_daily_messages


def as_is(course: Course, now: datetime) -> int | None:
    """Leave everything to the daily limit."""
    return course.share
