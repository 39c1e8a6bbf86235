"""The encoding of a text message, and its segments, each paid like a message.

Source: 3GPP TS 23.038, GSM 7 bit default alphabet and its extension table (6.2.1); TS 23.040,
concatenated short messages: six bytes of each segment number it (9.2.3.24.1).
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

_GSM_7: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
#: Each takes two septets: an escape and itself.
_GSM_7_EXTENDED: Final = frozenset("\f^{}\\[~]|€")

_LAST_OF_ONE_UNIT: Final = "\uffff"


@dataclass(frozen=True)
class SmsLength:
    """The encoding and length of a text message."""

    #: `GSM-7`, or `UCS-2` as soon as one character is not in its alphabet.
    encoding: str
    #: Septets, or UTF-16 units.
    units: int
    segments: int
    #: The first character that is not in GSM-7; None: all are.
    foreign: str | None


@lru_cache(maxsize=1_000)
def sms_length(text: str) -> SmsLength:
    """The encoding and length of a text as a text message.

    Args:
        text: the text to send, filled in.
    """
    foreign = next((c for c in text if c not in _GSM_7 and c not in _GSM_7_EXTENDED), None)
    if foreign is None:
        sizes = [2 if character in _GSM_7_EXTENDED else 1 for character in text]
        return SmsLength("GSM-7", sum(sizes), _segments(sizes, 160, 153), None)
    sizes = [2 if character > _LAST_OF_ONE_UNIT else 1 for character in text]
    return SmsLength("UCS-2", sum(sizes), _segments(sizes, 70, 67), foreign)


def _segments(sizes: list[int], alone: int, joined: int) -> int:
    """Segments of characters that take one or two units, none of them cut in two."""
    if sum(sizes) <= alone:
        return 1
    segments, left = 0, 0
    for size in sizes:
        if size > left:
            segments, left = segments + 1, joined
        left -= size
    return segments
