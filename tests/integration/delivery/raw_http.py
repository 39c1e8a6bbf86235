"""An HTTP server that says exactly the bytes a test wants it to say."""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

#: Answers one request, in bare bytes; the connection is closed after it.
Talk = Callable[[asyncio.StreamWriter], Awaitable[None]]


class RawHttp:
    """Reads one request of each connection and lets the test answer it."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.port = 0
        #: Each connection's request, as far as it came; empty where none did.
        self.heard: list[bytes] = []
        #: Bytes of answers that callers, or the system for them, have taken.
        self.said = 0
        self._talking: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None) -> AsyncIterator["RawHttp"]:
        server = await asyncio.start_server(self._converse, "127.0.0.1", 0, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in self._talking:
                task.cancel()
            await asyncio.gather(*self._talking, return_exceptions=True)
            await server.wait_closed()

    async def until_idle(self) -> None:
        """Return when every connection so far is over."""
        await asyncio.gather(*self._talking, return_exceptions=True)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._talking.add(task)
        task.add_done_callback(self._talking.discard)
        try:
            with suppress(ConnectionError):
                self.heard.append(await _request(reader))
                if self.heard[-1]:
                    await self.talk(writer)
        finally:
            writer.close()

    async def repeat(self, writer: asyncio.StreamWriter, part: bytes, most: int) -> None:
        """Say a thing over and over, as fast as it is taken."""
        while self.said < most:
            writer.write(part)
            await writer.drain()
            self.said += len(part)


def saying(raw: bytes) -> Talk:
    """The same bytes to every client."""

    async def talk(writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()

    return talk


def trickling(before: bytes, part: bytes = b"a") -> Talk:
    """A beginning, then a little now and then, for ever."""

    async def talk(writer: asyncio.StreamWriter) -> None:
        writer.write(before)
        while True:
            await writer.drain()
            await asyncio.sleep(0.02)
            writer.write(part)

    return talk


def answer(status: int, body: str = "", *headers: str) -> bytes:
    """A whole and well-formed answer."""
    lines = [f"HTTP/1.1 {status} x", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", body]).encode()


async def _request(reader: asyncio.StreamReader) -> bytes:
    head = b""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        # To the end: closing on unread data would take the answer back.
        return head + await reader.readexactly(int(length[1]) if length else 0)
    except asyncio.IncompleteReadError as cut:
        return head + cut.partial
