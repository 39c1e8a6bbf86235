"""Carries the sandbox's receipts to the orchestrator, as a provider's webhook would."""

import asyncio
import logging
from datetime import timedelta
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from madan_sara.contracts.base import Contract
from madan_sara.contracts.delivery import DeliveryEvent
from madan_sara.contracts.errors import NotTakenError, StorageError, UnreachableError
from madan_sara.delivery.http_client import HttpClient
from madan_sara.emulators.sandbox.journal import Receipt
from madan_sara.starter.orchestrator import OutreachOrchestrator

#: Name of the sandbox as its attempts carry it.
_PROVIDER: Final = "sandbox"
_POLL_SECONDS: Final = 0.5
_LONGEST_CALL: Final = timedelta(seconds=10)
#: A page has a thousand receipts of some 400 bytes.
_MOST_BYTES: Final = 4 * 2**20
#: Errors of servers that are away for a moment; the receipts wait until they are back.
_AWAY: Final = (NotTakenError, ValidationError, UnreachableError, StorageError)

_logger = logging.getLogger(__name__)


class _Page(Contract):
    """Part of the feed; each item is read on its own."""

    items: list[object]
    next_after: int


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
        self._sandbox = HttpClient(
            sandbox_url,
            provider="the sandbox provider",
            longest_call=_LONGEST_CALL,
            most_bytes=_MOST_BYTES,
        )
        self._orchestrator = orchestrator
        self._bookmark = bookmark
        self._after = _read_bookmark(bookmark)

    async def carry(self) -> int:
        """Carry every receipt that waits; how many of them were news.

        Raises:
            NotTakenError: the sandbox does not answer.
            ValidationError: what it answers is no page of receipts.
        """
        news = 0
        while True:
            answer = await self._sandbox.ask("/v1/receipts", after=str(self._after))
            page = _Page.model_validate(answer.content)
            for item in page.items:
                news += await self._record(item)
            if not page.items or page.next_after <= self._after:
                return news
            self._turn_to(page.next_after)

    async def run(self) -> None:
        """Carry receipts as they come, until cancelled."""
        while True:
            try:
                await self.carry()
            except _AWAY as error:
                _logger.debug("receipts wait: %s", type(error).__name__)
            await asyncio.sleep(_POLL_SECONDS)

    async def _record(self, item: object) -> bool:
        try:
            event = _event(Receipt.model_validate(item))
        except ValidationError:
            return False  # No receipt, or of a message that was sent by hand.
        return await self._orchestrator.record_delivery_event(event)

    def _turn_to(self, position: int) -> None:
        self._after = position
        if self._bookmark is not None:
            self._bookmark.write_text(str(position))


def _event(receipt: Receipt) -> DeliveryEvent:
    message_id, _, attempt_no = (receipt.idempotency_key or "").partition(":")
    return DeliveryEvent.model_validate(
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


def _read_bookmark(bookmark: Path | None) -> int:
    if bookmark is None or not bookmark.exists():
        return 0
    noted = bookmark.read_text().strip()
    return int(noted) if noted.isdigit() else 0
