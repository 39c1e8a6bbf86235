"""The bounds of a call over HTTP, whatever is at the other end."""

import gzip
import ssl
import tracemalloc
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from madan_sara.activities.sender import CallLease
from madan_sara.contracts.errors import (
    AmbiguousDeliveryError,
    LeaseExpiredError,
    MisconfiguredProviderError,
    ProviderUnavailableError,
)
from madan_sara.delivery.http_client import MOST_BYTES, HttpAnswer, HttpClient
from tests.integration.delivery.raw_http import RawHttp, Talk, answer, saying, trickling

_LEASE = CallLease.lasting(timedelta(days=1))
_HEAD = b"HTTP/1.1 202 x\r\nContent-Type: application/json\r\n"
#: Far more than a call may take, and little enough for a sender without a bound to fail soon.
_ENDLESS = 64 * 2**20


def client_of(url: str, seconds: float = 30.0) -> HttpClient:
    return HttpClient(url, provider="the provider", longest_call=timedelta(seconds=seconds))


async def handed_over(talk: Talk, seconds: float = 30.0) -> HttpAnswer:
    async with RawHttp(talk).serving() as server:
        return await client_of(server.url, seconds).hand_over("/m", b"{}", _LEASE)


async def asked(talk: Talk, seconds: float = 30.0) -> HttpAnswer:
    async with RawHttp(talk).serving() as server:
        return await client_of(server.url, seconds).ask("/m", key="k")


_TRICKLES = {
    "of nothing": b"",
    "of a status": b"HTTP/1.1 2",
    "of a header": b"HTTP/1.1 202 x\r\nX-A: ",
    "of headers": b"HTTP/1.1 202 x\r\n",
}


@pytest.mark.parametrize("before", _TRICKLES.values(), ids=_TRICKLES)
async def test_a_trickling_head_is_given_up_when_the_whole_call_has_lasted_too_long(before):
    part = b"a: b\r\n" if before.endswith(b"x\r\n") else b"1"
    with pytest.raises(AmbiguousDeliveryError):
        await handed_over(trickling(before, part), 0.2)
    with pytest.raises(ProviderUnavailableError):
        await asked(trickling(before, part), 0.2)


@pytest.mark.parametrize("framing", [b"", b"Content-Length: 99999\r\n"])
async def test_a_trickling_body_leaves_the_status(framing):
    talk = trickling(_HEAD + framing + b'\r\n{"code": ')
    assert await handed_over(talk, 0.2) == HttpAnswer(202, None, {})
    assert await asked(talk, 0.2) == HttpAnswer(202, None, {})


