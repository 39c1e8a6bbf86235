"""A provider that takes everything at once, without a network."""

from benchmarks.load import CHANNELS
from madan_sara.activities.sender import (
    Accepted,
    Call,
    CallLease,
    MessageSender,
    OutgoingMessage,
    Refused,
    SenderCapabilities,
)
from madan_sara.contracts.channels import Channel


class AcceptingSender(MessageSender):
    """Accepts every message."""

    @property
    def provider(self) -> str:
        """Name of the provider; see `MessageSender.provider`."""
        return "accepting"

    @property
    def account(self) -> str:
        """Name of the account; see `MessageSender.account`."""
        return "accepting"

    @property
    def capabilities(self) -> SenderCapabilities:
        """Nothing special; see `MessageSender.capabilities`."""
        return SenderCapabilities()

    def prepare(self, message: OutgoingMessage) -> Call | Refused:
        """Accept when called; see `MessageSender.prepare`."""

        async def call(lease: CallLease) -> Accepted | Refused:
            lease.check()
            return Accepted(f"accepted-{message.idempotency_key}")

        return call

    async def look_up(self, idempotency_key: str) -> Accepted | Refused | None:
        """Never asked, as the capabilities do not declare it."""
        raise NotImplementedError(idempotency_key)

    async def close(self) -> None:
        """Nothing to give back."""


def accepting_senders() -> dict[Channel, MessageSender]:
    """One for every channel of the benchmarks' campaigns."""
    return {channel: AcceptingSender() for channel in CHANNELS}
