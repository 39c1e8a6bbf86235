"""How long a mail server asks to wait, read from its words."""

import re
from datetime import timedelta
from typing import Final

from madan_sara.delivery.retry_after import LONGEST_WAIT

#: Said of trying again; a bare "100 messages in 60 minutes" is a limit and no wait.
_ASKS: Final = (
    r"(?:again|back|retry|retrying|wait|delayed|deferred|gr[ea]y-?list(?:ed|ing)?)\b"
    r"[^\d.;:()]{0,40}"
)
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
#: Of any unit; a timedelta overflows beyond.
_MOST: Final = 10**6
_PART: Final = r"(\d{1,9}) ?(s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)\b"
_SPAN: Final = re.compile(rf"{_ASKS}({_PART}(?:(?:,| and|, and)? {_PART})*)")
#: Hours, minutes and seconds; not a time of day, which has "at" or "after" before it.
_CLOCK: Final = re.compile(
    rf"{_ASKS}\b(?:in|for) (\d{{1,2}}):(\d\d):(\d\d)\b(?! ?(?:utc|gmt|[ap]m|[+-]\d))"
)


def parse_wait(words: str) -> timedelta | None:
    """Read "try again in 300 seconds", "come back in 00:04:32", "greylisted for 5 minutes".

    Args:
        words: what the server said, in lower case and with single blanks.

    Returns:
        A second to a day; None where no wait is named, or none that is plainly one.
    """
    if clock := _CLOCK.search(words):
        hours, minutes, seconds = map(int, clock.groups())
        wait = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    elif span := _SPAN.search(words):
        parts = re.findall(_PART, span.group(1))
        wait = sum(
            (timedelta(**{_UNITS[unit[0]]: min(int(number), _MOST)}) for number, unit in parts),
            timedelta(0),
        )
    else:
        return None
    return min(wait, LONGEST_WAIT) if wait >= timedelta(seconds=1) else None
