"""E-mail, handed to an SMTP server."""

import re
from functools import partial
from typing import Final

import aiosmtplib

from activities.errors import (
    AmbiguousDeliveryError,
    MisconfiguredProviderError,
    TransientDeliveryError,
)
from activities.sender import (
    Accepted,
    Call,
    CallLease,
    MessageSender,
    OutgoingMessage,
    Refused,
    SenderCapabilities,
)
from delivery.email_letter import Letter, UndeliverableAddressError, compose
from delivery.smtp_connections import SmtpConnections
from delivery.smtp_settings import SmtpSettings

__all__ = ["EmailSmtpSender", "SmtpSettings"]

_GO_AHEAD: Final = 354
#: The server wants a login or encryption first (RFC 4954): our settings are wrong, not the message.
_NOT_LOGGED_IN: Final = frozenset({530, 534, 535, 538})
_LEADING_DOT: Final = re.compile(rb"(?m)^\.")


class EmailSmtpSender(MessageSender):
    """Sends over SMTP.

    SMTP has no idempotency keys and cannot be asked what became of a message,
    so all depends on telling the two sides of DATA apart: up to the answer 354
    the server has nothing; from the first byte of content on it may have it all.

    Raises:
        OSError: the CA file of the settings cannot be read.
    """

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._connections = SmtpConnections(settings)

    @property
    def provider(self) -> str:
        """Name of the provider, as kept with each attempt."""
        return self._settings.provider

    @property
    def account(self) -> str:
        """The server, as its outages are kept under."""
        return self._settings.server

    @property
    def capabilities(self) -> SenderCapabilities:
        """None of the optional ones: plain SMTP offers none."""
        return SenderCapabilities()

    def prepare(self, message: OutgoingMessage) -> Call | Refused:
        """Compose one e-mail; see `MessageSender.prepare`."""
        try:
            letter = compose(message, self._settings)
        except UndeliverableAddressError:
            return Refused("invalid_address")
        return partial(self._send, letter)

    async def _send(self, letter: Letter, lease: CallLease) -> Accepted | Refused:
        async with self._connections.lease() as smtp:
            if letter.needs_utf8 and not smtp.supports_extension("smtputf8"):
                return Refused("smtputf8_not_supported")
            refused = await self._announce(smtp, letter)
            if refused is not None:
                return refused
            lease.check()
            return await self._hand_over(smtp, letter)

    async def look_up(self, idempotency_key: str) -> Accepted | Refused | None:
        """Never called: the capabilities do not declare it."""
        raise NotImplementedError("SMTP cannot be asked what became of a message")

    async def close(self) -> None:
        """Give back connections."""
        await self._connections.close()

    async def _announce(self, smtp: aiosmtplib.SMTP, letter: Letter) -> Refused | None:
        """MAIL, RCPT and DATA, up to the go-ahead: nothing has left yet."""
        options = ["SMTPUTF8", "BODY=8BITMIME"] if letter.needs_utf8 else []
        try:
            await smtp.mail(self._settings.sender_mailbox.addr_spec, options=options)
            await smtp.rcpt(letter.recipient, encoding="utf-8")
            code = (await smtp.execute_command(b"DATA")).code
        except aiosmtplib.SMTPResponseException as negative:
            # Judged below, outside: an error raised here would carry this one along.
            code = negative.code
        except (aiosmtplib.SMTPException, OSError) as failure:
            # Without the cause, here and below: it quotes what the server said,
            # and servers repeat the address.
            raise TransientDeliveryError(
                f"connection to SMTP server {self._settings.server} was lost before the "
                f"content left ({type(failure).__name__})"
            ) from None
        return None if code == _GO_AHEAD else self._judge(code)

    async def _hand_over(self, smtp: aiosmtplib.SMTP, letter: Letter) -> Accepted | Refused:
        """The content and the server's verdict on it.

        Written out instead of `SMTP.data()`, which sends DATA as well and fails
        the same way before and after the go-ahead.
        """
        connection = smtp.protocol
        if connection is None or not connection.is_connected:
            raise TransientDeliveryError(
                f"connection to SMTP server {self._settings.server} was lost before the content "
                "left"
            )
        try:
            connection.write(_LEADING_DOT.sub(b"..", letter.content) + b".\r\n")
            answer = await connection.read_response(timeout=self._settings.content_timeout_seconds)
        except (aiosmtplib.SMTPException, OSError) as failure:
            raise AmbiguousDeliveryError(
                f"SMTP server {self._settings.server} did not confirm the content "
                f"({type(failure).__name__})"
            ) from None
        if 200 <= answer.code < 300:
            return Accepted(letter.message_id)
        if not 400 <= answer.code < 600:
            raise AmbiguousDeliveryError(
                f"SMTP server {self._settings.server} confirmed the content with {answer.code}, "
                "which means nothing"
            )
        return self._judge(answer.code)

    def _judge(self, code: int) -> Refused:
        """What a negative answer means; in each case the server has not taken the message."""
        if code in _NOT_LOGGED_IN:
            raise MisconfiguredProviderError(
                f"SMTP server {self._settings.server} wants a login or encryption first ({code}); "
                "check username, password and security"
            )
        if 500 <= code < 600:
            return Refused(f"smtp_{code}")
        raise TransientDeliveryError(
            f"SMTP server {self._settings.server} cannot take the message now ({code})"
        )
