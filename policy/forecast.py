"""How fast a campaign sends, and when it will be done."""

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
#: Most sends looked at. At a higher rate the window is shorter, and as many say enough.
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


def expected_finish_at(facts: CampaignFacts, rate: float | None, now: datetime) -> datetime | None:
    """When the last message will be sent, if all goes on as it does.

    Days are counted as the campaign starts its recipients (`policy/campaign_progress.py`):
    what is held or sent on a day and later ones takes room from that day, and on one whose
    allowed hours are over, recipients get a place on the next. Where all is done today: what
    is left, divided by the present rate. Else the beginning of the last day that is needed, and
    on it as long as that day's messages take at the present rate (no time without a rate).
    Where the money does not last, the campaign's end, until which it waits for more. Never
    later than that end.

    Args:
        facts: where a campaign stands whose recipients, if there are any, were started.
        rate: messages a minute; None: nothing was sent lately.
        now: the present.

    Returns:
        None when it cannot be told: the campaign does not send, or has nothing left to
        send, or has no rate and no day's limit to tell it by.
    """
    campaign = facts.campaign
    unplaced = facts.count(OutreachState.QUEUED, OutreachState.DECIDING)
    placed = facts.count(OutreachState.SCHEDULED, OutreachState.SENDING)
    if campaign.status is not CampaignStatus.ACTIVE or campaign.is_over(now):
        return None
    cheapest = cheapest_affordable(facts)
    payable = unplaced if cheapest is not None else 0
    if cheapest and facts.whole.remaining_micros is not None:
        payable = min(unplaced, facts.whole.remaining_micros // cheapest)
    if payable < unplaced and campaign.end_date is not None:
        return campaign.end_date
    if not payable + placed:
        return None
    try:
        finish = _finish(facts, payable, cheapest or 0, rate, max(now, campaign.start_date))
    except OverflowError:
        return None  # Beyond the calendar.
    if finish is None or campaign.end_date is None:
        return finish
    return min(finish, campaign.end_date)


def _finish(
    facts: CampaignFacts, unplaced: int, cheapest: int, rate: float | None, begin: datetime
) -> datetime | None:
    today = campaign_day(facts.campaign, begin)
    last = _last_day(facts, unplaced, cheapest, begin)
    if last is None:
        return None
    day, messages = last
    if day > today:
        midnight = start_of_day(day, campaign_zone(facts.campaign))
        return midnight + timedelta(minutes=messages / rate) if rate else midnight
    left = unplaced + facts.count(OutreachState.SCHEDULED, OutreachState.SENDING)
    return begin + timedelta(minutes=left / rate) if rate else None


def _last_day(
    facts: CampaignFacts, unplaced: int, cheapest: int, begin: datetime
) -> tuple[date, int] | None:
    """The last day something is sent on, and how much; None: the day's limits leave no room."""
    day = campaign_day(facts.campaign, begin)
    first = _first_sending_day(facts.campaign, begin)
    booked = {d: account for d, account in facts.days_ahead.items() if d >= day}
    messages = Counter({d: account.message_count for d, account in booked.items()})
    micros = Counter({d: a.held_micros + a.spent_micros for d, a in booked.items()})
    # Day by day while something is ahead; from then on every day is like the other.
    while unplaced and (day < first or _ahead(messages, day)):
        ahead = {"messages": _ahead(messages, day), "micros": _ahead(micros, day)}
        started = int(min(max(room_of_day(facts, cheapest, **ahead), 0), unplaced))
        messages[max(day, first)] += started
        micros[max(day, first)] += started * cheapest
        unplaced -= started
        day += timedelta(days=1)
    if unplaced:
        a_day = min(room_of_day(facts, cheapest, messages=0, micros=0), unplaced)
        if a_day <= 0:
            return None
        days_before = -(-unplaced // int(a_day)) - 1
        messages[day + timedelta(days=days_before)] += unplaced - days_before * int(a_day)
    last = max((d for d, count in messages.items() if count), default=day)
    return last, messages[last]


def _ahead(counts: Counter[date], day: date) -> int:
    return sum(count for d, count in counts.items() if d >= day)


def _first_sending_day(campaign: Campaign, begin: datetime) -> date:
    """The day a recipient started now is sent to: today, or the next once it is evening."""
    quiet = campaign.settings.quiet_hours
    return campaign_day(campaign, next_allowed(begin, campaign_zone(campaign), quiet))
