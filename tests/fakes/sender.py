"""A provider that behaves as a test scripts it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import uuid4

from madan_sara.activities.sender import (
    Accepted,
    Call,
    CallLease,
    MessageSender,
    OutgoingMessage,
    Refused,
    SenderCapabilities,
)

Behaviour = Callable[[OutgoingMessage], Awaitable[Accepted | Refused]]


async def send(sender: MessageSender, message: OutgoingMessage) -> Accepted | Refused:
    """Hand one message over, as a run that nothing holds up does."""
    call = sender.prepare(message)
    return call if isinstance(call, Refused) else await call(CallLease.lasting(timedelta(days=1)))


async def accept(message: OutgoingMessage) -> Accepted | Refused:
    """Take the message."""
    return Accepted(provider_message_id=f"fake-{message.idempotency_key}")


async def refuse(message: OutgoingMessage) -> Accepted | Refused:
    """Say no."""
    return Refused(code="fake_refusal")


class Gate:
    """A provider call that waits to be let through, then takes the message or does not."""

    def __init__(self, failure: Exception | Refused | None = None, *, opened: bool = False) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()
        if opened:
            self.opened.set()
        self._failure = failure

    async def __call__(self, message: OutgoingMessage) -> Accepted | Refused:
        self.reached.set()
        await self.opened.wait()
        if isinstance(self._failure, Exception):
            raise self._failure
        return self._failure or Accepted("let-through")


class ScriptedSender:
    """A `MessageSender` with one behaviour per call, the last one repeated."""

    provider = "scripted"

    def __init__(
        self,
        *behaviours: Behaviour,
        capabilities: SenderCapabilities | None = None,
        known: Accepted | Refused | None = None,
    ) -> None:
        self._behaviours = list(behaviours) or [accept]
        self.capabilities = capabilities or SenderCapabilities()
        #: One of its own: tests share the database, and with it what is known of accounts.
        self.account = f"scripted {uuid4()}"
        #: What a look-up finds.
        self.known = known
        self.asked: list[OutgoingMessage] = []
        self.looked_up: list[str] = []

    def prepare(self, message: OutgoingMessage) -> Call | Refused:
        async def call(lease: CallLease) -> Accepted | Refused:
            lease.check()
            return await self._send(message)

        return call

    async def _send(self, message: OutgoingMessage) -> Accepted | Refused:
        self.asked.append(message)
        position = min(len(self.asked), len(self._behaviours)) - 1
        return await self._behaviours[position](message)

    async def look_up(self, idempotency_key: str) -> Accepted | Refused | None:
        self.looked_up.append(idempotency_key)
        return self.known

    async def close(self) -> None:
        return None
