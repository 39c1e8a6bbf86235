"""Receipts are carried whatever the feed has among them."""

import asyncio
import json
from typing import cast
from uuid import uuid4

import pytest
from pydantic import ValidationError

from madan_sara.contracts.delivery import DeliveryEvent
from madan_sara.contracts.errors import NotTakenError
from madan_sara.devstack.beside import beside
from madan_sara.devstack.receipt_relay import ReceiptRelay
from madan_sara.starter.orchestrator import OutreachOrchestrator
from tests.integration.delivery.raw_http import RawHttp, answer, saying


class _Inbox:
    """Keeps the receipts it is given; a second one is no news."""

    def __init__(self) -> None:
        self.events: list[DeliveryEvent] = []
        self.came = asyncio.Event()

    async def record_delivery_event(self, event: DeliveryEvent) -> bool:
        self.events.append(event)
        self.came.set()
        return True


def relay_from(server: RawHttp, inbox: _Inbox) -> ReceiptRelay:
    return ReceiptRelay(server.url, cast(OutreachOrchestrator, inbox))


def receipt(**changes: object) -> dict[str, object]:
    usual = {
        "sequence": 1,
        "provider_event_id": uuid4().hex,
        "provider_message_id": "p-1",
        "message_id": str(uuid4()),
        "idempotency_key": f"{uuid4()}:1",
        "channel": "sms",
        "kind": "bounced",
        "code": "gone",
        "occurred_at": "2024-03-01T12:00:00Z",
    }
    return usual | changes


def page(items: object, next_after: object) -> bytes:
    return answer(200, json.dumps({"items": items, "next_after": next_after}))


async def test_a_receipt_that_cannot_be_kept_does_not_hold_up_the_others():
    nested: list[object] = []
    for _ in range(500):
        nested = [nested]
    items = [
        receipt(provider_event_id="e-1"),
        None,
        "receipt",
        nested,
        {},
        receipt(provider_event_id="e\x00"),
        receipt(provider_event_id="e" * 10_000),
        receipt(code="gone\x00"),
        receipt(idempotency_key=None),
        receipt(idempotency_key="by hand"),
        receipt(idempotency_key=f"{uuid4()}:{'9' * 40}"),
        receipt(kind="eaten"),
        receipt(provider_event_id="e-2", code="550 <marie@example.com>: gone"),
    ]

    async def talk(writer):
        at_start = b"after=0" in server.heard[-1]
        writer.write(page(items if at_start else [], len(items)))

    inbox = _Inbox()
    async with RawHttp(talk).serving() as server:
        assert await relay_from(server, inbox).carry() == 2
    assert [(e.provider_event_id, e.code) for e in inbox.events] == [("e-1", "gone"), ("e-2", None)]


@pytest.mark.parametrize("next_after", [0, -5])
async def test_a_feed_that_does_not_move_on_is_read_once(next_after):
    inbox = _Inbox()
    async with RawHttp(saying(page([receipt()], next_after))).serving() as server:
        await relay_from(server, inbox).carry()
    assert len(inbox.events) == 1


_NO_PAGES = {
    "no object": answer(200, "[]"),
    "no items": answer(200, '{"next_after": 3}'),
    "items that are none": page("receipts", 3),
    "a position that is none": page([], "three"),
    "nesting": answer(200, '{"items": ' + "[" * 50_000),
    "nothing": b"",
    "garbage": b"garbage\r\n\r\n",
}


@pytest.mark.parametrize("raw", _NO_PAGES.values(), ids=_NO_PAGES)
async def test_a_feed_that_is_broken_is_reported(raw):
    async with RawHttp(saying(raw)).serving() as server:
        with pytest.raises((NotTakenError, ValidationError)):
            await relay_from(server, _Inbox()).carry()


async def test_a_feed_that_is_broken_for_a_while_is_read_on_later():
    answers = [_NO_PAGES["garbage"], _NO_PAGES["no items"], page([receipt()], 1)]

    async def talk(writer):
        writer.write(answers.pop(0) if answers else page([], 1))

    inbox = _Inbox()
    async with RawHttp(talk).serving() as server, beside(relay_from(server, inbox).run()):
        await asyncio.wait_for(inbox.came.wait(), 30)
    assert len(inbox.events) == 1
