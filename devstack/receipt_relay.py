"""Carries the sandbox's receipts to the orchestrator, as a provider's webhook would."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import httpx
from pydantic import ValidationError
from sqlalchemy.exc import SQLAlchemyError
from temporalio.service import RPCError

from contracts.delivery import DeliveryEvent
from devstack.sandbox.journal import Receipt
from starter.orchestrator import OutreachOrchestrator

#: Name of the sandbox as its attempts carry it.
_PROVIDER: Final = "sandbox"
_POLL_SECONDS: Final = 0.5
#: What may be away for a moment; the receipts wait until it is back.
_AWAY: Final = (httpx.HTTPError, RPCError, SQLAlchemyError, OSError)

_logger = logging.getLogger(__name__)


class ReceiptRelay:
    """Reads the sandbox's feed from where it left off and records every receipt.

    Recording is idempotent, so a relay that forgot where it was begins again.

    Args:
        sandbox_url: base URL of the sandbox.
        orchestrator: where the receipts go.
        bookmark: file that remembers how far the feed is read; None: from the start.
    """

    def __init__(
        self, sandbox_url: str, orchestrator: OutreachOrchestrator, *, bookmark: Path | None = None
    ) -> None:
        self._feed = f"{sandbox_url}/v1/receipts"
        self._orchestrator = orchestrator
        self._bookmark = bookmark
        self._after = _read_bookmark(bookmark)

    async def carry(self) -> int:
        """Carry every receipt that waits; how many of them were news."""
        news = 0
        # No proxy from the environment: the sandbox is on this machine.
        async with httpx.AsyncClient(trust_env=False) as http:
            while True:
                answer = await http.get(self._feed, params={"after": self._after})
                page = answer.raise_for_status().json()
                for item in page["items"]:
                    news += await self._record(Receipt.model_validate(item))
                if not page["items"]:
                    return news
                self._turn_to(page["next_after"])

    async def run(self) -> None:
        """Carry receipts as they come, until cancelled."""
        while True:
            try:
                await self.carry()
            except _AWAY as error:
                _logger.debug("receipts wait: %s", error)
            await asyncio.sleep(_POLL_SECONDS)

    async def _record(self, receipt: Receipt) -> bool:
        message_id, _, attempt_no = (receipt.idempotency_key or "").partition(":")
        try:
            event = DeliveryEvent.model_validate(
                {
                    "provider": _PROVIDER,
                    "provider_event_id": receipt.provider_event_id,
                    "message_id": message_id,
                    "attempt_no": attempt_no,
                    "kind": receipt.kind,
                    "occurred_at": receipt.occurred_at,
                    "code": receipt.code,
                }
            )
        except ValidationError:
            return False  # Its key is none of ours: somebody sent that message by hand.
        return await self._orchestrator.record_delivery_event(event)

    def _turn_to(self, position: int) -> None:
        self._after = position
        if self._bookmark is not None:
            self._bookmark.write_text(str(position))


@asynccontextmanager
async def relaying(relay: ReceiptRelay) -> AsyncIterator[None]:
    """Run a relay beside the block."""
    running = asyncio.create_task(relay.run())
    try:
        yield
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def _read_bookmark(bookmark: Path | None) -> int:
    if bookmark is None or not bookmark.exists():
        return 0
    noted = bookmark.read_text().strip()
    return int(noted) if noted.isdigit() else 0
