"""The send time of a message: the best local slot within every bound."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from madan_sara.contracts.campaign import Campaign, OptimalTimes
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.decision import SendPlan, TimingReason
from madan_sara.contracts.recipient import RecipientProfile
from madan_sara.contracts.settings import OrchestratorSettings, QuietHours
from madan_sara.policy.campaign_days import campaign_day
from madan_sara.policy.data import best_practice_times
from madan_sara.policy.message_price import price_of_message
from madan_sara.policy.zones import ZoneChoice, choose_zone, is_allowed, localize, next_allowed

__all__ = ["check_requested_time", "is_allowed", "moved", "next_allowed", "plan_send_time"]

#: Nothing is planned from here on: the calendar ends with the year 9999, and the days
#: looked at after a moment must still fit in it.
END_OF_PLANNING: Final = datetime(9999, 1, 1, tzinfo=UTC)

_SATURDAY: Final = 5


@dataclass(frozen=True)
class _Bounds:
    """The bounds of a send time."""

    zone: ZoneChoice
    quiet_hours: QuietHours | None
    earliest: datetime
    campaign: Campaign

    def first_allowed(self) -> datetime | None:
        """The first moment inside every bound, if there is one."""
        if self.earliest >= END_OF_PLANNING:
            return None
        moment = next_allowed(self.earliest, self.zone.zone, self.quiet_hours)
        return moment if self.in_time(moment) else None

    def in_time(self, moment: datetime) -> bool:
        """Whether a moment lies before the campaign's end."""
        return not self.campaign.is_over(moment)

    def shown(self, moment: datetime) -> str:
        """A moment as the recipient's calendar and clock show it."""
        return f"{moment.astimezone(self.zone.zone):%Y-%m-%d %H:%M}"


@dataclass(frozen=True)
class _Slot:
    """The best time of one local day, moved out of quiet hours."""

    day: date
    wall: time
    ideal_at: datetime
    at: datetime


def plan_send_time(
    campaign: Campaign,
    settings: OrchestratorSettings,
    profile: RecipientProfile,
    channel: Channel,
    *,
    now: datetime,
    not_before: datetime | None = None,
    force: bool = False,
    parts: int = 1,
) -> SendPlan:
    """Plan the send on one channel.

    The slot is the campaign's optimal time for the channel, else best practice. A slot in
    quiet hours moves to their end, one that has passed to the next day, and one after the
    campaign's end to the first allowed moment: a missed slot moves, it does not vanish.

    Args:
        campaign: its times, its window and whether it optimises.
        settings: quiet hours and the rule for the zone.
        profile: zone and customer type of the recipient.
        channel: the channel to send on.
        now: the present; nothing is planned before it.
        not_before: a later earliest moment, if there is one.
        force: send as soon as it is allowed; quiet hours and the campaign's window hold.
        parts: the number of times the channel's price is paid; see `message_parts`.

    Returns:
        The plan; without a time when no allowed moment is left before the campaign ends.
        Weekends are Saturday and Sunday of the recipient's local calendar.
    """
    earliest = max(now, not_before or now, campaign.start_date).astimezone(UTC)
    zone = choose_zone(campaign, settings, profile)
    bounds = _Bounds(zone, settings.quiet_hours, earliest, campaign)
    notes = [*zone.notes, *_waiting(campaign, bounds, now)]
    configured = (campaign.optimal_send_times or {}).get(channel)
    if force or not campaign.send_time_optimization:
        reason = TimingReason.IMMEDIATE
        scheduled_at = _plan_immediate(bounds, notes)
    else:
        reason = TimingReason.CAMPAIGN_OPTIMAL if configured else TimingReason.BEST_PRACTICE
        times = configured or best_practice_times(channel, profile.customer_type)
        scheduled_at = _plan_slot(times, bounds, notes)
    if scheduled_at is None:
        notes.append("no allowed moment is left before the campaign ends")
    return SendPlan(
        channel=channel,
        scheduled_at=scheduled_at,
        reason=reason,
        zone=zone.name,
        zone_source=zone.source,
        campaign_day=scheduled_at and campaign_day(campaign, scheduled_at),
        price_micros=price_of_message(settings, channel, parts=parts),
        parts=parts,
        adjustments=notes,
    )


