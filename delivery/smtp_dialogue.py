"""One connection to an SMTP server, asked one thing at a time."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final, Self, cast

import aiosmtplib

from madan_sara.delivery.smtp_replies import SmtpReply

_LEADING_DOT: Final = re.compile(rb"(?m)^\.")


class ConnectionLostError(Exception):
    """The connection ended, or the bytes are no answer of SMTP.

    Args:
        what: the type of the failure or the code of the answer, and nothing the server said.
    """

    def __init__(self, what: str | int) -> None:
        super().__init__(f"no usable answer ({what})")
        self.what = what


class SmtpDialogue:
    """A connection that is greeted, encrypted and logged in.

    Every answer is returned, whatever it says. Used as a context, it cuts the connection
    unless the block ends well: the two sides may be out of step.
    """

    def __init__(self, smtp: aiosmtplib.SMTP) -> None:
        self._smtp = smtp

    def __enter__(self) -> Self:
        return self

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        if failure is not None:
            self.abort()

    @property
    def is_open(self) -> bool:
        """Whether the connection stands, as far as this side knows."""
        return self._smtp.is_connected

    def offers(self, extension: str) -> bool:
        """Whether the server has announced an extension of SMTP."""
        return self._smtp.supports_extension(extension)

    def check_in_step(self) -> None:
        """Go on only where the server is there and has said nothing that was not asked.

        An answer too many would be read as the next one: "250" ahead of its time as the
        acceptance of a content that the server then refuses.

        Raises:
            ConnectionLostError: the connection cannot be used any more.
        """
        if not self.is_open:
            raise ConnectionLostError("closed")
        # The bytes after the last answer, in one piece with it; no public API shows them.
        if self._smtp.protocol is not None and self._smtp.protocol._buffer:
            raise ConnectionLostError("out of step")

    async def ask(self, command: bytes) -> SmtpReply:
        """Send one command and wait for its answer.

        Raises:
            ConnectionLostError: there was none.
        """
        self.check_in_step()
        with _no_answer_is_a_loss():
            answer = await self._smtp.execute_command(command)
        return SmtpReply(answer.code, answer.message)

    async def hand_over(self, content: bytes, timeout_seconds: float) -> SmtpReply:
        """Send the content, after the go-ahead, and wait for its answer.

        Written out instead of `SMTP.data()`, which sends DATA as well and fails the same way
        before and after the go-ahead.

        Raises:
            ConnectionLostError: there was no answer; the server may have it all.
        """
        connection = self._smtp.protocol
        if connection is None:
            raise ConnectionLostError("closed")
        with _no_answer_is_a_loss():
            connection.write(_LEADING_DOT.sub(b"..", content) + b".\r\n")
            answer = await connection.read_response(timeout=timeout_seconds)
        return SmtpReply(answer.code, answer.message)

    async def quit(self) -> None:
        """Take leave of the server; politeness only, the connection ends either way."""
        with suppress(aiosmtplib.SMTPException, OSError):
            await self._smtp.quit()

    def abort(self) -> None:
        """End the connection at once, also with data still on its way in it."""
        abort(self._smtp)


def abort(smtp: aiosmtplib.SMTP) -> None:
    """Cut a connection: closing alone would wait for the other side to read and to agree."""
    if smtp.transport is not None:
        # Python 3.11: a TLS transport that has been shut down no longer has the protocol it
        # would abort.
        with suppress(AttributeError):
            cast(asyncio.WriteTransport, smtp.transport).abort()
    smtp.close()


@contextmanager
def _no_answer_is_a_loss() -> Iterator[None]:
    # Without the cause: it quotes what the server said, and servers repeat the address.
    try:
        yield
    except aiosmtplib.SMTPResponseException as unreadable:
        raise ConnectionLostError(unreadable.code) from None
    except (aiosmtplib.SMTPException, OSError) as failure:
        raise ConnectionLostError(type(failure).__name__) from None
