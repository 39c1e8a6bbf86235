"""Receipts of the sandbox provider, passed on as a webhook would."""

from uuid import UUID

from madan_sara.contracts.delivery import DeliveryEvent, DeliveryEventKind
from madan_sara.emulators.sandbox.provider import SandboxProvider
from madan_sara.starter.orchestrator import OutreachOrchestrator


async def pass_on_receipts(
    sandbox: SandboxProvider, orchestrator: OutreachOrchestrator, message_id: UUID
) -> None:
    """Record every receipt the sandbox has for a message."""
    for receipt in sandbox.receipts:
        if str(receipt.message_id) != str(message_id) or receipt.idempotency_key is None:
            continue
        event = DeliveryEvent(
            provider="sandbox",
            provider_event_id=receipt.provider_event_id,
            message_id=message_id,
            attempt_no=int(receipt.idempotency_key.rpartition(":")[2]),
            kind=DeliveryEventKind(receipt.kind),
            occurred_at=receipt.occurred_at,
            code=receipt.code,
        )
        assert await orchestrator.record_delivery_event(event)
