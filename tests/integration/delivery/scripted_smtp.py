"""An SMTP server that says exactly what a test wants it to say."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress

#: In place of an answer: close the connection.
HANG_UP = "hang up"
#: In place of an answer: say nothing.
SILENCE = "silence"

_USUAL = {
    "greeting": "220 scripted",
    "EHLO": "250 scripted",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go ahead",
    "content": "250 queued",
    "RSET": "250 ok",
    "QUIT": "221 bye",
}


class ScriptedSmtp:
    """Answers as usual, except where the script has something else, each line used once.

    Args:
        script: answers by command; `greeting` and `content` count as commands.
    """

    def __init__(self, script: Mapping[str, Iterable[str]]) -> None:
        self._script = {command: deque(answers) for command, answers in script.items()}
        #: Commands in the order they came, over all connections.
        self.heard: list[str] = []
        self.connections = 0
        self.port = 0
        self._writers: set[asyncio.StreamWriter] = set()
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["ScriptedSmtp"]:
        server = await asyncio.start_server(self._talk, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.hang_up_on_all()
            await server.wait_closed()

    def hang_up_on_all(self) -> None:
        for writer in self._writers:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            answer = await self._answer(writer, "greeting")
            while answer != HANG_UP and (line := await reader.readline()):
                command = line.split()[0].decode().upper()
                await self._hear(command)
                answer = await self._answer(writer, command)
                if answer.startswith("354"):
                    await reader.readuntil(b"\r\n.\r\n")
                    await self._hear("content")
                    answer = await self._answer(writer, "content")
        self._writers.discard(writer)
        writer.close()

    async def until_heard(self, command: str) -> None:
        async with asyncio.timeout(30), self._changed:
            await self._changed.wait_for(lambda: command in self.heard)

    async def _hear(self, command: str) -> None:
        self.heard.append(command)
        async with self._changed:
            self._changed.notify_all()

    async def _answer(self, writer: asyncio.StreamWriter, command: str) -> str:
        scripted = self._script.get(command)
        answer = scripted.popleft() if scripted else _USUAL.get(command, "502 unknown")
        if answer not in (HANG_UP, SILENCE):
            writer.write(answer.encode() + b"\r\n")
            await writer.drain()
        return answer
