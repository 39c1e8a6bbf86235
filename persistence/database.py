"""Connections to PostgreSQL."""

from contextlib import AbstractAsyncContextManager

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine


class Database:
    """One pool of connections, for transactions and for single statements.

    Args:
        dsn: SQLAlchemy URL with the asyncpg driver.
        pool_size: connections kept; as many again may be opened under load.
    """

    def __init__(self, dsn: str, *, pool_size: int = 10) -> None:
        self._engine: AsyncEngine = create_async_engine(
            dsn, pool_size=pool_size, max_overflow=pool_size, pool_pre_ping=False
        )
        self._autocommit = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    def transaction(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A transaction, committed when its block ends and rolled back on an error."""
        return self._engine.begin()

    def statement(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A connection on which each statement is a transaction: one round trip."""
        return self._autocommit.connect()

    async def close(self) -> None:
        """Close every connection."""
        await self._engine.dispose()
