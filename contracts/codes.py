"""The parts of a provider's answer that may be kept and shown: its codes and its ids."""

import re
from typing import Final

#: A status code of mail (RFC 3463), alone or as `smtp_550_5.1.1`, or words joined as codes join
#: them. A point between words is how addresses are written.
_CODE: Final = re.compile(r"(smtp_([45]\d\d_)?)?[245](\.\d{1,3}){2}|[a-z0-9]+([_-][a-z0-9]+)*")
#: The same in a server's words: `550 5.1.1 User unknown`, `smtp; 550-5.1.1 ...`.
_STATUS: Final = re.compile(r"(?<![\d.])(?:([45]\d\d)[ -])?([245](?:\.\d{1,3}){2})(?![\d.])")
_LONGEST_CODE: Final = 64
#: Digits of a code at most; with more it may be a person's number.
_MOST_DIGITS: Final = 7
#: Letters or digits in a row that a code may have in common with an address by chance.
_CHANCE: Final = 3
#: A provider's id of a message: visible, and short enough to keep.
_PROVIDER_ID: Final = re.compile(r"[\x21-\x7e]{1,255}")


def as_code(text: object, *, about: str = "") -> str | None:
    """A provider's code as it may be kept and shown, in small letters; None where it is no code.

    Args:
        text: the provider's code.
        about: the address the message went to, which providers like to repeat: a text with a
            word of it is no code.
    """
    if isinstance(text, int) and not isinstance(text, bool) and 0 <= text < 10**_MOST_DIGITS:
        text = str(text)
    if not isinstance(text, str) or not text.isascii() or len(text) > _LONGEST_CODE:
        return None
    code = text.lower()
    if not _CODE.fullmatch(code) or sum(map(str.isdigit, code)) > _MOST_DIGITS:
        return None
    return None if _tells(code, about.lower()) else code


def status_in(words: str) -> str | None:
    """The status code that a mail server's words begin with or hold; nothing else of them.

    Args:
        words: like `550 5.1.1 User unknown`.

    Returns:
        Like `smtp_550_5.1.1`, or `5.1.1` where no reply code stands before it.
    """
    found = _STATUS.search(words)
    if found is None:
        return None
    reply, status = found.groups()
    return as_code(f"smtp_{reply}_{status}" if reply else status) or as_code(status)


def as_provider_id(text: object) -> str | None:
    """A provider's id of a message as it may be kept; None where it is none."""
    return text if isinstance(text, str) and _PROVIDER_ID.fullmatch(text) else None


def _tells(code: str, address: str) -> bool:
    """Whether a code has a word of an address, all of its name, or part of its number."""
    words = set(re.findall(r"[a-z0-9]{3,}", address))
    name = _bare(address.rpartition("@")[0] or address)
    numbers = (number for number in re.findall(r"\d+", code) if len(number) > _CHANCE)
    return (
        not words.isdisjoint(re.findall(r"[a-z0-9]+", code))
        or (len(name) > _CHANCE and name in _bare(code))
        or any(number in _bare(address) for number in numbers)
    )


def _bare(text: str) -> str:
    return "".join(filter(str.isalnum, text))
