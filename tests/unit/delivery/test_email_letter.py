"""Letters as they leave: nothing of a message is ever a header, an address or a body of its own."""

import re
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from madan_sara.activities.sender import OutgoingMessage, Refused
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.content import RenderedMessage
from madan_sara.delivery.email_letter import Letter, UnwritableLetterError, compose
from madan_sara.delivery.email_smtp import EmailSmtpSender
from madan_sara.delivery.smtp_settings import SmtpSettings
from tests.unit.delivery.strict_mail import Field, fields_of

_ID = UUID(int=7)
_NAMES = [
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
]
_PLAIN = [*_NAMES, "Content-Type", "Content-Transfer-Encoding", "MIME-Version"]
_EVIL = [
    "=?utf-8?q?x=0D=0ABcc:_evil@example.com?=",
    "=?utf-8?q?x=0D=0A=0D=0A<b>a_body</b>?=",
    "=?utf-8?b?eA0KQmNjOiBldmlsQGV4YW1wbGUuY29t?=",
    "=?unicode_escape?q?=5Cud800?=",
    "=?utf-8?q?a?= =?utf-8?q?b?=",
    "x\r\nBcc: evil@example.com\r\nReply-To: evil@example.com\r\n\r\nbody",
    "x\nBcc: evil@example.com",
    "x\rBcc: evil@example.com",
    "x\x00\x0b\x0c\x85\u2028\u2029Bcc: evil@example.com",
    "x\x00\x1b\x7fBcc: evil@example.com",
    "\u202emoc.elpmaxe@live\u202c \u2066\u2069\u200f",
    "Ana <evil@example.com>, ben@example.com;",
    '"Ana" (comment) \\',
    ".\r\n.\r\nMAIL FROM:<evil@example.com>",
]


def settings(**changes: Any) -> SmtpSettings:
    given: dict[str, Any] = {
        "host": "h",
        "port": 25,
        "sender": "Chez Ménard <news@shop.test>",
        "security": "none",
        "unsubscribe_url": "https://shop.test/u/{message_id}",
        "unsubscribe_mailto": "bye@shop.test",
        **changes,
    }
    return SmtpSettings(**given)


def letter_of(address: str = "ana@example.com", **content: str | None) -> Letter:
    message = OutgoingMessage(
        Channel.EMAIL, address, RenderedMessage(**{"text": "Bonjou", **content}), _ID, f"{_ID}:1"
    )
    return compose(message, settings())


def fields(letter: Letter) -> dict[str, Field]:
    found = fields_of(letter.content, "utf-8" if letter.needs_utf8 else "ascii")
    assert [field.name for field in found][: len(_NAMES)] == _NAMES
    assert sorted(field.name for field in found[len(_NAMES) :]) in (
        sorted(_PLAIN[len(_NAMES) :]),
        ["Content-Type", "MIME-Version"],
    )
    return {field.name: field for field in found}


def one_line(text: str) -> str:
    return re.sub(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+", " ", text).strip(" ")


@pytest.mark.parametrize("evil", _EVIL)
def test_a_subject_is_a_subject(evil):
    found = fields(letter_of(subject=f"Bonjou {evil}, vini"))
    assert found["Subject"].text == one_line(f"Bonjou {evil}, vini")
    assert found["To"].raw == "ana@example.com"


@pytest.mark.parametrize("evil", _EVIL)
def test_the_first_line_of_a_text_is_a_subject_at_most(evil):
    assert set(fields(letter_of(text=evil))) <= set(_PLAIN)
    assert set(fields(letter_of(text="", html=f"<p>{evil}</p>"))) <= set(_PLAIN)


@pytest.mark.parametrize("evil", _EVIL)
def test_no_text_or_html_begins_a_part_or_ends_the_letter(evil):
    letter = letter_of(text=f"{evil}\n{evil}", html=f"<p>{evil}</p>", subject="s")
    content_type = fields(letter)["Content-Type"].raw
    boundary = re.fullmatch(r'multipart/alternative; *boundary="([^"]+)"', content_type)
    assert boundary
    body = letter.content.partition(b"\r\n\r\n")[2]
    parts = body.split(b"--" + boundary[1].encode())
    assert len(parts) == 4, "text, HTML, and nothing before or after"
    for part, kind in zip(parts[1:3], ("text/plain", "text/html"), strict=True):
        of_part = {field.name: field.raw for field in fields_of(part.removeprefix(b"\r\n"))}
        assert of_part.pop("Content-Type") == f'{kind}; charset="utf-8"'
        assert set(of_part) <= {"Content-Transfer-Encoding", "MIME-Version"}
    assert not re.search(rb"[^\x09\x0a\x0d\x20-\x7e]", body)
    assert all(len(line) <= 998 for line in body.split(b"\r\n"))


@pytest.mark.parametrize("evil", _EVIL)
def test_an_address_is_refused_or_is_one_address(evil):
    for address in (
        f"\ud800{evil}@example.com",
        f"{evil}@example.com",
        f"ana@{evil}",
        f"ana{evil}@example.com",
        evil,
    ):
        with pytest.raises(UnwritableLetterError, match="invalid_address") as caught:
            letter_of(address)
        assert caught.value.__cause__ is None


@hypothesis_settings(deadline=None)
@given(
    st.text(min_size=1, max_size=20) | st.from_regex(r"=\?[a-z0-9_-]+\?[bq]\?[!-~]*\?="),
    st.sampled_from(["example.com", "straße.example.com", "bücher.test"]),
)
def test_a_strange_address_is_the_one_recipient_or_refused(local_part, domain):
    try:
        letter = letter_of(f"{local_part}@{domain}")
    except UnwritableLetterError:
        return
    assert fields(letter)["To"].raw == letter.recipient
    assert re.fullmatch(r"[^\s<>,;:()\\\"@\x00-\x1f]+@[a-z0-9.-]+", letter.recipient)
    assert "=?" not in letter.recipient


@pytest.mark.parametrize(
    "content",
    [
        {"subject": "half \ud800"},
        {"text": "half \udfff"},
        {"subject": "s", "html": "<p>half \udc80</p>"},
        {"text": "", "html": "<p>half \ud83c</p>"},
    ],
)
def test_half_a_character_is_refused_before_the_server_is_asked(content):
    message = OutgoingMessage(
        Channel.EMAIL, "a@example.com", RenderedMessage(**{"text": "t", **content}), _ID, "k:1"
    )
    assert EmailSmtpSender(settings()).prepare(message) == Refused("unencodable_text")


@pytest.mark.parametrize("name", [evil for evil in _EVIL if evil.isprintable()])
def test_a_sender_name_from_the_settings_is_a_name(name):
    try:
        given_settings = settings(sender=f'"{name}" <news@shop.test>')
    except ValueError:
        return
    message = OutgoingMessage(Channel.EMAIL, "a@example.com", RenderedMessage(text="t"), _ID, "k:1")
    found = fields(compose(message, given_settings))
    assert found["From"].raw.endswith(" <news@shop.test>")
    assert "evil@example.com" not in re.sub(r'"[^"]*"', "", found["From"].raw)


@pytest.mark.parametrize("name", ["unsubscribe_url", "unsubscribe_mailto"])
@pytest.mark.parametrize("evil", [*_EVIL, "\ud800", "x" * 901])
def test_unsubscribe_settings_cannot_break_out(name, evil):
    with pytest.raises(ValueError, match=name):
        settings(**{name: f"https://shop.test/{evil}"})
