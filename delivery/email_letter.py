"""The e-mail as it goes over the wire, built from a rendered message."""

import hashlib
import re
import textwrap
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy, Policy
from email.utils import format_datetime
from typing import Final

from email_validator import EmailNotValidError, validate_email

from activities.sender import OutgoingMessage
from delivery.html_text import html_to_text
from delivery.smtp_settings import SmtpSettings

#: Longest subject taken from a text, the line length RFC 5322 asks for.
MAX_DERIVED_SUBJECT: Final = 78
_CONTROL_CHARACTERS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class _UriListHeader(UnstructuredHeader, BaseHeader):
    """List-Unsubscribe: `<uri>, <uri>`, folded between the URIs only.

    The stock folding rewrites a word too long for a line as an RFC 2047 encoded
    word, which no mail program recognises as a link.
    """

    def fold(self, *, policy: Policy) -> str:
        uris = str(self).split(", ")
        return f"{self.name}: " + f",{policy.linesep} ".join(uris) + policy.linesep


def _letter_policy() -> "EmailPolicy[EmailMessage]":
    # A registry of our own: the stock policies of the process share one.
    headers = HeaderRegistry()
    headers.map_to_type("list-unsubscribe", _UriListHeader)
    # 7bit, so that the letter passes servers without 8BITMIME unchanged.
    return SMTP.clone(cte_type="7bit", header_factory=headers)


_POLICY: Final = _letter_policy()


class UndeliverableAddressError(ValueError):
    """The address of the recipient is no e-mail address."""


@dataclass(frozen=True)
class Letter:
    """What the SMTP dialogue needs."""

    recipient: str
    #: The Message-ID header, brackets included.
    message_id: str
    content: bytes
    #: The recipient's local part is not ASCII: the server must take SMTPUTF8.
    needs_utf8: bool


def compose(message: OutgoingMessage, settings: SmtpSettings) -> Letter:
    """Build the letter of one message.

    Raises:
        UndeliverableAddressError: the address cannot be written to.
    """
    recipient, needs_utf8 = _deliverable(message.address)
    html = message.content.html
    text = message.content.text
    if not text.strip() and html:
        text = html_to_text(html)

    mail = EmailMessage(policy=_POLICY.clone(utf8=needs_utf8))
    mail["From"] = settings.sender_mailbox
    local_part, _, domain = recipient.rpartition("@")
    # In two parts: as one it would be parsed again, as ASCII.
    mail["To"] = Address(username=local_part, domain=domain)
    mail["Subject"] = _one_line(message.content.subject or "") or _subject_from(text)
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = message_id_header(message.idempotency_key, settings)
    _add_unsubscribe(mail, message, settings)
    mail.set_content(text)
    if html:
        mail.add_alternative(html, subtype="html")
    return Letter(recipient, mail["Message-ID"], mail.as_bytes(), needs_utf8)


def message_id_header(idempotency_key: str, settings: SmtpSettings) -> str:
    """The Message-ID of an attempt: the same for every try, and opaque.

    Stable, so that a server or mailbox that sees two tries can tell; hashed, so
    that recipients do not learn how our ids are built.
    """
    digest = hashlib.sha256(idempotency_key.encode()).hexdigest()
    return f"<{digest[:40]}@{settings.sender_mailbox.domain}>"


def _deliverable(address: str) -> tuple[str, bool]:
    """The address as it stands in the dialogue, and whether that is beyond ASCII."""
    try:
        # Syntax only: whether the domain takes mail is for the server to say.
        parsed = validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        # Without the cause: its text quotes the address.
        raise UndeliverableAddressError("not an e-mail address") from None
    if parsed.ascii_email is not None:
        return parsed.ascii_email, False
    return f"{parsed.local_part}@{parsed.ascii_domain}", True


def _one_line(text: str) -> str:
    return " ".join(_CONTROL_CHARACTERS.sub(" ", text).split())


def _subject_from(text: str) -> str:
    """The first line with something in it, cut at a word."""
    first_line = next((line for line in map(_one_line, text.splitlines()) if line), "")
    if len(first_line) <= MAX_DERIVED_SUBJECT:
        return first_line
    shortened = textwrap.shorten(first_line, MAX_DERIVED_SUBJECT, placeholder="…")
    # One word longer than the subject leaves nothing but the ellipsis.
    return shortened if shortened != "…" else first_line[: MAX_DERIVED_SUBJECT - 1] + "…"


def _add_unsubscribe(mail: EmailMessage, message: OutgoingMessage, settings: SmtpSettings) -> None:
    url = settings.unsubscribe_page(message.message_id)
    mailto = settings.unsubscribe_mailto
    uris = [f"<{url}>"] if url else []
    if mailto:
        uris.append(f"<mailto:{mailto}?subject=unsubscribe>")
    if uris:
        mail["List-Unsubscribe"] = ", ".join(uris)
    if url and url.startswith("https://"):
        # RFC 8058 allows the one-click request over https only.
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
