"""A campaign's rate, and its expected finish."""

from collections import Counter
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from madan_sara.contracts.campaign import Campaign, CampaignStatus
from madan_sara.contracts.instants import start_of_day
from madan_sara.contracts.outreach import OutreachState
from madan_sara.policy.campaign_days import campaign_day, campaign_zone
from madan_sara.policy.campaign_progress import CampaignFacts, cheapest_affordable, room_of_day
from madan_sara.policy.zones import next_allowed

#: The rate is taken over this much of the past: long enough that one page of starts does
#: not show, short enough to follow a pause within minutes.
RATE_WINDOW: Final = timedelta(minutes=5)
#: A campaign that has just begun is not called fast for its first second.
SHORTEST_WINDOW: Final = timedelta(minutes=1)
#: Most sends looked at. At a higher rate the window is shorter; so many are enough.
RATE_SAMPLE: Final = 1_000


@dataclass(frozen=True)
class RecentSends:
    """The last sends of a campaign: at most `RATE_SAMPLE`, none older than `RATE_WINDOW`."""

    count: int
    #: The oldest of them; None: there are none.
    since: datetime | None
    #: The first send the campaign ever made; None: there was none.
    first_ever: datetime | None


def rate_per_minute(recent: RecentSends, now: datetime) -> float | None:
    """Messages sent (or perhaps sent) a minute, lately; two decimals.

    Sends divided by the time they took: `RATE_WINDOW`, or less where the campaign is
    younger than that or the sample is full, but never less than `SHORTEST_WINDOW` unless
    the sample is full.

    Returns:
        None when nothing was sent lately.
    """
    if not recent.count or recent.since is None or recent.first_ever is None:
        return None
    if recent.count >= RATE_SAMPLE:
        window = max(now - recent.since, timedelta(seconds=1))
    else:
        window = min(max(now - recent.first_ever, SHORTEST_WINDOW), RATE_WINDOW)
    return round(recent.count / (window / timedelta(minutes=1)), 2)


@dataclass(frozen=True)
class Prospects:
    """The expected end of a campaign's messages without an outcome."""

    #: When the last one will be sent; None: it cannot be forecast.
    finish_at: datetime | None = None
    #: Messages that the money left does not pay for.
    unpaid: int = 0
    #: Messages whose day would come after the campaign's end.
    too_late: int = 0


