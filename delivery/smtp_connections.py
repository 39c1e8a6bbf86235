"""A few open connections to one SMTP server, reused."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress

import aiosmtplib

from madan_sara.contracts.errors import MisconfiguredProviderError, ProviderUnavailableError
from madan_sara.delivery.smtp_dialogue import ConnectionLostError, SmtpDialogue, abort
from madan_sara.delivery.smtp_errors import error_of
from madan_sara.delivery.smtp_replies import Meaning, NegativeReply, SmtpReply, Stage, classify
from madan_sara.delivery.smtp_settings import SmtpSettings

#: The peer went away in the middle of the handshake: says nothing about the settings.
_BROKEN_HANDSHAKE = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)

#: Announces a message on a connection: None, or the answer that says no.
Announcement = Callable[[SmtpDialogue], Awaitable[NegativeReply | None]]


class SmtpConnections:
    """Lends connections on which a message is announced.

    Raises:
        ValueError: the CA file of the settings holds no certificates that can be read.
    """

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        # Built once: reading the authorities costs more than a handshake.
        self._tls = None if settings.security == "none" else _trusting(settings.ca_file)
        self._idle: list[SmtpDialogue] = []
        self._slots = asyncio.Semaphore(settings.max_connections)
        self._closed = False

    @asynccontextmanager
    async def announced(
        self, announce: Announcement
    ) -> AsyncIterator[tuple[SmtpDialogue, NegativeReply | None]]:
        """Lend a connection with the announcement's result; it is reused if all ends well.

        Raises:
            ProviderUnavailableError: the server cannot be reached, or not in time.
            MisconfiguredProviderError: it refuses our login, or is not the server we trust.
        """
        async with AsyncExitStack() as lent:
            try:
                # Each answer has its time, and a server may use all of it for every one.
                async with asyncio.timeout(self._settings.announce_timeout_seconds):
                    await lent.enter_async_context(self._slots)
                    dialogue, objection = await self._announce(announce)
            except TimeoutError:
                raise ProviderUnavailableError(
                    f"SMTP server {self._settings.server} was not ready for the content in "
                    f"{self._settings.announce_timeout_seconds:g} s"
                ) from None
            with dialogue:
                yield dialogue, objection
            if self._closed:
                dialogue.abort()
            else:
                self._idle.append(dialogue)

    async def close(self) -> None:
        """Take leave of the server on every idle connection."""
        self._closed = True
        leaving, self._idle = self._idle, []
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.timeout_seconds):
                for dialogue in leaving:
                    await dialogue.quit()
        for dialogue in leaving:
            dialogue.abort()

    async def _announce(self, announce: Announcement) -> tuple[SmtpDialogue, NegativeReply | None]:
        """Announce on a connection used before, and on a fresh one where that is worn.

        A connection may be used up (RFC 5321, 3.8) without the account being out of service;
        nothing has left yet, so that asking again costs nothing.
        """
        used = await self._reuse()
        if used is not None:
            with suppress(ConnectionLostError), used:
                objection = await announce(used)
                if objection is None or objection.meaning is not Meaning.WORN:
                    return used, objection
                used.abort()
        fresh = await self._open()
        try:
            with fresh:
                return fresh, await announce(fresh)
        except ConnectionLostError as lost:
            raise ProviderUnavailableError(
                f"connection to SMTP server {self._settings.server} was lost before the "
                f"content left ({lost.what})"
            ) from None

    async def _reuse(self) -> SmtpDialogue | None:
        """The idle connection used last, if it still answers.

        RSET does both: it shows that the server is there and clears what a
        refused message may have left behind.
        """
        while self._idle:
            dialogue = self._idle.pop()
            if not dialogue.is_open:
                continue
            with suppress(ConnectionLostError), dialogue:
                if (await dialogue.ask(b"RSET")).code == aiosmtplib.SMTPStatus.completed:
                    return dialogue
            dialogue.abort()
            return None
        return None

    async def _open(self) -> SmtpDialogue:
        settings = self._settings
        smtp = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            local_hostname=settings.helo_name,
            timeout=settings.timeout_seconds,
            use_tls=settings.security == "tls",
            start_tls=False,
            tls_context=self._tls,
        )
        try:
            with _connecting_to(settings.server):
                await smtp.connect()
                await smtp.ehlo()
                await self._encrypt(smtp)
                await self._log_in(smtp)
        except BaseException:
            abort(smtp)
            raise
        return SmtpDialogue(smtp)

    async def _encrypt(self, smtp: aiosmtplib.SMTP) -> None:
        if self._settings.security != "starttls":
            return
        if not smtp.supports_extension("starttls"):
            raise MisconfiguredProviderError(
                f"SMTP server {self._settings.server} does not offer STARTTLS; "
                "set security to tls, or to none if the network is trusted"
            )
        await smtp.starttls()
        # The server's offers before encryption do not count (RFC 3207).
        await smtp.ehlo()

    async def _log_in(self, smtp: aiosmtplib.SMTP) -> None:
        login = self._settings.login()
        if login is None:
            return
        if not smtp.supported_auth_methods:
            raise MisconfiguredProviderError(
                f"SMTP server {self._settings.server} offers no login we know; "
                "remove username and password, or check port and security"
            )
        await smtp.login(*login)


def _trusting(ca_file: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ValueError(
            f"ca_file: no certificates can be read from {ca_file} ({error.strerror or error}); "
            "give a PEM file"
        ) from None


@contextmanager
def _connecting_to(server: str) -> Iterator[None]:
    """Translate errors from before there is a message to lose.

    Always without the cause: the words of a server may quote addresses.
    """
    try:
        yield
    except aiosmtplib.SMTPResponseException as answer:
        at_login = isinstance(answer, aiosmtplib.SMTPAuthenticationError)
        stage = Stage.LOGIN if at_login else Stage.CONNECTING
        negative = classify(stage, SmtpReply(answer.code, answer.message))
        if negative is not None:
            raise error_of(negative, server) from None
        raise _unreachable(server, str(answer.code)) from None
    except (aiosmtplib.SMTPException, OSError) as failure:
        origin = failure if isinstance(failure, ssl.SSLError) else failure.__cause__
        if isinstance(origin, ssl.SSLError) and not isinstance(origin, _BROKEN_HANDSHAKE):
            reason = getattr(origin, "verify_message", None) or origin.reason
            raise MisconfiguredProviderError(
                f"no trusted TLS connection to SMTP server {server}: {reason}; "
                "check security, port, host name and ca_file"
            ) from None
        raise _unreachable(server, type(origin or failure).__name__) from None


def _unreachable(server: str, what: str) -> ProviderUnavailableError:
    return ProviderUnavailableError(f"SMTP server {server} cannot be reached ({what})")
