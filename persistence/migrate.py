"""The schema's revision in a database, and the upgrade to the newest."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from madan_sara.contracts.errors import MisconfiguredError
from madan_sara.persistence.database import database_address, engine_of
from madan_sara.persistence.driver_errors import database_border

#: Two workers starting together must not both migrate.
_MIGRATION_LOCK = 0x6D6164616E


@dataclass(frozen=True)
class SchemaRevision:
    """The revision of a database's schema.

    Attributes:
        before: its revision when it was looked at; None: it has no schema of ours.
        newest: the revision this version works with.
    """

    before: str | None
    newest: str

    @property
    def is_newest(self) -> bool:
        """Whether there is nothing to upgrade."""
        return self.before == self.newest


async def upgrade_database(dsn: str) -> SchemaRevision:
    """Apply each revision the database does not have yet; safe to run twice at once.

    Args:
        dsn: SQLAlchemy URL with the asyncpg driver.

    Returns:
        The revision it had before, and the one it has now.

    Raises:
        MisconfiguredError: this version does not know the revision it has.
        UnreachableError: no usable database answers there.
    """
    async with _connection(dsn) as connection:
        await connection.execute(
            text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK}
        )
        found = await connection.run_sync(_revision)
        await connection.run_sync(_upgrade)
        return found


async def schema_revision(dsn: str) -> SchemaRevision:
    """The revision of a database's schema; changes nothing.

    Args:
        dsn: SQLAlchemy URL with the asyncpg driver.

    Raises:
        MisconfiguredError: this version does not know the revision it has.
        UnreachableError: no usable database answers there.
    """
    async with _connection(dsn) as connection:
        return await connection.run_sync(_revision)


@asynccontextmanager
async def _connection(dsn: str) -> AsyncIterator[AsyncConnection]:
    """A connection in a transaction, of an engine that lives as long."""
    engine = engine_of(dsn)
    try:
        with database_border(database_address(engine.url)):
            async with engine.begin() as connection:
                yield connection
    finally:
        await engine.dispose()


def _revision(connection: Connection) -> SchemaRevision:
    scripts = ScriptDirectory.from_config(_config())
    present = MigrationContext.configure(connection).get_current_heads()
    if len(present) > 1:
        raise MisconfiguredError(
            f"alembic_version: has {len(present)} rows, where one schema has one; delete what "
            "was not written by `madan-sara migrate`"
        )
    before = present[0] if present else None
    if before is not None and before not in {each.revision for each in scripts.walk_revisions()}:
        raise MisconfiguredError(
            f"the database has schema {before[:40]}, which this version does not know: "
            "a newer version has migrated it; install that one"
        )
    return SchemaRevision(before=before, newest=scripts.get_heads()[0])


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise MisconfiguredError(f"the schema cannot be migrated: {error}") from error


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config
