"""A database of its own for histories."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from madan_sara.devstack.postgres import EmbeddedPostgres
from madan_sara.persistence.database import Database
from madan_sara.persistence.migrate import upgrade_database
from tests.ledger_history.books import prepare_notes

_NAME: Final = "ledger_history"


@asynccontextmanager
async def noting_database(postgres: EmbeddedPostgres) -> AsyncIterator[tuple[Database, str]]:
    """A database that notes each change of a claim, and where it is."""
    await postgres.create_database(_NAME)
    dsn = postgres.dsn(_NAME)
    await upgrade_database(dsn)
    database = Database(dsn)
    try:
        await prepare_notes(database)
        yield database, dsn
    finally:
        await database.close()
