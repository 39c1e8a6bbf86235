"""A crowd of clients that send at the same moment."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

from temporalio.client import Client

from madan_sara.persistence.database import Database
from madan_sara.starter.answers import SendResult
from madan_sara.starter.orchestrator import OutreachOrchestrator

#: One client's request, made with the orchestrator it is given.
Ask = Callable[[OutreachOrchestrator], Awaitable[SendResult]]


class Crowd:
    """Clients of one tenant, each with an orchestrator of its own."""

    def __init__(self, client: Client, database: Database, tenant_id: UUID) -> None:
        self._client = client
        self._database = database
        self._tenant_id = tenant_id

    def one(self) -> OutreachOrchestrator:
        """A client that knows nothing of the others."""
        return OutreachOrchestrator(self._client, self._database, tenant_id=self._tenant_id)

    async def race(self, asks: Sequence[Ask]) -> list[SendResult]:
        """Let all clients ask at once; the answers when every workflow has ended."""
        results = await asyncio.gather(*(ask(self.one()) for ask in asks))
        ids = {UUID(result["message_id"]) for result in results}
        watcher = self.one()
        await asyncio.gather(*(watcher.handle(message_id).result() for message_id in ids))
        return list(results)


def ask(campaign: Any, recipient_id: str, /, **changes: Any) -> Ask:
    """A chat message to a person of that id."""
    request: dict[str, Any] = {
        "campaign": campaign,
        "recipient_id": recipient_id,
        "recipient_profile": {"contact_info": {"user_id": recipient_id}},
        "content": {"default": "The market opens at eight."},
        **changes,
    }

    async def send(orchestrator: OutreachOrchestrator) -> SendResult:
        return await orchestrator.send_outreach(**request)

    return send


def tally(results: Sequence[SendResult]) -> Counter[str]:
    """How many were scheduled, and how many blocked for which reason."""
    return Counter(result["reason"] or result["status"] for result in results)
