"""The server and the account that take e-mail."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from email.headerregistry import Address
from email.utils import parseaddr
from typing import Final, Literal
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import SecretStr

#: Of our own sender, so also a@localhost, which no stranger's address may be.
_ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
#: RFC 5321, 4.5.3.1.3: a path has 256 octets, its brackets included.
_LONGEST_ADDRESS: Final = 254
#: Characters that break out of angle brackets, or read like an encoded word (RFC 2047).
_UNSAFE_IN_HEADER: Final = re.compile(r"[\s<>,\x00-\x1f\x7f]|[^\x00-\x7f]|=\?")
#: Leaves room in the 998 octets of a line (RFC 5322, 2.1.1) for a message id.
_LONGEST_URI: Final = 900


@dataclass(frozen=True)
class SmtpSettings:
    """One account at one SMTP server.

    Raises:
        ValueError: a setting cannot work; found here so that a worker fails when
            it starts and not at its first message.
    """

    host: str
    port: int
    #: `Name <a@b>` or `a@b`: the From header, and the envelope sender.
    sender: str
    security: Literal["none", "starttls", "tls"] = "starttls"
    username: str | None = None
    password: SecretStr | str | None = field(default=None, repr=False)
    #: For connecting, and for each answer up to the content.
    timeout_seconds: float = 10.0
    #: For the answer to the content. Longer, because servers scan it before they
    #: answer (RFC 5321, 4.5.3.2.6 allows ten minutes), and because giving up here
    #: leaves a message whose outcome stays unknown.
    content_timeout_seconds: float = 60.0
    #: For everything up to the content, a wait for a free connection included: a server may
    #: take all its time for every answer. With the content's it makes the longest call.
    announce_timeout_seconds: float = 80.0
    #: PEM file of the authorities to trust instead of the system's.
    ca_file: str | None = None
    #: Name given in EHLO; None: the name of this machine.
    helo_name: str | None = None
    #: Connections open at once; further messages wait for one.
    max_connections: int = 4
    #: Page to unsubscribe at, with `{message_id}` in it; one-click needs https.
    unsubscribe_url: str | None = None
    #: Address that takes unsubscribe requests.
    unsubscribe_mailto: str | None = None
    provider: str = "smtp"

    def __post_init__(self) -> None:
        """Refuse settings that could only fail later."""
        address = parseaddr(self.sender)[1]
        whole = self.sender == address or self.sender.endswith(f"<{address}>")
        usable = _ADDRESS.fullmatch(address) and len(address) <= _LONGEST_ADDRESS
        if not (whole and self.sender.isprintable() and usable):
            raise ValueError(f"sender: {self.sender!r} is no address; write it like Name <a@b.com>")
        if self.username is not None and self.security == "none":
            raise ValueError("username: would cross the network readable; use starttls or tls")
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password: one without the other; give both or neither")
        if self.max_connections < 1:
            raise ValueError(f"max_connections: {self.max_connections} is none; give at least 1")
        self._check_unsubscribe()

    @property
    def sender_mailbox(self) -> Address:
        """Display name and address of the sender."""
        name, address = parseaddr(self.sender)
        return Address(display_name=name, addr_spec=address)

    @property
    def server(self) -> str:
        """The server as shown to people."""
        return f"{self.host}:{self.port}"

    @property
    def longest_dialogue(self) -> timedelta:
        """The time-outs of one message in all."""
        return timedelta(seconds=self.announce_timeout_seconds + self.content_timeout_seconds)

    def login(self) -> tuple[str, str] | None:
        """User name and password in the clear, if the server wants a login."""
        if self.username is None or self.password is None:
            return None
        if isinstance(self.password, SecretStr):
            return self.username, self.password.get_secret_value()
        return self.username, self.password

    def unsubscribe_page(self, message_id: UUID) -> str | None:
        """The page at which the recipient of a message unsubscribes."""
        template = self.unsubscribe_url
        return template.replace("{message_id}", str(message_id)) if template else None

    def _check_unsubscribe(self) -> None:
        # Both end up inside angle brackets in a header, where these would break out.
        for name in ("unsubscribe_url", "unsubscribe_mailto"):
            uri = getattr(self, name) or ""
            if _UNSAFE_IN_HEADER.search(uri):
                raise ValueError(
                    f"{name}: contains a space, bracket, comma, '=?' or non-ASCII character"
                )
            if len(uri) > _LONGEST_URI:
                raise ValueError(f"{name}: has {len(uri)} characters; give at most {_LONGEST_URI}")
        template = self.unsubscribe_url
        if template and urlsplit(template).scheme not in ("http", "https"):
            raise ValueError(f"unsubscribe_url: {template!r} is no http or https URL")
