"""Connections for statements that leave nothing behind on them."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import asyncpg


class Connections:
    """Lends each statement a connection, and opens one more when none is free.

    asyncpg's own pool wraps, resets and times every loan, and starts a task to take it back:
    together as much work as a short statement itself.

    Args:
        connect: opens a connection.
        most: connections at a time; further statements wait.
        parting_seconds: how long a cancelled statement's connection is waited for.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[asyncpg.Connection]],
        *,
        most: int,
        parting_seconds: float = 2.0,
    ) -> None:
        self._connect = connect
        self._most = most
        self._parting_seconds = parting_seconds
        self._room = asyncio.Semaphore(most)
        self._free: list[asyncpg.Connection] = []
        self._parting: set[asyncio.Task[None]] = set()

    async def fetch(self, sql: str, arguments: Sequence[object]) -> Sequence[asyncpg.Record]:
        """Run a statement as a transaction of its own."""
        async with self._room:
            connection = self._open_one() or await self._connect()
            try:
                rows: Sequence[asyncpg.Record] = await connection.fetch(sql, *arguments)
            except asyncio.CancelledError:
                self._part_with(connection)
                raise
            except BaseException:
                self._free.append(connection)
                raise
            self._free.append(connection)
        return rows

    def _part_with(self, connection: asyncpg.Connection) -> None:
        """Have the server end a cancelled statement; the next one does not wait for that.

        After a failover no server may answer there any more.
        """
        parting = asyncio.ensure_future(connection.close(timeout=self._parting_seconds))
        self._parting.add(parting)
        parting.add_done_callback(self._parted)

    def _parted(self, parting: "asyncio.Task[None]") -> None:
        self._parting.discard(parting)
        if not parting.cancelled():
            parting.exception()  # Looked at: it has been cut off where it did not answer.

    async def close(self) -> None:
        """Close every connection, each when its statement has ended."""
        for _ in range(self._most):
            await self._room.acquire()
        while self._free:
            await self._free.pop().close()
        for _ in range(self._most):
            self._room.release()

    def _open_one(self) -> asyncpg.Connection | None:
        while self._free:
            connection = self._free.pop()
            if not connection.is_closed():
                return connection
        return None