def prospects(facts: CampaignFacts, rate: float | None, now: datetime) -> Prospects:
    """When the last message will be sent, and how many never will be.

    Days are counted as the campaign starts its recipients (`policy/campaign_progress.py`):
    messages held or sent on a day and later ones take room from that day, and once its allowed
    hours are over, recipients are planned for the next. Where all is done today, the finish is
    the number of messages left, divided by the present rate. Else it is the beginning of the
    last day that is needed, plus the time that day's messages take at the present rate (none
    without a rate). It is never before the last send that is planned already. Where the money
    does not last, it is the campaign's end, until which the campaign waits for more. It is
    never later than that end.

    Args:
        facts: of a campaign whose recipients, if there are any, were started.
        rate: messages a minute; None: nothing was sent lately.
        now: the present.

    Returns:
        No finish when it cannot be forecast: the campaign does not send, or has nothing left to
        send, or has neither a rate nor a day's limit.
    """
    campaign = facts.campaign
    if campaign.status is not CampaignStatus.ACTIVE or campaign.is_over(now):
        return Prospects()
    unplaced = facts.count(OutreachState.QUEUED, OutreachState.DECIDING)
    cheapest = cheapest_affordable(facts)
    payable = unplaced if cheapest is not None else 0
    if cheapest and facts.whole.remaining_micros is not None:
        payable = min(unplaced, facts.whole.remaining_micros // cheapest)
    begin = max(now, campaign.start_date)
    try:
        course = _course(facts, payable, cheapest or 0, begin)
        finish = _finish(facts, payable, course, rate, begin)
    except OverflowError:  # Beyond the calendar.
        return Prospects(unpaid=unplaced - payable)
    if campaign.end_date is not None:
        is_cut_short = payable < unplaced or course.too_late
        finish = campaign.end_date if is_cut_short else finish and min(finish, campaign.end_date)
    return Prospects(finish, unpaid=unplaced - payable, too_late=course.too_late)


@dataclass(frozen=True)
class _Course:
    """The days to come, simulated."""

    #: The last day with sends, and how many; None: no day has room.
    last: tuple[date, int] | None
    too_late: int


def _finish(
    facts: CampaignFacts, unplaced: int, course: _Course, rate: float | None, begin: datetime
) -> datetime | None:
    placed = facts.count(OutreachState.SCHEDULED, OutreachState.SENDING)
    planned = _last_planned_at(facts) if placed else None
    if not unplaced + placed or course.last is None:
        return None
    day, messages = course.last
    if day > campaign_day(facts.campaign, begin):
        midnight = start_of_day(day, campaign_zone(facts.campaign))
        finish = midnight + timedelta(minutes=messages / rate) if rate else midnight
    elif rate:
        finish = begin + timedelta(minutes=(unplaced + placed) / rate)
    elif unplaced or planned is None:
        return None
    else:
        finish = begin
    return finish if planned is None else max(finish, planned)


def _last_planned_at(facts: CampaignFacts) -> datetime | None:
    """The latest moment for which sends were planned."""
    planned = [a.last_due_at for a in facts.days_ahead.values() if a.message_count]
    return max((at for at in planned if at is not None), default=None)


def _course(facts: CampaignFacts, unplaced: int, cheapest: int, begin: datetime) -> _Course:
    day = campaign_day(facts.campaign, begin)
    first, end = _first_sending_day(facts.campaign, begin), _last_sending_day(facts.campaign)
    booked = {d: account for d, account in facts.days_ahead.items() if d >= day}
    messages = Counter({d: account.message_count for d, account in booked.items()})
    micros = Counter({d: a.held_micros + a.spent_micros for d, a in booked.items()})
    # Day by day while messages are ahead; after that all days are alike.
    while unplaced and (day < first or _ahead(messages, day)):
        ahead = {"messages": _ahead(messages, day), "micros": _ahead(micros, day)}
        started = int(min(max(room_of_day(facts, cheapest, **ahead), 0), unplaced))
        messages[max(day, first)] += started
        micros[max(day, first)] += started * cheapest
        unplaced -= started
        day += timedelta(days=1)
    too_late = sum(count for d, count in messages.items() if end is not None and d > end)
    if unplaced:
        a_day = int(min(room_of_day(facts, cheapest, messages=0, micros=0), unplaced))
        if end is not None:
            too_late += max(unplaced - a_day * max((end - day).days + 1, 0), 0)
        if a_day <= 0:
            return _Course(None, too_late)
        days_before = -(-unplaced // a_day) - 1
        messages[day + timedelta(days=days_before)] += unplaced - days_before * a_day
    last = max((d for d, count in messages.items() if count), default=day)
    return _Course((last, messages[last]), too_late)


def _ahead(counts: Counter[date], day: date) -> int:
    return sum(count for d, count in counts.items() if d >= day)


def _first_sending_day(campaign: Campaign, begin: datetime) -> date:
    """The day a recipient started now is sent to: today, or the next once it is evening."""
    quiet = campaign.settings.quiet_hours
    return campaign_day(campaign, next_allowed(begin, campaign_zone(campaign), quiet))


def _last_sending_day(campaign: Campaign) -> date | None:
    """The last day with an allowed hour before the campaign's end; None: it has no end."""
    if campaign.end_date is None:
        return None
    zone, quiet = campaign_zone(campaign), campaign.settings.quiet_hours
    day = campaign_day(campaign, campaign.end_date - timedelta(microseconds=1))
    is_used = next_allowed(start_of_day(day, zone), zone, quiet) < campaign.end_date
    return day if is_used else day - timedelta(days=1)
