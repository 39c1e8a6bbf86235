"""The connection of one HTTP call: sending asks the lease, reading is counted."""

import ssl
from collections.abc import Callable, Iterable
from typing import Any

import httpcore


class AnswerTooLongError(httpcore.ProtocolError):
    """The provider says more than an answer may bring."""


class HttpLine(httpcore.AnyIOBackend):
    """The one connection of a call.

    Args:
        most_bytes: what may come in.
        before_sending: asked before each part of the request leaves, when all else is ready.
    """

    def __init__(self, most_bytes: int, before_sending: Callable[[], None] = lambda: None) -> None:
        self._before_sending = before_sending
        self._left = most_bytes
        self._stream: httpcore.AsyncNetworkStream | None = None
        #: Whether a byte of the request may have left.
        self.used = False

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's way
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect; called by httpcore."""
        self._stream = await super().connect_tcp(host, port, timeout, local_address, socket_options)
        return _MeteredStream(self._stream, self)

    def send(self) -> None:
        """Note that bytes of the request are about to leave."""
        self._before_sending()
        self.used = True

    def receive(self, size: int) -> None:
        """Note bytes of the answer.

        Raises:
            httpcore.ProtocolError: they are too many.
        """
        self._left -= size
        if self._left < 0:
            raise AnswerTooLongError

    async def close(self) -> None:
        """Hang up; a handshake that was given up half-way leaves it to us."""
        if self._stream is not None:
            await self._stream.aclose()


class _MeteredStream(httpcore.AsyncNetworkStream):
    """The stream of the request and its answer, encrypted or not."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, line: HttpLine) -> None:
        self._stream = stream
        self._line = line

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109
        data = await self._stream.read(max_bytes, timeout)
        self._line.receive(len(data))
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109
        if buffer:
            self._line.send()
            await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109
    ) -> httpcore.AsyncNetworkStream:
        encrypted = await self._stream.start_tls(ssl_context, server_hostname, timeout)
        return _MeteredStream(encrypted, self._line)

    def get_extra_info(self, info: str) -> object:
        return self._stream.get_extra_info(info)
