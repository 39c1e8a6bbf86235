"""Local time: the zone that counts, wall clocks, and quiet hours."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.decision import ZoneSource
from madan_sara.contracts.recipient import RecipientProfile
from madan_sara.contracts.settings import OrchestratorSettings, QuietHours

#: Local days after a moment within which quiet hours surely end. Two, not one: a clock
#: put forward can swallow the only allowed minutes of a day.
_DAYS_TO_LOOK_AHEAD: Final = 3


@dataclass(frozen=True)
class ZoneChoice:
    """The zone of local times, and how it was chosen."""

    zone: ZoneInfo
    name: str
    source: ZoneSource
    #: Zones that were named but are unknown here, each in one sentence.
    notes: tuple[str, ...] = ()


def choose_zone(
    campaign: Campaign, settings: OrchestratorSettings, profile: RecipientProfile
) -> ZoneChoice:
    """The recipient's zone if it counts, else the campaign's, else UTC.

    A name this machine's time zone database does not have falls through to the next:
    names were checked where the request came in, which may have a newer database.
    """
    named = [(ZoneSource.CAMPAIGN, campaign.timezone)]
    if settings.respect_timezones:
        named.insert(0, (ZoneSource.RECIPIENT, profile.timezone))
    unknown: list[tuple[ZoneSource, str]] = []
    for source, name in named:
        if name is None:
            continue
        zone = _find_zone(name)
        if zone is not None:
            return ZoneChoice(zone, name, source, _notes(unknown, source))
        unknown.append((source, name))
    return ZoneChoice(ZoneInfo("UTC"), "UTC", ZoneSource.UTC, _notes(unknown, ZoneSource.UTC))


def resolve_zone(
    campaign: Campaign, settings: OrchestratorSettings, profile: RecipientProfile
) -> tuple[ZoneInfo, str, ZoneSource]:
    """The zone of local times, its name, and its source."""
    choice = choose_zone(campaign, settings, profile)
    return choice.zone, choice.name, choice.source


def localize(day: date, wall: time, zone: ZoneInfo) -> datetime:
    """The instant a wall clock shows a time on a day.

    A time the clock skips is shifted forward by the gap (02:30 becomes 03:30); of a time
    it shows twice the first is taken.

    Args:
        day: local date.
        wall: local time.
        zone: the clock's zone.

    Returns:
        An aware instant in UTC.

    Source: PEP 495, where `fold=0` means exactly this.
    """
    local = datetime.combine(day, wall.replace(fold=0), tzinfo=zone)
    return local.astimezone(UTC)


def is_allowed(moment: datetime, zone: ZoneInfo, quiet_hours: QuietHours | None) -> bool:
    """Whether an instant lies outside quiet hours on the local wall clock."""
    if quiet_hours is None:
        return True
    return not quiet_hours.cover(moment.astimezone(zone).time())


def next_allowed(moment: datetime, zone: ZoneInfo, quiet_hours: QuietHours | None) -> datetime:
    """The first instant outside quiet hours, not before a moment.

    Quiet hours end when the clock shows their end, or when it is put forward or back
    to a time outside them: these are the instants tried.

    Returns:
        An aware instant in UTC.
    """
    moment = moment.astimezone(UTC)
    if quiet_hours is None or is_allowed(moment, zone, quiet_hours):
        return moment
    today = moment.astimezone(zone).date()
    ends = [
        instant
        for days in range(_DAYS_TO_LOOK_AHEAD)
        for instant in _both_readings(today + timedelta(days=days), quiet_hours.end, zone)
    ]
    candidates = sorted([*ends, *_clock_change(moment, max(ends), zone)])
    return next(
        instant
        for instant in candidates
        if instant >= moment and is_allowed(instant, zone, quiet_hours)
    )


def _find_zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _notes(unknown: list[tuple[ZoneSource, str]], used: ZoneSource) -> tuple[str, ...]:
    instead = "UTC" if used is ZoneSource.UTC else f"the {used}'s"
    return tuple(
        f"the {source}'s zone {name!r} is unknown here; used {instead}" for source, name in unknown
    )


def _both_readings(day: date, wall: time, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Both instants a clock put back shows a time at; usually they are one."""
    local = datetime.combine(day, wall, tzinfo=zone)
    return local.replace(fold=0).astimezone(UTC), local.replace(fold=1).astimezone(UTC)


def _clock_change(start: datetime, end: datetime, zone: ZoneInfo) -> list[datetime]:
    """The instant the zone's offset changes between two, to the second, if it does.

    No zone changes its offset twice within the few days looked at.
    """
    before = start.astimezone(zone).utcoffset()
    if before == end.astimezone(zone).utcoffset():
        return []
    low, high = int(start.timestamp()), int(end.timestamp())
    while high - low > 1:
        middle = (low + high) // 2
        unchanged = datetime.fromtimestamp(middle, zone).utcoffset() == before
        low, high = (middle, high) if unchanged else (low, middle)
    return [datetime.fromtimestamp(high, UTC)]
