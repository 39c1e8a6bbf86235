"""What each answer over HTTP means for a message."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from activities.errors import (
    AmbiguousDeliveryError,
    DeliveryError,
    MisconfiguredProviderError,
    TransientDeliveryError,
)
from activities.sender import Accepted, OutgoingMessage, Refused
from contracts.channels import Channel
from delivery.retry_after import LONGEST_WAIT, parse_retry_after
from delivery.sandbox import SandboxSender
from tests.fakes.sender import send
from tests.integration.delivery.sender_contract import assert_tells_nothing, outgoing


@asynccontextmanager
async def answering(raw: bytes) -> AsyncIterator[SandboxSender]:
    """A server that answers every request with the same bytes, and then hangs up."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        # To the end: closing on unread data would take the answer back.
        await reader.readexactly(int(length[1]) if length else 0)
        writer.write(raw)
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    sender = SandboxSender(
        f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}",
        Channel.WHATSAPP,
        idempotency_keys=True,
        look_up=True,
    )
    yield sender
    await sender.close()
    server.close()
    await server.wait_closed()


def answer(status: int, body: str = "", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} x", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", body]).encode()


@pytest.fixture
def message():
    return outgoing(Channel.WHATSAPP, "+50937001234")


async def outcome_of(raw: bytes, message: OutgoingMessage) -> object:
    """Send one message to a server with this answer, and say how it ended."""
    async with answering(raw) as sender:
        try:
            return await send(sender, message)
        except DeliveryError as error:
            assert_tells_nothing(error, message)
            return type(error)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (answer(202, '{"provider_message_id": "p-1"}'), Accepted("p-1")),
        (answer(422, '{"code": "not_on_whatsapp"}'), Refused("not_on_whatsapp")),
        (answer(400, '{"code": "No such +50937001234"}'), Refused("http_400")),
        (answer(404, "<html>"), Refused("http_404")),
        (answer(401), MisconfiguredProviderError),
        (answer(403), MisconfiguredProviderError),
        (answer(302, "", "Location: http://127.0.0.1/"), MisconfiguredProviderError),
        (answer(408), TransientDeliveryError),
        (answer(425), TransientDeliveryError),
        (answer(429), TransientDeliveryError),
        (answer(500), TransientDeliveryError),
        (answer(503), TransientDeliveryError),
        (answer(200, "taken, probably"), AmbiguousDeliveryError),
        (answer(200, '["p-1"]'), AmbiguousDeliveryError),
        (b"", AmbiguousDeliveryError),
        (b"HTTP/1.1 202 x\r\nContent-Length: 99\r\n\r\n{", AmbiguousDeliveryError),
        (b"220 smtp.example.com\r\n", AmbiguousDeliveryError),
    ],
)
async def test_the_meaning_of_an_answer(raw, expected, message):
    assert await outcome_of(raw, message) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (answer(200, '{"status": "accepted", "provider_message_id": "p-1"}'), Accepted("p-1")),
        (answer(200, '{"status": "refused", "code": "gone"}'), Refused("gone")),
        (answer(404, '{"code": "unknown_key"}'), None),
    ],
)
async def test_the_meaning_of_a_look_up(raw, expected):
    async with answering(raw) as sender:
        assert await sender.look_up("k:1") == expected


@pytest.mark.parametrize(
    "raw", [answer(404), answer(404, '{"code": "unknown_channel"}'), answer(200), answer(500), b""]
)
async def test_only_a_clear_no_means_that_a_key_is_unknown(raw):
    async with answering(raw) as sender:
        with pytest.raises(TransientDeliveryError):
            await sender.look_up("k:1")


async def test_what_was_told_to_wait_is_passed_on(message):
    async with answering(answer(429, "", "Retry-After: 120")) as sender:
        with pytest.raises(TransientDeliveryError) as caught:
            await send(sender, message)
    assert caught.value.retry_after == timedelta(minutes=2)


_NOW = datetime(2025, 11, 3, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("0", timedelta(0)),
        (" 90 ", timedelta(seconds=90)),
        ("9" * 400, LONGEST_WAIT),
        (format_datetime(_NOW + timedelta(hours=1), usegmt=True), timedelta(hours=1)),
        (format_datetime(_NOW - timedelta(hours=1), usegmt=True), timedelta(0)),
        ("Mon, 03 Nov 2025 12:00:30 -0000", timedelta(seconds=30)),
        ("Mon, 03 Nov 2098 12:00:30 GMT", LONGEST_WAIT),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("٣", None),
        ("", None),
    ],
)
def test_retry_after_in_seconds_and_as_a_date(header, expected):
    assert parse_retry_after(header, _NOW) == expected