_FLOODS = {
    "header": (b"HTTP/1.1 202 x\r\nX-A: ", b"a" * 2**16),
    "headers": (b"HTTP/1.1 202 x\r\n", b"a: b\r\n" * 2**13),
    "provisional answers": (b"", b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" * 2**10),
    "body": (_HEAD + b'\r\n{"a": "', b"a" * 2**16),
    "chunks of one byte": (_HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n" * 2**12),
    "chunk extensions": (
        _HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
        b"1;" + b"x" * 2**14 + b"\r\n \r\n",
    ),
    "trailers": (_HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"a: b\r\n" * 2**13),
}


@pytest.mark.parametrize(("before", "part"), _FLOODS.values(), ids=_FLOODS)
async def test_no_more_is_read_than_the_bound_and_the_bytes_under_way(before, part):
    async def talk(writer):
        writer.write(before)
        await server.repeat(writer, part, _ENDLESS)

    async with RawHttp(talk).serving() as server:
        with suppress(AmbiguousDeliveryError):  # Where the head alone is too much.
            got = await client_of(server.url).hand_over("/m", b"{}", _LEASE)
            assert got == HttpAnswer(202, None, {})
        await server.until_idle()
        assert server.said < _ENDLESS // 2


async def test_a_packed_answer_is_not_unpacked():
    packed = gzip.compress(b'{"a": "' + bytes(64 * 2**20))
    assert len(packed) < MOST_BYTES
    head = _HEAD + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    tracemalloc.start()
    try:
        assert await handed_over(saying(head + packed)) == HttpAnswer(202, None, {})
        assert tracemalloc.get_traced_memory()[1] < 16 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "body",
    [
        "[" * 100_000,
        '{"a":' * 40_000,
        '{"id": ' + "9" * 5_000 + "}",
        '{"id": "a"',
        '["a"]',
        '"a"',
        "null",
        "\ufeff{}",
    ],
)
async def test_a_body_that_is_no_object_is_an_empty_one(body):
    assert await handed_over(saying(answer(200, body))) == HttpAnswer(200, None, {})


async def test_a_body_of_no_text_is_an_empty_one():
    raw = _HEAD + b'Content-Length: 11\r\n\r\n{"a": "\xff\xfe"}'
    assert (await handed_over(saying(raw))).content == {}


async def test_redirects_are_not_followed_cookies_not_kept_and_proxies_not_taken(monkeypatch):
    moved = answer(307, "", "Location: /elsewhere", "Set-Cookie: a=b")
    async with RawHttp(saying(moved)).serving() as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:1")
        client = client_of(f"{server.url}/base/")
        assert (await client.hand_over("/m", b"{}", _LEASE)).status == 307
        assert (await client.ask("/m", key="a:1&b=ü")).status == 307
    posted, looked_up = server.heard
    assert posted.startswith(b"POST /base/m HTTP/1.1\r\n")
    assert looked_up.startswith(b"GET /base/m?key=a%3A1%26b%3D%C3%BC HTTP/1.1\r\n")
    assert b"cookie" not in looked_up.lower()
    assert b"accept-encoding: identity\r\n" in looked_up.lower()


async def test_an_answer_too_many_answers_no_other_call():
    async with RawHttp(saying(answer(200, '{"n": 1}') + answer(200, '{"n": 2}'))).serving() as two:
        client = client_of(two.url)
        for _ in range(3):
            assert (await client.ask("/m")).content == {"n": 1}
    assert len(two.heard) == 3


@dataclass(frozen=True)
class _ExpiringLease(CallLease):
    """Good for the first few times it is asked."""

    asked: list[int] = field(default_factory=list)

    def check(self) -> None:
        self.asked.append(1)
        if len(self.asked) > self.ends_at:
            raise LeaseExpiredError("held up")


@pytest.mark.parametrize("times", [0, 1])
async def test_the_lease_is_asked_when_all_is_ready_and_before_each_part_leaves(times):
    async with RawHttp(saying(answer(200, "{}"))).serving() as server:
        lease = _ExpiringLease(ends_at=times)
        with pytest.raises(LeaseExpiredError):
            await client_of(server.url).hand_over("/m", b'{"text": "Bonjou"}', lease)
        await server.until_idle()
    # Connected, and never given the text.
    assert len(server.heard) == 1
    assert b"Bonjou" not in server.heard[0]
    assert bool(server.heard[0]) == bool(times)


async def test_without_a_connection_nothing_has_left(closed_port):
    client = client_of(f"http://127.0.0.1:{closed_port}")
    lease = _ExpiringLease(ends_at=0)
    with pytest.raises(ProviderUnavailableError):
        await client.hand_over("/m", b"{}", lease)
    with pytest.raises(ProviderUnavailableError):
        await client.ask("/m")
    assert lease.asked == []


async def test_a_handshake_that_never_ends_is_given_up_with_nothing_sent():
    async with RawHttp(trickling(b"", b"")).serving() as server:
        client = client_of(f"https://127.0.0.1:{server.port}", 0.2)
        with pytest.raises(ProviderUnavailableError):
            await client.hand_over("/m", b"{}", _LEASE)


async def test_a_certificate_is_checked(certificate, monkeypatch):
    async with RawHttp(saying(answer(200, '{"a": 1}'))).serving(
        certificate.server_context
    ) as server:
        url = f"https://127.0.0.1:{server.port}"
        for stranger in (url, url.replace("127.0.0.1", "localhost")):
            with pytest.raises(MisconfiguredProviderError, match="certificate"):
                await client_of(stranger).hand_over("/m", b"{}", _LEASE)
        trusting = ssl.create_default_context(cafile=certificate.ca_file)
        monkeypatch.setattr(
            "madan_sara.delivery.http_client.ssl.create_default_context", lambda: trusting
        )
        assert (await client_of(url).hand_over("/m", b"{}", _LEASE)).content == {"a": 1}
    assert len([request for request in server.heard if request]) == 1


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8090",
        "ftp://127.0.0.1",
        "http://",
        "http://:80",
        "http://host:0",
        "http://host:99999",
        "http://host:port",
        "http://[::1",
        f"http://{'a' * 70}.example",
    ],
)
def test_an_address_that_is_no_url_is_reported(url):
    with pytest.raises(ValueError, match="no http or https URL"):
        client_of(url)


@pytest.mark.parametrize(
    "url", ["http://u:secret@host", "ftp://u:secret@host", "http://h/?a=secret"]
)
def test_a_login_in_an_address_is_not_repeated(url):
    with pytest.raises(ValueError, match=r"login|no http") as caught:
        client_of(url)
    assert "secret" not in str(caught.value)
