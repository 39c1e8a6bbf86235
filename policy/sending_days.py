"""The days a campaign still has to send on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import Final

from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.settings import QuietHours
from madan_sara.policy.campaign_days import campaign_day, campaign_zone

#: Part of the median day below which hardly anything was sent on a day.
HARDLY_ANYTHING: Final = 0.2
#: Times a day of the week was seen before its habit counts. Once proves nothing: a provider may
#: have been down.
TIMES_SEEN: Final = 2
#: Days without sends in a row that may still be a habit, such as a long weekend.
LONGEST_REST: Final = 3
#: Days back that a habit is looked for.
HABIT_DAYS: Final = 8 * 7

_DAY_HOURS: Final = 24.0
_DAYS: Final = 7


@dataclass(frozen=True)
class DaysLeft:
    """Days to send on, in days of full length."""

    #: The part of today that lies inside the campaign, at any time of day.
    today: float
    #: The same, by the habit of this day of the week.
    today_by_habit: float
    #: The days after today, each by its habit.
    later: float


def days_left(
    campaign: Campaign, today: date, end: datetime, sent_by_day: Mapping[date, int]
) -> DaysLeft:
    """Count the days from today to the end that something can be sent on.

    A day counts by the part of its allowed hours (outside quiet hours on the campaign's
    own clock) that lies inside the campaign, and by how often anything was sent on its day
    of the week: where nothing is ever sent on Sundays, Sundays do not count.

    Args:
        campaign: its start, zone and quiet hours.
        today: the campaign's present day.
        end: its end.
        sent_by_day: messages of each past day; a day left out had none.
    """
    habits = weekday_habits(campaign, today, sent_by_day)
    part = part_inside(campaign, today, end)
    last = campaign_day(campaign, end)
    later = 0.0
    if last > today:
        later = _whole_days(today + timedelta(days=1), last, habits)
        later += part_inside(campaign, last, end) * habits[last.weekday()]
    return DaysLeft(part, part * habits[today.weekday()], later)


def part_inside(campaign: Campaign, day: date, end: datetime) -> float:
    """Part of a day's allowed hours between the campaign's start and an end, 0 to 1.

    By the wall clock: an hour the clock skips or repeats is too little to matter here.
    """
    begins = _hours_into(campaign, day, campaign.start_date)
    ends = _hours_into(campaign, day, end)
    allowed = _allowed_hours(campaign.settings.quiet_hours)
    inside = sum(max(min(until, ends) - max(since, begins), 0) for since, until in allowed)
    return inside / sum(until - since for since, until in allowed)


def weekday_habits(campaign: Campaign, today: date, sent_by_day: Mapping[date, int]) -> list[float]:
    """How often anything was sent on each day of the week, Monday first, 0 to 1.

    A silence longer than `LONGEST_REST` is left out: a pause, or a budget that
    ran out, forms no habit.
    """
    first = max(campaign_day(campaign, campaign.start_date), today - timedelta(days=HABIT_DAYS))
    days = [first + timedelta(days=number) for number in range((today - first).days)]
    counts = sorted(count for count in map(sent_by_day.get, days) if count)
    least = HARDLY_ANYTHING * counts[len(counts) // 2] if counts else 0.0
    used = {day for day in days if sent_by_day.get(day, 0) > least}
    ordinary = [day for stretch in _stretches(days, used) for day in stretch]
    habits = []
    for weekday in range(_DAYS):
        seen = [day for day in ordinary if day.weekday() == weekday]
        often = len(used.intersection(seen)) / len(seen) if len(seen) >= TIMES_SEEN else 1.0
        habits.append(often)
    # The most usual day counts fully, so that days lost here and there slow nothing down.
    return [habit / max(habits) for habit in habits]


def _stretches(days: list[date], used: set[date]) -> Iterator[list[date]]:
    """The days in stretches with and without sends, pauses left out."""
    for is_used, stretch in groupby(days, used.__contains__):
        alike = list(stretch)
        if is_used or len(alike) <= LONGEST_REST:
            yield alike


def _whole_days(first: date, beyond: date, habits: list[float]) -> float:
    """Days from the first to before another; by weeks, as an end may be years away."""
    weeks, rest = divmod((beyond - first).days, _DAYS)
    return weeks * sum(habits) + sum(habits[(first.weekday() + n) % _DAYS] for n in range(rest))


def _hours_into(campaign: Campaign, day: date, moment: datetime) -> float:
    local = moment.astimezone(campaign_zone(campaign))
    if local.date() != day:
        return 0.0 if local.date() < day else _DAY_HOURS
    return _hours(local.time())


def _allowed_hours(quiet: QuietHours | None) -> list[tuple[float, float]]:
    if quiet is None:
        return [(0.0, _DAY_HOURS)]
    start, end = _hours(quiet.start), _hours(quiet.end)
    return [(0.0, start), (end, _DAY_HOURS)] if start < end else [(end, start)]


def _hours(wall: time) -> float:
    return wall.hour + wall.minute / 60 + wall.second / 3600
