"""How fast a campaign sends, and when it will be done."""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final

from contracts.campaign import CampaignStatus, OutreachCampaign
from contracts.outreach import OutreachState
from policy.campaign_days import campaign_day, campaign_zone
from policy.tallies import Tallies, TallyKind

#: The rate is taken over this much of the past: long enough that one page of starts does
#: not show, short enough to follow a pause within minutes.
RATE_WINDOW: Final = timedelta(minutes=5)
#: A campaign that has just begun is not called fast for its first second.
SHORTEST_WINDOW: Final = timedelta(minutes=1)
#: Most sends looked at. At a higher rate the window is shorter, and as many say enough.
RATE_SAMPLE: Final = 1_000

#: Messages that hold no place in any day yet.
_UNPLACED: Final = (OutreachState.QUEUED, OutreachState.DECIDING)
#: Messages that hold theirs.
_PLACED: Final = (OutreachState.SCHEDULED, OutreachState.SENDING)


@dataclass(frozen=True)
class RecentSends:
    """The last sends of a campaign: at most `RATE_SAMPLE`, none older than `RATE_WINDOW`."""

    count: int
    #: The oldest of them; None: there are none.
    since: datetime | None
    #: The first send the campaign ever made; None: there was none.
    first_ever: datetime | None


@dataclass(frozen=True)
class Progress:
    """What a campaign has still to do, and how much of it a day takes."""

    campaign: OutreachCampaign
    tallies: Tallies
    #: Held or sent on the campaign's present day.
    messages_today: int
    #: Messages it may have on one day; None: no limit.
    messages_a_day: int | None
    #: None: nothing was sent lately.
    rate_per_minute: float | None


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


def expected_finish_at(progress: Progress, now: datetime) -> datetime | None:
    """When the last message will be sent, if all goes on as it does.

    Where today has room for everybody without a place in a day: what is left, divided by
    the present rate. Where it has not: the beginning of the day on which the last of them
    finds room, and on it as long as that day's part takes at the present rate (no time
    without a rate). Never later than the campaign's end. It knows nothing of the times
    that messages asleep are planned for, nor of a budget that will not last.

    Returns:
        None when it cannot be told: the campaign does not send, or has nothing left to
        send, or has no rate and no day's limit to tell it by.
    """
    campaign = progress.campaign
    unplaced = progress.tallies.messages(TallyKind.STATE, *_UNPLACED)
    left = unplaced + progress.tallies.messages(TallyKind.STATE, *_PLACED)
    if campaign.status is not CampaignStatus.ACTIVE or not left:
        return None
    begin, a_day = max(now, campaign.start_date), progress.messages_a_day
    over = 0 if a_day is None else unplaced - max(a_day - progress.messages_today, 0)
    if a_day is None or over <= 0:
        finish = _at_rate(begin, left, progress.rate_per_minute)
    else:
        finish = _by_days(progress, begin, over, a_day)
    if finish is None or campaign.end_date is None:
        return finish
    return min(finish, campaign.end_date)


def _at_rate(begin: datetime, left: int, rate: float | None) -> datetime | None:
    try:
        return begin + timedelta(minutes=left / rate) if rate else None
    except OverflowError:
        return None  # Beyond the calendar.


def _by_days(progress: Progress, begin: datetime, over: int, a_day: int) -> datetime | None:
    """When those beyond today's room are done, a day's share at a time."""
    if a_day <= 0:
        return None
    days = -(-over // a_day)
    on_the_last_day = over - (days - 1) * a_day
    try:
        last_day = campaign_day(progress.campaign, begin) + timedelta(days=days)
        zone = campaign_zone(progress.campaign)
        midnight = datetime.combine(last_day, time(0), tzinfo=zone).astimezone(UTC)
    except OverflowError:
        return None  # Beyond the calendar.
    rate = progress.rate_per_minute
    return (_at_rate(midnight, on_the_last_day, rate) if rate else None) or midnight
