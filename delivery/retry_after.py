"""The Retry-After header of HTTP."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

#: A provider that asks for more has an error of its own.
LONGEST_WAIT: Final = timedelta(days=1)
#: Characters; `Sunday, 06-Nov-94 08:49:37 GMT` of old has 30.
_LONGEST_DATE: Final = 64


def parse_retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Read how long a provider asks to wait.

    Args:
        value: the header: seconds or an HTTP date; None where there is none.
        now: the present instant, aware.

    Returns:
        A duration between zero and `LONGEST_WAIT`; None if the header says nothing usable.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.isdigit():
        # Compared as a number first: timedelta overflows long before int does.
        return timedelta(seconds=min(int(text[:12]), int(LONGEST_WAIT.total_seconds())))
    if len(text) > _LONGEST_DATE:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # A zone may lie beyond what a duration can hold.
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max(aware - now, timedelta(0)), LONGEST_WAIT)
