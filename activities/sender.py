"""Port to a provider of one channel."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.codes import as_code, as_provider_id
from madan_sara.contracts.content import RenderedMessage
from madan_sara.contracts.errors import LeaseExpiredError

__all__ = [
    "Accepted",
    "Call",
    "CallLease",
    "MessageSender",
    "OutgoingMessage",
    "Refused",
    "SenderCapabilities",
    "as_code",
    "as_provider_id",
    "running_seconds",
    "worker_time",
]


def running_seconds() -> float:
    """Seconds of a clock that goes on while the process, or the machine, is stopped."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def worker_time() -> datetime:
    """The present by this machine's clock, which may be wrong."""
    return datetime.fromtimestamp(time.time(), UTC)


@dataclass(frozen=True)
class CallLease:
    """Until when a run may call: later, another run may have replaced it.

    Args:
        ends_at: in seconds of `running_seconds`.
    """

    ends_at: float

    @classmethod
    def lasting(cls, duration: timedelta) -> "CallLease":
        """A lease from now on."""
        return cls(running_seconds() + duration.total_seconds())

    def check(self) -> None:
        """Ask in the last moment before the provider can take anything.

        Raises:
            LeaseExpiredError: do not call; nothing has left.
        """
        if running_seconds() > self.ends_at:
            raise LeaseExpiredError("the delivery was held up before its call; it did not call")


@dataclass(frozen=True)
class SenderCapabilities:
    """A provider's capabilities, declared by its sender."""

    #: A second send with the same key has no second effect.
    idempotency_keys: bool = False
    #: The provider can be asked for the result of a key.
    look_up: bool = False
    #: A message not found this long after its call was given up was never taken. Longer than
    #: any time-out on the way to the provider.
    look_up_settles_after: timedelta = timedelta(minutes=1)
    #: A call that has lasted this long is given up, its answer lost.
    longest_call: timedelta = timedelta(seconds=150)
    #: The part of it before the provider can take anything: to connect, to log in, to announce
    #: the message. The lease lasts as long.
    longest_approach: timedelta = timedelta(0)
    #: The provider sends receipts.
    receipts: bool = False
    #: Longest text it takes, in characters; None: no limit of its own.
    max_characters: int | None = None


@dataclass(frozen=True)
class OutgoingMessage:
    """One attempt, as handed to a provider."""

    channel: Channel
    address: str
    content: RenderedMessage
    message_id: UUID
    #: The same for every try of this attempt, different for every other.
    idempotency_key: str


@dataclass(frozen=True)
class Accepted:
    """The provider took the message."""

    provider_message_id: str


@dataclass(frozen=True)
class Refused:
    """The provider will not take the message; `code` says why, without personal data."""

    code: str


#: A message that is ready to go: composed, and needing only the lease of the run that calls.
Call = Callable[[CallLease], Awaitable[Accepted | Refused]]


class MessageSender(Protocol):
    """Adapter to one account at a provider of one channel."""

    @property
    def provider(self) -> str:
        """Name of the provider, as kept with each attempt and receipt."""
        ...

    @property
    def account(self) -> str:
        """The account as shown to people, like `mail.example.org:587`.

        Its outages are kept under this name: senders of one account share it. No secrets,
        no user names.
        """
        ...

    @property
    def capabilities(self) -> SenderCapabilities:
        """The provider's capabilities."""
        ...

    def prepare(self, message: OutgoingMessage) -> Call | Refused:
        """Make one call ready, before the attempt is opened; nothing leaves.

        All errors that need no provider are raised here.

        Returns:
            The call, to be made once at most, or why the provider need not be asked. The
            call asks its lease in the last moment before the provider can take anything.
            It raises a `DeliveryError`: a `NotTakenError` where the message was certainly not
            taken, `AmbiguousDeliveryError` where it may have been.
        """
        ...

    async def look_up(self, idempotency_key: str) -> Accepted | Refused | None:
        """Ask for the result of an earlier call; None: the provider does not know the key.

        Only called where the capabilities declare `look_up`.

        Raises:
            NotTakenError: no answer now; may be asked again.
        """
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...
