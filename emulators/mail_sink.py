"""An SMTP server on this machine that keeps every mail, and can be made to fail.

The local part of the recipient's address decides what happens; the words must
stand by themselves (`refuse@`, `ana+drop@`, not `dropbox@`):

| word | what happens |
|---|---|
| `refuse` | RCPT is answered 550, every time |
| `greylist` | RCPT is answered 451 twice, then accepted |
| `spam` | the content is answered 554, not kept, every time |
| `drop` | the content is kept, the connection closed without an answer |
| `vanish` | the content is not kept, the connection closed without an answer; every time |

Anything else is accepted.
"""

import asyncio
import email
import email.policy
import re
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import Any, Final, Literal, cast

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from madan_sara.emulators.sandbox.behaviour import asked_word

_WORDS: Final = ("refuse", "greylist", "spam", "drop", "vanish")
_GREYLISTED_TRIES: Final = 2
#: The wait it asks for in words, as greylisting servers do; theirs is some minutes.
_GREYLISTED_SECONDS: Final = 2
_TRACE: Final = re.compile(r"<(.*)>")


@dataclass(frozen=True)
class StoredMail:
    """A mail as a mailbox keeps it, with the envelope it came in."""

    envelope_from: str
    envelope_to: tuple[str, ...]
    message: EmailMessage

    @classmethod
    def parse(cls, content: bytes) -> "StoredMail":
        """Read a mail that begins with the trace headers of its delivery."""
        message = email.message_from_bytes(content, policy=email.policy.default)
        return cls(
            envelope_from=_TRACE.sub(r"\1", message["Return-Path"]),
            envelope_to=tuple(message.get_all("Delivered-To", [])),
            message=message,
        )


#: Whether the mails kept so far are those a caller waits for.
MailPredicate = Callable[[Sequence[StoredMail]], bool]


class MailSink:
    """The server, inside the running event loop.

    Args:
        folder: where each mail is kept as an .eml file and found again by a
            second start; None: in memory only.
        security: how the server encrypts.
        tls: certificate of the server; needed unless security is none.
        login: user name and password without which it takes nothing; None: open.
        smtputf8: whether it takes addresses beyond ASCII.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        security: Literal["none", "starttls", "tls"] = "none",
        tls: ssl.SSLContext | None = None,
        login: tuple[str, str] | None = None,
        smtputf8: bool = True,
    ) -> None:
        self._folder = folder
        self._security = security
        self._tls = tls
        self._dialogue = _Dialogue(login, self._keep)
        self._smtputf8 = smtputf8
        self._messages: list[StoredMail] = []
        self._changed = asyncio.Condition()
        self._connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self._address = ("", 0)
        if folder is not None:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            files = sorted(folder.glob("*.eml"))
            self._messages = [StoredMail.parse(file.read_bytes()) for file in files]

    @property
    def port(self) -> int:
        """The port it listens on.

        Raises:
            RuntimeError: the sink is not started.
        """
        if self._server is None:
            raise RuntimeError("the mail sink has no port before it is started")
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def messages(self) -> Sequence[StoredMail]:
        """Every mail kept, in order."""
        return self._messages

    async def wait_for(self, predicate: MailPredicate, timeout_seconds: float = 30.0) -> None:
        """Return once the kept mails satisfy a predicate.

        Raises:
            TimeoutError: they did not in time.
        """
        async with asyncio.timeout(timeout_seconds), self._changed:
            await self._changed.wait_for(lambda: predicate(self._messages))

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Serve; port 0 takes a free one."""
        self._server = await asyncio.get_running_loop().create_server(
            self._connect, host, port, ssl=self._tls if self._security == "tls" else None
        )
        self._address = (host, self.port)
        self._dialogue.leaving = False

    async def stop(self) -> None:
        """Drop every connection and end."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for connection in list(self._connections):
            connection.abort()
        if server is not None:
            await server.wait_closed()

    async def go_away(self) -> None:
        """Refuse every connection from now on; a mail that has begun is still answered."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.close()
        self._dialogue.leaving = True
        for connection in list(self._connections):
            if not connection.in_a_mail:
                connection.abort()

    async def come_back(self) -> None:
        """Serve again, on the same port."""
        await self.start(*self._address)

    def _connect(self) -> "_Connection":
        return _Connection(
            self._dialogue,
            on_opened=self._connections.add,
            on_closed=self._connections.discard,
            hostname="mail-sink.local",
            enable_SMTPUTF8=self._smtputf8,
            tls_context=self._tls if self._security == "starttls" else None,
            require_starttls=self._security == "starttls",
            authenticator=self._dialogue.authenticate,
            # Implicit TLS is below what aiosmtpd sees: it would not offer a login.
            auth_require_tls=self._security != "tls",
            loop=asyncio.get_running_loop(),
        )

    async def _keep(self, envelope: Envelope) -> None:
        trace = [f"Return-Path: <{envelope.mail_from}>"]
        trace += [f"Delivered-To: {recipient}" for recipient in envelope.rcpt_tos]
        content = "\r\n".join([*trace, ""]).encode() + (envelope.original_content or b"")
        self._messages.append(StoredMail.parse(content))
        self._write(content)
        async with self._changed:
            self._changed.notify_all()

    def _write(self, content: bytes) -> None:
        if self._folder is None:
            return
        file = self._folder / f"{len(self._messages):08d}.eml"
        # Renamed when complete, so that a second start never reads half a mail.
        unfinished = file.with_suffix(".part")
        unfinished.write_bytes(content)
        unfinished.replace(file)


