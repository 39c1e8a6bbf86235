"""The e-mail as it goes over the wire, built from a rendered message."""

import hashlib
import re
import textwrap
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final

from email_validator import validate_email

from madan_sara.activities.sender import OutgoingMessage
from madan_sara.delivery.html_text import html_to_text
from madan_sara.delivery.mail_headers import mailbox_field, text_field, words_field
from madan_sara.delivery.smtp_settings import SmtpSettings

#: Longest subject taken from a text, the line length RFC 5322 asks for.
MAX_DERIVED_SUBJECT: Final = 78
#: Characters that end or part a line, or are invisible. Other blanks, as before a French "!", stay.
_BETWEEN_WORDS: Final = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]+")
#: Not allowed in a letter (RFC 5322, 4): some servers refuse it for them.
_NOT_IN_A_BODY: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
#: 7bit, so that the letter passes servers without 8BITMIME unchanged.
_BODY_POLICY: Final = SMTP.clone(cte_type="7bit")


class UnwritableLetterError(ValueError):
    """No letter can be written of the message.

    Args:
        code: why, as it is kept with the refusal.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Letter:
    """The parts of the letter for the SMTP dialogue."""

    recipient: str
    #: The Message-ID header, brackets included.
    message_id: str
    content: bytes
    #: The recipient's local part is not ASCII: the server must take SMTPUTF8.
    needs_utf8: bool


def compose(message: OutgoingMessage, settings: SmtpSettings) -> Letter:
    """Build the letter of one message.

    Raises:
        UnwritableLetterError: the address cannot be written to, or a text holds half a
            character.
    """
    recipient, needs_utf8 = _deliverable(message.address)
    message_id = message_id_header(message.idempotency_key, settings)
    html = message.content.html
    text = message.content.text
    if not text.strip() and html:
        text = html_to_text(html)
    sender = settings.sender_mailbox
    try:
        fields = [
            mailbox_field("From", sender.display_name, sender.addr_spec),
            mailbox_field("To", "", recipient),
            text_field("Subject", _one_line(message.content.subject or "") or _subject_from(text)),
            words_field("Date", [format_datetime(datetime.now(UTC))]),
            words_field("Message-ID", [message_id]),
            *_unsubscribe_fields(message, settings),
        ]
        # The body brings fields of its own, without any text of the message.
        content = "".join(fields).encode() + _body(text, html)
    except UnicodeEncodeError:
        # Without the cause: it holds the text.
        raise UnwritableLetterError("unencodable_text") from None
    return Letter(recipient, message_id, content, needs_utf8)


def message_id_header(idempotency_key: str, settings: SmtpSettings) -> str:
    """The Message-ID of an attempt: the same for every try, and opaque.

    Stable, so that a server or mailbox that gets two tries can see it; hashed, so
    that recipients do not learn how our ids are built.
    """
    digest = hashlib.sha256(idempotency_key.encode()).hexdigest()
    return f"<{digest[:40]}@{settings.sender_mailbox.domain}>"


def _deliverable(address: str) -> tuple[str, bool]:
    """The address as it stands in the dialogue, and whether that is beyond ASCII."""
    try:
        # Syntax only: whether the domain takes mail is for the server to say.
        parsed = validate_email(address, check_deliverability=False, test_environment=True)
    except ValueError:
        # Without the cause: its text quotes the address.
        raise UnwritableLetterError("invalid_address") from None
    if "=?" in parsed.local_part:
        # Allowed, and read as an encoded word where it stands in the To header.
        raise UnwritableLetterError("invalid_address")
    if parsed.ascii_email is not None:
        return parsed.ascii_email, False
    return f"{parsed.local_part}@{parsed.ascii_domain}", True


def _body(text: str, html: str | None) -> bytes:
    """The MIME fields, an empty line and the text, with the HTML beside it if there is one."""
    mail = EmailMessage(policy=_BODY_POLICY)
    mail.set_content(_NOT_IN_A_BODY.sub("", text))
    if html:
        mail.add_alternative(_NOT_IN_A_BODY.sub("", html), subtype="html")
    return mail.as_bytes()


def _one_line(text: str) -> str:
    return _BETWEEN_WORDS.sub(" ", text).strip(" ")


def _subject_from(text: str) -> str:
    """The first line with something in it, cut at a word."""
    first_line = next((line for line in map(_one_line, text.splitlines()) if line), "")
    if len(first_line) <= MAX_DERIVED_SUBJECT:
        return first_line
    shortened = textwrap.shorten(first_line, MAX_DERIVED_SUBJECT, placeholder="…")
    # One word longer than the subject leaves nothing but the ellipsis.
    return shortened if shortened != "…" else first_line[: MAX_DERIVED_SUBJECT - 1] + "…"


def _unsubscribe_fields(message: OutgoingMessage, settings: SmtpSettings) -> list[str]:
    url = settings.unsubscribe_page(message.message_id)
    mailto = settings.unsubscribe_mailto
    uris = [f"<{url}>"] if url else []
    if mailto:
        uris.append(f"<mailto:{mailto}?subject=unsubscribe>")
    if not uris:
        return []
    *earlier, last = uris
    fields = [words_field("List-Unsubscribe", [*(f"{uri}," for uri in earlier), last])]
    if url and url.startswith("https://"):
        # RFC 8058 allows the one-click request over https only.
        fields.append(words_field("List-Unsubscribe-Post", ["List-Unsubscribe=One-Click"]))
    return fields