def moved(plan: SendPlan, campaign: Campaign, at: datetime, **changes: object) -> SendPlan:
    """A plan at another moment, with the campaign's day of that moment.

    Args:
        plan: the plan to move.
        campaign: its campaign.
        at: the new moment.
        **changes: further fields of the plan to change.
    """
    day = campaign_day(campaign, at)
    return plan.model_copy(update={"scheduled_at": at, "campaign_day": day, **changes})


def check_requested_time(
    campaign: Campaign,
    settings: OrchestratorSettings,
    profile: RecipientProfile,
    *,
    at: datetime,
    now: datetime,
) -> str | None:
    """The violation of a send at a requested moment.

    Returns:
        None when it is allowed, else one sentence that names the figure.
    """
    if at < now:
        return f"{_instant(at)} is in the past (now is {_instant(now)}); give a later time"
    if at < campaign.start_date:
        return f"{_instant(at)} is before the campaign starts at {_instant(campaign.start_date)}"
    if campaign.end_date is not None and campaign.is_over(at):
        return f"{_instant(at)} is not before the campaign ends at {_instant(campaign.end_date)}"
    if at >= END_OF_PLANNING:
        return f"{_instant(at)} is beyond the calendar; give an earlier time"
    zone, quiet = choose_zone(campaign, settings, profile), settings.quiet_hours
    if quiet is not None and not is_allowed(at, zone.zone, quiet):
        return (
            f"{_instant(at)} is {at.astimezone(zone.zone):%H:%M} in {zone.name}, "
            f"inside the quiet hours {_hours(quiet)}"
        )
    return None


def _waiting(campaign: Campaign, bounds: _Bounds, now: datetime) -> list[str]:
    if bounds.earliest <= now:
        return []
    if bounds.earliest == campaign.start_date:
        return [f"waits until the campaign starts at {_instant(bounds.earliest)}"]
    return [f"not before {_instant(bounds.earliest)}"]


def _plan_immediate(bounds: _Bounds, notes: list[str]) -> datetime | None:
    at = bounds.first_allowed()
    if at is not None and at > bounds.earliest:
        notes.append(
            f"{bounds.shown(bounds.earliest)} lies in quiet hours; moved to {bounds.shown(at)}"
        )
    return at


def _plan_slot(times: OptimalTimes, bounds: _Bounds, notes: list[str]) -> datetime | None:
    if bounds.earliest >= END_OF_PLANNING:
        return None
    slot = next(slot for slot in _slots(times, bounds) if slot.at >= bounds.earliest)
    if not bounds.in_time(slot.at):
        at = bounds.first_allowed()
        if at is not None:
            notes.append(
                f"the slot {bounds.shown(slot.at)} is not before the campaign's end; "
                f"moved to {bounds.shown(at)}"
            )
        return at
    today = bounds.earliest.astimezone(bounds.zone.zone).date()
    if slot.day > today:
        notes.append(f"the slot of {today} had passed; moved to {slot.day}")
    if slot.at != slot.ideal_at:
        notes.append(f"the slot {slot.wall:%H:%M} lies in quiet hours; moved to their end")
    elif slot.at.astimezone(bounds.zone.zone).time() != slot.wall:
        notes.append(f"the clock skips {slot.wall:%H:%M} that day; moved behind the gap")
    return slot.at


def _slots(times: OptimalTimes, bounds: _Bounds) -> Iterator[_Slot]:
    """The slots of the days around the earliest moment, in order.

    From the day before, because a slot late in its day may move past midnight.
    """
    zone = bounds.zone.zone
    day = bounds.earliest.astimezone(zone).date() - timedelta(days=1)
    while True:
        wall = times.on(weekend=day.weekday() >= _SATURDAY)
        yield _slot(day, wall, zone, bounds.quiet_hours)
        day += timedelta(days=1)


@lru_cache(maxsize=4096)
def _slot(day: date, wall: time, zone: ZoneInfo, quiet_hours: QuietHours | None) -> _Slot:
    """The slot of a local day. Cached: it is the same for all recipients of a zone."""
    ideal_at = localize(day, wall, zone)
    return _Slot(day, wall, ideal_at, next_allowed(ideal_at, zone, quiet_hours))


def _instant(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _hours(quiet: QuietHours) -> str:
    return f"{quiet.start:%H:%M} to {quiet.end:%H:%M}"
