"""E-mail, handed to an SMTP server."""

from datetime import timedelta
from functools import partial
from typing import Final

from madan_sara.activities.sender import (
    Accepted,
    Call,
    CallLease,
    MessageSender,
    OutgoingMessage,
    Refused,
    SenderCapabilities,
)
from madan_sara.contracts.errors import AmbiguousDeliveryError
from madan_sara.delivery.email_letter import Letter, UnwritableLetterError, compose
from madan_sara.delivery.smtp_connections import SmtpConnections
from madan_sara.delivery.smtp_dialogue import ConnectionLostError, SmtpDialogue
from madan_sara.delivery.smtp_errors import refusal_of
from madan_sara.delivery.smtp_replies import Meaning, NegativeReply, Stage, classify
from madan_sara.delivery.smtp_settings import SmtpSettings

__all__ = ["EmailSmtpSender", "SmtpSettings"]

_GO_AHEAD: Final = range(354, 355)
_DONE: Final = range(200, 300)
#: How long a call may last beyond its own time-outs, on a busy machine.
_MARGIN: Final = timedelta(seconds=10)


class EmailSmtpSender(MessageSender):
    """Sends over SMTP.

    SMTP has no idempotency keys and cannot be asked for a message's result,
    so all depends on the two sides of DATA: up to the answer 354
    the server has nothing; from the first byte of content on it may have it all.

    Raises:
        ValueError: the CA file of the settings cannot be read.
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
        return SenderCapabilities(
            longest_call=self._settings.longest_dialogue + _MARGIN,
            longest_approach=timedelta(seconds=self._settings.announce_timeout_seconds),
        )

    def prepare(self, message: OutgoingMessage) -> Call | Refused:
        """Compose one e-mail; see `MessageSender.prepare`."""
        try:
            letter = compose(message, self._settings)
        except UnwritableLetterError as error:
            return Refused(error.code)
        return partial(self._send, letter)

    async def _send(self, letter: Letter, lease: CallLease) -> Accepted | Refused:
        announce = partial(self._announce, letter)
        async with self._connections.announced(announce) as (dialogue, objection):
            negative = objection or await self._hand_over(dialogue, letter, lease)
        if negative is None:
            return Accepted(letter.message_id)
        return refusal_of(negative, self._settings.server)

    async def look_up(self, idempotency_key: str) -> Accepted | Refused | None:
        """Never called: the capabilities do not declare it."""
        raise NotImplementedError("SMTP cannot be asked what became of a message")

    async def close(self) -> None:
        """Give back connections."""
        await self._connections.close()

    async def _announce(self, letter: Letter, dialogue: SmtpDialogue) -> NegativeReply | None:
        """MAIL, RCPT and DATA, up to the go-ahead: nothing has left yet."""
        if letter.needs_utf8 and not dialogue.offers("smtputf8"):
            return NegativeReply(Stage.SENDER, Meaning.REFUSED, "smtputf8_not_supported")
        sender = self._settings.sender_mailbox.addr_spec
        options = " SMTPUTF8 BODY=8BITMIME" if letter.needs_utf8 else ""
        for stage, command, expected in (
            (Stage.SENDER, f"MAIL FROM:<{sender}>{options}", _DONE),
            (Stage.RECIPIENT, f"RCPT TO:<{letter.recipient}>", _DONE),
            (Stage.DATA, "DATA", _GO_AHEAD),
        ):
            reply = await dialogue.ask(command.encode())
            if reply.code in expected:
                continue
            negative = classify(stage, reply)
            if negative is None:
                raise ConnectionLostError(reply.code)
            return negative
        # The go-ahead may have come together with the end, or with an answer too many.
        dialogue.check_in_step()
        return None

    async def _hand_over(
        self, dialogue: SmtpDialogue, letter: Letter, lease: CallLease
    ) -> NegativeReply | None:
        """The content and the server's answer to it; None: it has taken the message."""
        lease.check()
        try:
            reply = await dialogue.hand_over(letter.content, self._settings.content_timeout_seconds)
        except ConnectionLostError as lost:
            raise self._unconfirmed(lost.what) from None
        negative = classify(Stage.CONTENT, reply)
        if negative is None and reply.code not in _DONE:
            raise self._unconfirmed(reply.code)
        return negative

    def _unconfirmed(self, what: str | int) -> AmbiguousDeliveryError:
        return AmbiguousDeliveryError(
            f"SMTP server {self._settings.server} did not confirm the content ({what})"
        )
