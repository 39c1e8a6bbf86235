"""A provider that takes everything at once, without a network."""

from activities.sender import Accepted, MessageSender, OutgoingMessage, Refused, SenderCapabilities
from benchmarks.load import CHANNELS
from contracts.channels import Channel


class AcceptingSender(MessageSender):
    """Accepts every message."""

    @property
    def provider(self) -> str:
        """Name of the provider; see `MessageSender.provider`."""
        return "accepting"

    @property
    def capabilities(self) -> SenderCapabilities:
        """Nothing special; see `MessageSender.capabilities`."""
        return SenderCapabilities()

    async def send(self, message: OutgoingMessage) -> Accepted | Refused:
        """Accept; see `MessageSender.send`."""
        return Accepted(f"accepted-{message.idempotency_key}")

    async def look_up(self, idempotency_key: str) -> Accepted | Refused | None:
        """Never asked, as the capabilities do not declare it."""
        raise NotImplementedError(idempotency_key)

    async def close(self) -> None:
        """Nothing to give back."""


def accepting_senders() -> dict[Channel, MessageSender]:
    """One for every channel of the benchmarks' campaigns."""
    return {channel: AcceptingSender() for channel in CHANNELS}
