"""Header fields of an e-mail, written as they go over the wire and never parsed again.

The standard library parses a header when it is assigned and decodes encoded words in it, line
breaks included (CVE-2024-6923), and its folding loses or doubles blanks between encoded words.
Here a text is only ever encoded: nothing in it can begin a header or be an encoded word.
"""

import base64
import re
from collections.abc import Sequence
from typing import Final

_NEW_LINE: Final = "\r\n"
#: Of a line with an encoded word (RFC 2047, 2), and kept for all lines.
_LONGEST_LINE: Final = 76
#: `=?utf-8?q?` and `?=` around what an encoded word says.
_AROUND_WORD: Final = 12
#: Written as they are in Q, wherever an encoded word may stand (RFC 2047, 5(3)).
_PLAIN_IN_Q: Final = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/"
)
_BLANK: Final = 0x20
#: Words of printable ASCII with one blank between them, or nothing.
_PLAIN: Final = re.compile(r"(?:[\x21-\x7e]+(?: [\x21-\x7e]+)*)?")
_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_ATOMS: Final = re.compile(rf"{_ATOM}(?: {_ATOM})*")
#: A display name beyond it is folded, which only encoded words can be everywhere.
_LONGEST_PHRASE: Final = 60


def text_field(name: str, text: str) -> str:
    """A field that holds a text, like Subject.

    Args:
        name: the field's name.
        text: any text; what is not plain words is encoded (RFC 2047).

    Raises:
        UnicodeEncodeError: half a character is in the text.
    """
    if _is_plain(text):
        field = words_field(name, text.split(" "))
        if all(len(line) <= _LONGEST_LINE for line in field.split(_NEW_LINE)):
            return field
    return words_field(name, _encoded_words(text, _LONGEST_LINE - len(f"{name}: ")))


def mailbox_field(name: str, display_name: str, address: str) -> str:
    """A field that holds one mailbox, like From and To.

    Args:
        name: the field's name.
        display_name: any text; "" for none.
        address: a valid address; needs SMTPUTF8 where it is not ASCII.

    Raises:
        UnicodeEncodeError: half a character is in the display name.
    """
    if not display_name:
        return words_field(name, [address])
    return words_field(name, [*_phrase(display_name), f"<{address}>"])


def words_field(name: str, words: Sequence[str]) -> str:
    """A field of words that stay whole: the line is folded between them only."""
    lines = [f"{name}:"]
    for position, word in enumerate(words):
        # A field that begins with a fold is read wrongly by some.
        if position and len(lines[-1]) + 1 + len(word) > _LONGEST_LINE:
            lines.append("")
        lines[-1] += f" {word}"
    return _NEW_LINE.join(lines) + _NEW_LINE


def _is_plain(text: str) -> bool:
    """Whether every reader reads the text as it stands."""
    return _PLAIN.fullmatch(text) is not None and "=?" not in text


def _phrase(text: str) -> list[str]:
    """A display name (RFC 5322, 3.2.5): atoms, a quoted string, or encoded words."""
    if not _is_plain(text) or len(text) > _LONGEST_PHRASE:
        return _encoded_words(text, _LONGEST_PHRASE)
    if _ATOMS.fullmatch(text):
        return [text]
    return ['"' + re.sub(r'(["\\])', r"\\\1", text) + '"']


def _encoded_words(text: str, longest: int) -> list[str]:
    """A text as encoded words, blanks inside them: those between are not shown (RFC 2047, 6.2)."""
    octets = text.encode()
    in_q = sum(1 if octet in _PLAIN_IN_Q or octet == _BLANK else 3 for octet in octets)
    encode, mark = (_q, "q") if in_q <= len(octets) * 4 / 3 else (_b, "b")
    pieces = [""]
    for character in text:
        if len(encode(pieces[-1] + character)) > longest - _AROUND_WORD:
            pieces.append("")
        pieces[-1] += character
    return [f"=?utf-8?{mark}?{encode(piece)}?=" for piece in pieces]


def _q(text: str) -> str:
    return "".join(
        "_" if octet == _BLANK else chr(octet) if octet in _PLAIN_IN_Q else f"={octet:02X}"
        for octet in text.encode()
    )


def _b(text: str) -> str:
    return base64.b64encode(text.encode()).decode()
