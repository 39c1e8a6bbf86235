"""A reader of raw letters that follows RFC 5322 and RFC 2047 to the letter, and shares no code
with the standard library's parser, which is lenient and has violations of its own.
"""

import base64
import re
from dataclasses import dataclass

_FIELD = re.compile(r"([\x21-\x39\x3b-\x7e]+): ?(.*)", re.DOTALL)
_ENCODED_WORD = re.compile(r"=\?utf-8\?([bq])\?([\x21-\x3e\x40-\x7e]+)\?=")


@dataclass
class Field:
    """One header field."""

    name: str
    #: Unfolded, as it stands.
    raw: str

    @property
    def text(self) -> str:
        """The text that a reader shows."""
        return decoded(self.raw)


def fields_of(letter: bytes, charset: str = "ascii") -> list[Field]:
    """The fields of a letter, in order; asserts that every line keeps the rules."""
    head = letter.partition(b"\r\n\r\n")[0].decode(charset)
    assert not re.search("\r(?!\n)|(?<!\r)\n", head), "a bare line end"
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", head), "a control character"
    lines = head.split("\r\n")
    assert all(len(line.encode()) <= 998 for line in lines)
    for line in lines:
        if "=?" in line:
            assert len(line) <= 76, "RFC 2047, 2: a line with an encoded word"
        assert line.strip(), "a line of blanks only"
    fields = []
    for unfolded in re.sub("\r\n(?=[ \t])", "", head).split("\r\n"):
        match = _FIELD.fullmatch(unfolded)
        assert match, "a line that is no field"
        fields.append(Field(match[1], match[2]))
    return fields


def decoded(raw: str) -> str:
    """A field's value with its encoded words read; blanks between two of them are not shown."""
    shown, previous_encoded, gap = "", False, ""
    for token in re.findall(r"[ \t]+|[^ \t]+", raw):
        if token.isspace():
            gap = token
            continue
        match = _ENCODED_WORD.fullmatch(token)
        if match is None:
            assert "=?" not in token, "something that a lenient reader takes for an encoded word"
            shown += gap + token
        else:
            assert len(token) <= 75
            shown += ("" if previous_encoded else gap) + _read(match[1], match[2])
        previous_encoded, gap = match is not None, ""
    return shown + gap


def _read(encoding: str, written: str) -> str:
    # Whole characters in each word: RFC 2047, 5.
    if encoding == "b":
        return base64.b64decode(written, validate=True).decode()
    octets, position = bytearray(), 0
    while position < len(written):
        step = 3 if written[position] == "=" else 1
        piece = written[position : position + step]
        octets += bytes.fromhex(piece[1:]) if step == 3 else piece.replace("_", " ").encode()
        position += step
    return octets.decode()