class _Dialogue:
    """The answers to commands; the names are aiosmtpd's."""

    def __init__(
        self, login: tuple[str, str] | None, keep: Callable[[Envelope], Awaitable[None]]
    ) -> None:
        self._login = login
        self._keep = keep
        self._greylisted: Counter[str] = Counter()
        #: Whether a connection that is left is closed instead of taking another mail.
        self.leaving = False

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _how: str, given: object
    ) -> AuthResult:
        """Compare with the one login there is."""
        known = self._login and LoginPassword(*(part.encode() for part in self._login))
        return AuthResult(success=given == known, handled=False)

    async def handle_MAIL(  # noqa: N802
        self,
        server: "_Connection",
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        """Begin a mail, after a login if one is asked for."""
        if self.leaving:
            await server.hang_up()
        if self._login and not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Sender ok"

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take, refuse or greylist a recipient; like real servers, quoting the address."""
        word = _asked_of(address)
        if word == "refuse":
            return f"550 5.1.1 <{address}>: Recipient address rejected: User unknown"
        if word == "greylist" and self._greylisted[address] < _GREYLISTED_TRIES:
            self._greylisted[address] += 1
            return (
                f"451 4.7.1 <{address}>: Recipient address rejected: Greylisted, "
                f"try again in {_GREYLISTED_SECONDS} seconds"
            )
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Recipient ok"

    async def handle_DATA(  # noqa: N802
        self, server: "_Connection", _session: Session, envelope: Envelope
    ) -> str:
        """Keep the content, or lose it, or lose the answer."""
        words = {_asked_of(address) for address in envelope.rcpt_tos}
        if "spam" in words:
            return "554 5.7.1 Message content rejected"
        if "vanish" not in words:
            await self._keep(envelope)
        if words & {"vanish", "drop"}:
            await server.hang_up()
        return "250 2.0.0 Ok"


class _Connection(SMTP):
    """One client, known to the sink while it is connected."""

    def __init__(
        self,
        dialogue: _Dialogue,
        *,
        on_opened: "Callable[[_Connection], None]",
        on_closed: "Callable[[_Connection], None]",
        **options: Any,  # noqa: ANN401 - aiosmtpd's own, passed through
    ) -> None:
        super().__init__(dialogue, **options)
        self._on_opened = on_opened
        self._on_closed = on_closed
        self._lost = False

    @property
    def in_a_mail(self) -> bool:
        """Whether a mail has begun that is not answered yet."""
        return self.envelope is not None and self.envelope.mail_from is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._on_opened(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if not self._lost:
            self._lost = True
            super().connection_lost(error)
            self._on_closed(self)

    def abort(self) -> None:
        """Cut the connection."""
        if self.transport is not None:
            # Python 3.11: a TLS transport that has been shut down no longer has the protocol
            # it would abort.
            with suppress(AttributeError):
                cast(asyncio.WriteTransport, self.transport).abort()
        # Noted here as well: asyncio does not say when a TLS handshake is cut short.
        self.connection_lost(None)

    async def hang_up(self) -> None:
        """Close the connection instead of an answer; never returns."""
        if self.transport is not None:
            self.transport.close()
        # Losing the connection cancels the dialogue; an answer must not come first.
        await asyncio.Event().wait()


def _asked_of(address: str) -> str | None:
    return asked_word(address.rpartition("@")[0], _WORDS)
