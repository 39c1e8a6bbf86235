"""What each answer over HTTP means for a message."""

import json
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import pytest

from madan_sara.activities.sender import Accepted, OutgoingMessage, Refused
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.errors import (
    AmbiguousDeliveryError,
    DeliveryError,
    MisconfiguredProviderError,
    NotTakenError,
    ProviderUnavailableError,
    TransientDeliveryError,
)
from madan_sara.delivery.sandbox import SandboxSender
from madan_sara.emulators.sandbox.provider import SandboxProvider
from tests.fakes.sender import send
from tests.integration.delivery.raw_http import RawHttp, answer, saying, trickling
from tests.integration.delivery.sender_contract import (
    assert_tells_nothing,
    outcome,
    outgoing,
)


def sender_to(url: str, timeout_seconds: float = 30.0) -> SandboxSender:
    return SandboxSender(
        url,
        Channel.WHATSAPP,
        idempotency_keys=True,
        look_up=True,
        timeout_seconds=timeout_seconds,
    )


@asynccontextmanager
async def answering(raw: bytes) -> AsyncIterator[SandboxSender]:
    """A server that answers every request with the same bytes, and then hangs up."""
    async with RawHttp(saying(raw)).serving() as server:
        yield sender_to(server.url)


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
        (answer(422, '{"code": "9370012"}'), Refused("http_422")),
        (answer(422, '{"code": "unknown-7001234"}'), Refused("http_422")),
        (answer(409, '{"code": "recipient_busy"}'), TransientDeliveryError),
        # Whatever else may answer at that address, it is not the sandbox.
        (answer(404, "<html>"), MisconfiguredProviderError),
        (answer(404, '{"code": "unknown_channel"}'), MisconfiguredProviderError),
        (answer(400), MisconfiguredProviderError),
        (answer(422, '{"code": ["recipient_busy"]}'), MisconfiguredProviderError),
        (answer(401), MisconfiguredProviderError),
        (answer(402), MisconfiguredProviderError),
        (answer(403, '{"code": "not_allowed"}'), MisconfiguredProviderError),
        (answer(407), MisconfiguredProviderError),
        (answer(302, "", "Location: http://127.0.0.1/"), MisconfiguredProviderError),
        (answer(408), ProviderUnavailableError),
        (answer(425), ProviderUnavailableError),
        (answer(429), ProviderUnavailableError),
        (answer(503), ProviderUnavailableError),
        (answer(500, '{"code": "internal_error"}'), ProviderUnavailableError),
        # A gateway does not know what was taken behind it.
        (answer(500), AmbiguousDeliveryError),
        (answer(502, "<html>"), AmbiguousDeliveryError),
        (answer(504, "{}"), AmbiguousDeliveryError),
        (answer(303, "", "Location: http://127.0.0.1/"), AmbiguousDeliveryError),
        (answer(200, "taken, probably"), AmbiguousDeliveryError),
        (answer(200, '["p-1"]'), AmbiguousDeliveryError),
        (answer(200, '{"provider_message_id": ""}'), AmbiguousDeliveryError),
        (answer(799), AmbiguousDeliveryError),
        (b"HTTP/1.1 101 x\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", AmbiguousDeliveryError),
        (b"", AmbiguousDeliveryError),
        (b"HTTP/1.1 202 x\r\nContent-Length: 99\r\n\r\n{", AmbiguousDeliveryError),
        (b"220 smtp.example.com\r\n", AmbiguousDeliveryError),
        (
            answer(202, '{"provider_message_id": "p-1", "idempotency_key": "k:2"}'),
            AmbiguousDeliveryError,
        ),
        (answer(422, '{"code": "gone", "idempotency_key": "k:2"}'), AmbiguousDeliveryError),
    ],
)
async def test_the_meaning_of_an_answer(raw, expected, message):
    assert await outcome_of(raw, message) == expected


@pytest.mark.parametrize(
    "unfit", ["a\x00b", "a b", "é", "\ud800", "a\n", "i" * 256, "i" * 100_000, 7, ["a"], True]
)
async def test_a_message_that_was_taken_stays_taken_though_its_id_cannot_be_kept(unfit, message):
    taken = answer(202, json.dumps({"provider_message_id": unfit, "status": "accepted"}))
    assert await outcome_of(taken, message) == Accepted(message.idempotency_key)
    async with answering(taken) as sender:
        assert await sender.look_up("k:1") == Accepted("k:1")


