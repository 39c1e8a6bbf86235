"""One call to a provider over HTTP, with any answer."""

import asyncio
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import SplitResult, quote, urlencode, urlsplit

import httpcore

from madan_sara.activities.sender import CallLease
from madan_sara.contracts.errors import (
    AmbiguousDeliveryError,
    MisconfiguredProviderError,
    ProviderUnavailableError,
)
from madan_sara.delivery.http_line import HttpLine
from madan_sara.delivery.retry_after import parse_retry_after

#: Enough for any answer to a message, which has some hundred bytes; the longest errors of real
#: providers have a few thousand.
MOST_BYTES: Final = 256 * 1024
_FAILURES: Final = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProtocolError,
    OSError,
    TimeoutError,
)


@dataclass(frozen=True)
class HttpAnswer:
    """The head of an answer, and the readable part of its body.

    Args:
        status: status code.
        retry_after: how long the provider asks to wait, if it does.
        content: the body as a JSON object; empty where it is anything else, is encoded, or
            did not come whole within the bounds.
    """

    status: int
    retry_after: timedelta | None
    content: Mapping[str, object]

    @property
    def is_success(self) -> bool:
        """Whether the status says that all went well."""
        return 200 <= self.status < 300


class HttpClient:
    """Calls one provider; each call has a connection of its own.

    A connection that is used again may have been closed at the other end, which looks like a
    lost answer, or hold the rest of a broken answer, which would answer the next message.

    A call is bounded in total: its time, from looking the host up to the last byte, and the
    bytes of its answer. No redirect is followed, no cookie kept, nothing decompressed, and no
    proxy taken from the environment.

    Args:
        base_url: address of the provider, like `https://api.example.com/v1`.
        provider: name of the provider in messages to people.
        longest_call: how long a call may take in all.
        most_bytes: what one answer may bring, head and framing included.

    Raises:
        ValueError: the address is no http or https URL.
    """

    def __init__(
        self,
        base_url: str,
        *,
        provider: str,
        longest_call: timedelta,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        base = _parse(base_url)
        tls = ssl.create_default_context() if base.scheme == "https" else None
        self._origin = httpcore.Origin(
            base.scheme.encode(),
            (base.hostname or "").encode("idna"),
            base.port or (443 if tls else 80),
        )
        self._path = quote(base.path.rstrip("/"), safe="/%")
        self._host = base.netloc.encode("idna")
        self._tls = tls
        self._provider = provider
        self._longest_call = longest_call
        self._most_bytes = most_bytes

    async def hand_over(self, path: str, body: bytes, lease: CallLease) -> HttpAnswer:
        """Post a message.

        Args:
            path: below the base URL.
            body: a JSON document.
            lease: asked before each part of the request that leaves.

        Raises:
            LeaseExpiredError: the run was held up; the provider has nothing.
            ProviderUnavailableError: nothing has left, the provider cannot be reached.
            MisconfiguredProviderError: nothing has left, the certificate is not trusted.
            AmbiguousDeliveryError: the message left, and no answer came that means anything.
        """
        line = HttpLine(self._most_bytes, lease.check)
        try:
            return await self._exchange(line, b"POST", path, body)
        except _FAILURES as failure:
            # Without the cause, here and below: it may hold what was said.
            if line.used:
                raise AmbiguousDeliveryError(
                    f"{self._provider} did not answer a request that was sent ({_kind(failure)})"
                ) from None
            raise self._unreachable(failure) from None

    async def ask(self, path: str, **params: str) -> HttpAnswer:
        """Get an answer to a question, which may be asked again.

        Raises:
            ProviderUnavailableError: no answer came.
            MisconfiguredProviderError: the provider's certificate is not trusted.
        """
        try:
            line = HttpLine(self._most_bytes)
            return await self._exchange(line, b"GET", f"{path}?{urlencode(params)}")
        except _FAILURES as failure:
            raise self._unreachable(failure) from None

    async def _exchange(
        self, line: HttpLine, method: bytes, path: str, body: bytes = b""
    ) -> HttpAnswer:
        """One request and its answer.

        An answer counts from its head on: the status is valid with any end of the body.
        """
        connection = httpcore.AsyncHTTPConnection(
            self._origin, ssl_context=self._tls, network_backend=line
        )
        head: httpcore.Response | None = None
        content: Mapping[str, object] = {}
        try:
            async with asyncio.timeout(self._longest_call.total_seconds()):
                head = await connection.handle_async_request(self._request(method, path, body))
                content = await _json_object(head)
        except _FAILURES:
            if head is None:
                raise
        finally:
            await line.close()
        return HttpAnswer(head.status, _retry_after(head), content)

    def _request(self, method: bytes, path: str, body: bytes) -> httpcore.Request:
        headers = [
            (b"Host", self._host),
            (b"Accept", b"application/json"),
            (b"Accept-Encoding", b"identity"),
            (b"Connection", b"close"),
        ]
        if body:
            headers += [
                (b"Content-Type", b"application/json"),
                (b"Content-Length", b"%d" % len(body)),
            ]
        scheme, host, port = self._origin.scheme, self._origin.host, self._origin.port
        target = f"{self._path}{path}".encode("ascii")
        url = httpcore.URL(scheme=scheme, host=host, port=port, target=target)
        return httpcore.Request(method, url, headers=headers, content=body)

    def _unreachable(
        self, failure: Exception
    ) -> ProviderUnavailableError | MisconfiguredProviderError:
        if isinstance(failure.__cause__, ssl.SSLCertVerificationError):
            return MisconfiguredProviderError(
                f"the certificate of {self._provider} is not trusted; check its URL"
            )
        return ProviderUnavailableError(f"{self._provider} cannot be reached ({_kind(failure)})")


def _parse(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        named = (parts.hostname or "").encode("idna")
        usable = parts.scheme in ("http", "https") and named and parts.port != 0
    except ValueError:  # A port that is no number, a bracket too few, a label too long.
        usable = False
    if not usable:
        # A login would stand before the last @.
        raise ValueError(f"{url.rpartition('@')[2]!r} is no http or https URL")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("a base URL has no login, query or fragment; leave them out")
    return parts


async def _json_object(head: httpcore.Response) -> Mapping[str, object]:
    """The body as an object; empty where it is anything else."""
    if _header(head, b"content-encoding") not in (None, "", "identity"):
        return {}
    body = b"".join([chunk async for chunk in head.aiter_stream()])
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _retry_after(head: httpcore.Response) -> timedelta | None:
    return parse_retry_after(_header(head, b"retry-after"), datetime.now(UTC))


def _header(head: httpcore.Response, wanted: bytes) -> str | None:
    return next(
        (value.decode("latin-1") for name, value in head.headers if name.lower() == wanted), None
    )


def _kind(failure: Exception) -> str:
    return type(failure).__name__
