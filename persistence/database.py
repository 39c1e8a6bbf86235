"""Connections to PostgreSQL.

Statements that run often, as every message's do, are a `Query` on asyncpg: compiled once,
prepared once per connection, one round trip. The rest (storing campaigns, receipts, records
for people, migrations) runs through SQLAlchemy's connections.
"""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import asyncpg
from sqlalchemy import make_url, text
from sqlalchemy.dialects.postgresql.asyncpg import dialect as asyncpg_dialect
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from madan_sara.persistence.batching import Batcher
from madan_sara.persistence.connections import Connections
from madan_sara.persistence.driver_errors import connected, database_border

Parameters = Mapping[str, object]

#: Options of a URL that a text can say; the others want a number, a class or a function.
USABLE_OPTIONS: Final = frozenset(
    {
        "database",
        "gsslib",
        "host",
        "krbsrvname",
        "passfile",
        "password",
        "port",
        "prepared_statement_cache_size",
        "service",
        "servicefile",
        "ssl",
        "target_session_attrs",
        "user",
    }
)
#: Those of them that SQLAlchemy keeps to itself.
_ONLY_SQLALCHEMY: Final = frozenset({"prepared_statement_cache_size"})

#: The statements are few, long and always the same: planning them costs more than running
#: them, so each connection plans them once. Compiling them to machine code never pays.
_SESSION: Final = {
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
    # Every row is found by a key. Planned while a table is small, a statement might settle on
    # reading it whole, and go on so when it has grown.
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    # Whatever the server's own are: a statement that has waited for a lock goes on by what is
    # committed then, the account of a day is found by the day as text, seven days are 168 hours.
    "default_transaction_isolation": "read committed",
    "DateStyle": "ISO",
    "TimeZone": "UTC",
}

#: How long a connection keeps what it has prepared; asyncpg's own 300 s would have every
#: connection prepare and plan everything anew each five minutes.
_FOR_GOOD: Final = 0

_DIALECT: Final = asyncpg_dialect()  # type: ignore[no-untyped-call]


class Query:
    """A statement with named parameters, ready for asyncpg.

    Args:
        sql: parameters are written `:name`, and cast where PostgreSQL cannot infer their
            type.
    """

    def __init__(self, sql: str) -> None:
        compiled = text(sql).compile(dialect=_DIALECT)
        self._names: Sequence[str] = compiled.positiontup or ()
        self.sql = str(compiled)

    def arguments(self, parameters: Parameters) -> list[object]:
        """The values of the parameters, in the order of their numbers."""
        return [parameters[name] for name in self._names]


class Database:
    """One database, for the statements of messages and for everything else.

    Errors of its drivers come out as errors of ours; see `driver_errors`.

    Args:
        dsn: SQLAlchemy URL with the asyncpg driver.
        pool_size: up to twice as many connections are opened for `Query`s, as they are
            needed, and kept; a few more for everything else.
    """

    def __init__(self, dsn: str, *, pool_size: int = 10) -> None:
        self._url = make_url(dsn)
        self._address = database_address(self._url)
        self._connections = Connections(self._connect, most=pool_size * 2)
        # Asked first: a connection that a restart of the server has cut is replaced, not met.
        self._engine = engine_of(dsn, server_settings=_SESSION, pool_pre_ping=True)
        self._autocommit = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    async def fetch(self, query: Query, parameters: Parameters) -> Sequence[asyncpg.Record]:
        """Run a query as a transaction of its own; every row of its answer."""
        with database_border(self._address):
            return await self._connections.fetch(query.sql, query.arguments(parameters))

    async def fetch_one(self, query: Query, parameters: Parameters) -> asyncpg.Record | None:
        """Run a query as a transaction of its own; the first row of its answer, if any."""
        rows = await self.fetch(query, parameters)
        return rows[0] if rows else None

    @asynccontextmanager
    async def bulk(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection of asyncpg's in a transaction, for what only asyncpg can do: COPY."""
        with database_border(self._address):
            connection = await self._connect()
            try:
                async with connection.transaction():
                    yield connection
            finally:
                await connection.close()

    def batcher(self, query: Query) -> Batcher[Parameters, asyncpg.Record | None]:
        """A query that answers all callers of the same moment.

        Args:
            query: takes each parameter as an array with a value per question, and gives at
                most one row per question, with the question's position, from 1, as `nth`. It may
                be asked again; see `Batcher`.

        Returns:
            A function that takes parameters as `fetch_one` does, and gives the row or None.
        """
        return Batcher(partial(self._fetch_each, query))

    async def _fetch_each(
        self, query: Query, questions: Sequence[Parameters]
    ) -> list[asyncpg.Record | None]:
        names = questions[0]
        arrays = {name: [question[name] for question in questions] for name in names}
        rows = {row["nth"]: row for row in await self.fetch(query, arrays)}
        return [rows.get(nth) for nth in range(1, len(questions) + 1)]

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A transaction, committed when its block ends and rolled back on an error."""
        with database_border(self._address):
            async with self._engine.begin() as connection:
                yield connection

    @asynccontextmanager
    async def statement(self) -> AsyncIterator[AsyncConnection]:
        """A connection on which each statement is a transaction: one round trip."""
        with database_border(self._address):
            async with self._autocommit.connect() as connection:
                yield connection

    async def close(self) -> None:
        """Close every connection."""
        await self._connections.close()
        await self._engine.dispose()

    async def _connect(self) -> asyncpg.Connection:
        arguments = _connect_arguments(self._url)
        arguments |= {"server_settings": _SESSION, "max_cached_statement_lifetime": _FOR_GOOD}
        connection = await connected(**arguments)
        for name in ("json", "jsonb"):
            await connection.set_type_codec(
                name, encoder=str, decoder=json.loads, schema="pg_catalog"
            )
        return connection


def engine_of(
    dsn: str, *, server_settings: Mapping[str, str] | None = None, pool_pre_ping: bool = False
) -> AsyncEngine:
    """SQLAlchemy's engine for a database, which connects as everything else does.

    Args:
        dsn: SQLAlchemy URL with the asyncpg driver.
        server_settings: of each session; None: the server's own.
        pool_pre_ping: see that a connection is alive before it is used.
    """
    arguments = {"async_creator_fn": connected, "server_settings": server_settings}
    return create_async_engine(
        dsn, hide_parameters=True, connect_args=arguments, pool_pre_ping=pool_pre_ping
    )


def database_address(url: URL) -> str:
    """The address of a database, like `localhost:5432/madan_sara`, without user and password."""
    # A folder with the server's socket cannot stand where a URL has its host.
    folder = url.query.get("host")
    host = url.host or (folder if isinstance(folder, str) else "localhost")
    return f"{host}:{url.port or 5432}/{url.database or ''}"


def _connect_arguments(url: URL) -> dict[str, Any]:
    """The arguments of asyncpg for a URL of SQLAlchemy's, its options like `ssl` included."""
    arguments: dict[str, Any] = _DIALECT.create_connect_args(url)[1]  # type: ignore[no-untyped-call]
    return {name: value for name, value in arguments.items() if name not in _ONLY_SQLALCHEMY}
