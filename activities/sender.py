"""Port to a provider of one channel."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from contracts.channels import Channel
from contracts.content import RenderedMessage


@dataclass(frozen=True)
class SenderCapabilities:
    """What a provider can do, declared by its sender."""

    #: A second send with the same key has no second effect.
    idempotency_keys: bool = False
    #: The provider can be asked what became of a key.
    look_up: bool = False
    #: A message not found this long after the call was never taken.
    look_up_settles_after: timedelta = timedelta(0)
    #: Reports what happened after acceptance.
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


class MessageSender(Protocol):
    """Adapter to one provider of one channel."""

    @property
    def provider(self) -> str:
        """Name of the provider, as kept with each attempt and receipt."""
        ...

    @property
    def capabilities(self) -> SenderCapabilities:
        """What the provider can do."""
        ...

    async def send(self, message: OutgoingMessage) -> Accepted | Refused:
        """Hand over one message.

        Raises:
            TransientDeliveryError: certainly not taken; may be tried again.
            AmbiguousDeliveryError: may have been taken; the answer was lost.
            MisconfiguredProviderError: no try can succeed before a human acts.
        """
        ...

    async def look_up(self, idempotency_key: str) -> Accepted | Refused | None:
        """Ask what became of an earlier send; None: the provider does not know the key.

        Only called where the capabilities declare `look_up`.

        Raises:
            TransientDeliveryError: no answer now; may be asked again.
        """
        ...

    async def close(self) -> None:
        """Give back connections."""
        ...
