"""A database server that falls silent, as one does whose machine is gone after a failover."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg
from sqlalchemy import make_url


class SilentServer:
    """Relays to PostgreSQL until it falls silent; then it takes everything and says nothing.

    Args:
        dsn: of the PostgreSQL behind it, which listens on a Unix socket.
    """

    def __init__(self, dsn: str) -> None:
        self._url = make_url(dsn)
        where = self._url.query
        self._socket = f"{where['host']}/.s.PGSQL.{where['port']}"
        self._relays: set[asyncio.Task[None]] = set()
        self._is_silent = False
        self._port = 0
        #: It was asked something since it fell silent.
        self.asked = asyncio.Event()
        #: A client has closed a connection from before.
        self.hung_up = asyncio.Event()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["SilentServer"]:
        """Take connections until the block ends."""
        server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for relay in self._relays:
                relay.cancel()
            await asyncio.gather(*self._relays, return_exceptions=True)

    async def connect(self) -> asyncpg.Connection:
        """A connection to PostgreSQL through it."""
        return await asyncpg.connect(
            host="127.0.0.1",
            port=self._port,
            user=self._url.username,
            password=self._url.password,
            database=self._url.database,
            ssl=False,
        )

    def fall_silent(self) -> None:
        """Answer nothing any more, and close nothing."""
        self._is_silent = True

    async def _take(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._relays.add(task)
        was_silent = self._is_silent
        server, questions = await asyncio.open_unix_connection(self._socket)
        back = asyncio.ensure_future(self._answer(server, answers))
        try:
            with suppress(ConnectionError):
                while data := await client.read(65536):
                    if self._is_silent:
                        self.asked.set()
                    else:
                        questions.write(data)
            if not was_silent:
                self.hung_up.set()
        finally:
            back.cancel()
            questions.close()
            answers.close()

    async def _answer(self, server: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        while data := await server.read(65536):
            if not self._is_silent:
                answers.write(data)
