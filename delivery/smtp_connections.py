"""A few open connections to one SMTP server, reused."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress

import aiosmtplib

from activities.errors import MisconfiguredProviderError, TransientDeliveryError
from delivery.smtp_settings import SmtpSettings

#: The peer went away in the middle of the handshake: says nothing about the settings.
_BROKEN_HANDSHAKE = (ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)


class SmtpConnections:
    """Lends connections that are greeted, encrypted and logged in.

    Raises:
        ValueError: the CA file of the settings holds no certificates that can be read.
    """

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        # Built once: reading the authorities costs more than a handshake.
        self._tls = None if settings.security == "none" else _trusting(settings.ca_file)
        self._idle: list[aiosmtplib.SMTP] = []
        self._slots = asyncio.Semaphore(settings.max_connections)
        self._closed = False

    @asynccontextmanager
    async def lease(self) -> AsyncIterator[aiosmtplib.SMTP]:
        """Lend a connection; it is reused unless the block raises.

        Raises:
            TransientDeliveryError: the server cannot be reached or is not ready.
            MisconfiguredProviderError: it refuses our login, or is not whom we trust.
        """
        async with self._slots:
            smtp = await self._reuse() or await self._open()
            try:
                yield smtp
            except BaseException:
                # Whatever happened, the dialogue may be out of step.
                smtp.close()
                raise
            if self._closed:
                smtp.close()
            else:
                self._idle.append(smtp)

    async def close(self) -> None:
        """Take leave of the server on every idle connection."""
        self._closed = True
        while self._idle:
            smtp = self._idle.pop()
            # Politeness only; the connection ends either way.
            with suppress(aiosmtplib.SMTPException, OSError):
                await smtp.quit()
            smtp.close()

    async def _reuse(self) -> aiosmtplib.SMTP | None:
        """The idle connection used last, if it still answers.

        RSET does both: it shows that the server is there and clears what a
        refused message may have left behind.
        """
        while self._idle:
            smtp = self._idle.pop()
            if not smtp.is_connected:
                continue
            try:
                await smtp.rset()
            except (aiosmtplib.SMTPException, OSError):
                smtp.close()
                return None
            except BaseException:
                smtp.close()
                raise
            return smtp
        return None

    async def _open(self) -> aiosmtplib.SMTP:
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
            smtp.close()
            raise
        return smtp

    async def _encrypt(self, smtp: aiosmtplib.SMTP) -> None:
        if self._settings.security != "starttls":
            return
        if not smtp.supports_extension("starttls"):
            raise MisconfiguredProviderError(
                f"SMTP server {self._settings.server} does not offer STARTTLS; "
                "set security to tls, or to none if the network is trusted"
            )
        await smtp.starttls()
        # What the server offered before encryption does not count (RFC 3207).
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
    """Translate what can go wrong before there is a message to lose.

    Always without the cause: the words of a server may quote addresses.
    """
    try:
        yield
    except aiosmtplib.SMTPResponseException as answer:
        raise _refused_connection(server, answer) from None
    except (aiosmtplib.SMTPException, OSError) as failure:
        origin = failure if isinstance(failure, ssl.SSLError) else failure.__cause__
        if isinstance(origin, ssl.SSLError) and not isinstance(origin, _BROKEN_HANDSHAKE):
            reason = getattr(origin, "verify_message", None) or origin.reason
            raise MisconfiguredProviderError(
                f"no trusted TLS connection to SMTP server {server}: {reason}; "
                "check security, port, host name and ca_file"
            ) from None
        raise TransientDeliveryError(
            f"SMTP server {server} cannot be reached ({type(origin or failure).__name__})"
        ) from None


def _refused_connection(
    server: str, answer: aiosmtplib.SMTPResponseException
) -> TransientDeliveryError | MisconfiguredProviderError:
    """What an error code before the first message means; 5xx will not change by itself."""
    if answer.code < 500:
        return TransientDeliveryError(f"SMTP server {server} is not ready ({answer.code})")
    if isinstance(answer, aiosmtplib.SMTPAuthenticationError):
        return MisconfiguredProviderError(
            f"SMTP server {server} refuses the login ({answer.code}); check username and password"
        )
    return MisconfiguredProviderError(
        f"SMTP server {server} refuses to talk to us ({answer.code}); ask its operator"
    )
