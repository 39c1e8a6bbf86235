"""Instants as answers write them, and the beginnings and ends of days."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def in_utc(moment: datetime) -> str:
    """An instant as ISO 8601 in UTC with a Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a day, in UTC; where the clock skips midnight, that of the skip.

    Raises:
        OverflowError: it is beyond the calendar.
    """
    # PEP 495: fold=0 reads a time the clock skips by the offset before, and of one that it
    # shows twice the first.
    return datetime.combine(day, time(0), tzinfo=zone).astimezone(UTC)


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The first instant after a day, in UTC.

    Raises:
        OverflowError: it is beyond the calendar.
    """
    return start_of_day(day + timedelta(days=1), zone)