@pytest.mark.parametrize(
    ("handle", "code", "kept"),
    [
        ("ana_pierre", "ana_pierre", None),
        ("ana_pierre", "no-such-pierre", None),
        ("ana.pierre", "anapierre_gone", None),
        ("ana.pierre", "unknown_recipient", "unknown_recipient"),
        ("busy-1", "recipient_busy_here", None),
    ],
)
async def test_a_code_that_repeats_the_address_is_not_kept(handle, code, kept):
    raw = answer(422, json.dumps({"code": code}))
    refused = await outcome_of(raw, outgoing(Channel.INSTAGRAM, handle))
    assert refused == Refused(kept or "http_422")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (answer(200, '{"status": "accepted", "provider_message_id": "p-1"}'), Accepted("p-1")),
        (answer(200, '{"status": "refused", "code": "gone"}'), Refused("gone")),
        (answer(200, '{"status": "refused", "code": "+50937001234"}'), Refused("refused")),
        (answer(404, '{"code": "unknown_key"}'), None),
        (answer(404, '{"code": "unknown_key", "idempotency_key": "k:1"}'), None),
    ],
)
async def test_the_meaning_of_a_look_up(raw, expected):
    async with answering(raw) as sender:
        assert await sender.look_up("k:1") == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (answer(404), MisconfiguredProviderError),
        (answer(404, '{"code": "unknown_channel"}'), MisconfiguredProviderError),
        (
            answer(404, '{"code": "unknown_key", "idempotency_key": "k:2"}'),
            MisconfiguredProviderError,
        ),
        (
            answer(404, '{"code": "unknown_key"}', "Content-Encoding: br"),
            MisconfiguredProviderError,
        ),
        (answer(401), MisconfiguredProviderError),
        (answer(302, "", "Location: /"), MisconfiguredProviderError),
        (answer(410, '{"code": "unknown_key"}'), MisconfiguredProviderError),
        (answer(200), TransientDeliveryError),
        (answer(200, '{"code": "unknown_key"}'), TransientDeliveryError),
        (answer(202, '{"status": "pending"}'), TransientDeliveryError),
        (
            answer(200, '{"provider_message_id": "p-1", "idempotency_key": "k:2"}'),
            TransientDeliveryError,
        ),
        (answer(429), ProviderUnavailableError),
        (answer(500), ProviderUnavailableError),
        (b"", ProviderUnavailableError),
        (b"garbage\r\n\r\n", ProviderUnavailableError),
    ],
)
async def test_only_a_clear_no_about_the_key_means_that_it_is_unknown(raw, expected):
    async with answering(raw) as sender:
        with pytest.raises(expected):
            await sender.look_up("k:1")


async def test_a_trickling_look_up_is_given_up_like_a_call():
    async with RawHttp(trickling(b"HTTP/1.1 404 x\r\n\r\n")).serving() as server:
        with pytest.raises(NotTakenError):
            await sender_to(server.url, 0.2).look_up("k:1")


@pytest.mark.parametrize("seconds", [0.1, 5.0, 100.0])
def test_the_capabilities_follow_from_the_time_out(seconds):
    declared = sender_to("http://127.0.0.1:1", seconds).capabilities
    assert declared.longest_call == timedelta(seconds=seconds)
    assert declared.look_up_settles_after >= 3 * declared.longest_call + timedelta(seconds=2)


async def test_the_sandbox_never_calls_a_held_request_unknown():
    provider = SandboxProvider()
    await provider.start()
    sender, hasty = sender_to(provider.url), sender_to(provider.url, 0.2)
    message = outgoing(Channel.WHATSAPP, "+50937001908")
    with pytest.raises(AmbiguousDeliveryError):
        await send(hasty, message)
    with pytest.raises(TransientDeliveryError):
        await sender.look_up(message.idempotency_key)
    provider.release()
    await provider.wait_for(lambda log: any(entry.taken for entry in log))
    assert isinstance(await sender.look_up(message.idempotency_key), Accepted)
    await provider.stop()


async def test_a_bomb_is_not_unpacked(sandbox):
    message = outgoing(Channel.INSTAGRAM, f"bomb-{uuid4().hex}")
    sender = SandboxSender(sandbox.url, Channel.INSTAGRAM, idempotency_keys=True, look_up=True)
    tracemalloc.start()
    try:
        assert isinstance(await outcome(sender, message), AmbiguousDeliveryError)
        assert tracemalloc.get_traced_memory()[1] < 32 * 2**20
    finally:
        tracemalloc.stop()
    # What the first answer could not say, a look-up and a second send can.
    known = await sender.look_up(message.idempotency_key)
    assert isinstance(known, Accepted)
    assert await send(sender, message) == known


async def test_an_answer_too_many_is_no_answer_to_another_message(sandbox):
    sender = SandboxSender(sandbox.url, Channel.CHAT, idempotency_keys=True, look_up=True)
    assert isinstance(await send(sender, outgoing(Channel.CHAT, f"extra-{uuid4().hex}")), Accepted)
    assert isinstance(await send(sender, outgoing(Channel.CHAT, uuid4().hex)), Accepted)


async def test_the_requested_wait_is_passed_on(message):
    async with answering(answer(429, '{"code": "throttled"}', "Retry-After: 120")) as sender:
        with pytest.raises(ProviderUnavailableError) as caught:
            await send(sender, message)
    assert caught.value.retry_after == timedelta(minutes=2)
    assert caught.value.code == "throttled"
