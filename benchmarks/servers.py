"""Servers of a benchmark's own, deleted afterwards with their data."""

import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import text

from madan_sara.devstack.child_process import ChildProcess
from madan_sara.devstack.ports import LOOPBACK, choose_ports
from madan_sara.devstack.postgres import EmbeddedPostgres
from madan_sara.devstack.private import make_private_folder
from madan_sara.devstack.stack import default_state_dir
from madan_sara.devstack.temporal_server import TemporalDevServer
from madan_sara.persistence.database import Database
from madan_sara.persistence.migrate import upgrade_database

_DATABASE: Final = "benchmark"
#: Files of the write-ahead log, 16 MB each, that PostgreSQL keeps to use again.
_LOG_FILES: Final = 5
_REPOSITORY: Final = Path(__file__).resolve().parents[1]


@contextmanager
def throwaway_folder() -> Iterator[Path]:
    """A folder beside the development stack's data, so on the same disk.

    Not in the system's folder for temporary files: where that is kept in memory,
    fsync costs nothing and the database looks faster than it is.
    """
    home = default_state_dir().resolve()
    make_private_folder(home)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=home) as folder:
        yield Path(folder)


@asynccontextmanager
async def running_postgres(folder: Path) -> AsyncIterator[tuple[EmbeddedPostgres, str]]:
    """PostgreSQL with the development stack's settings, fsync included, and a migrated database.

    Yields:
        The server, and the SQLAlchemy URL of the database.
    """
    async with EmbeddedPostgres(folder / "postgres") as server:
        await server.create_database(_DATABASE)
        dsn = server.dsn(_DATABASE)
        await upgrade_database(dsn)
        await _run_in(dsn)
        yield server, dsn


async def _run_in(dsn: str) -> None:
    """Give a new server log files to use again, as one that has run for a while has.

    Making one stalls every commit, for some 50 to 250 ms here.
    """
    database = Database(dsn)
    async with database.statement() as connection:
        for _ in range(_LOG_FILES):
            await connection.execute(text("SELECT pg_logical_emit_message(false, 'run in', '')"))
            await connection.execute(text("SELECT pg_switch_wal()"))
        await connection.execute(text("CHECKPOINT"))
    await database.close()


@asynccontextmanager
async def running_temporal(folder: Path) -> AsyncIterator[TemporalDevServer]:
    """Temporal's development server as the development stack runs it, on free ports."""
    async with TemporalDevServer(folder / "temporal", port=0, ui_port=0) as server:
        yield server


@asynccontextmanager
async def running_sandbox(folder: Path) -> AsyncIterator[str]:
    """The sandbox provider in a process of its own; yields its URL.

    In ours it would share our event loop, and its work would look like ours.
    """
    (port,) = choose_ports(0)
    process = ChildProcess("the sandbox provider", log_file=folder / "sandbox.log")
    module = ["-m", "madan_sara.emulators.sandbox.provider", "--port", str(port)]
    await process.start([sys.executable, *module], cwd=_REPOSITORY)

    async def is_ready() -> bool:
        return "sandbox provider at" in process.output()

    try:
        await process.wait_until(is_ready)
        yield f"http://{LOOPBACK}:{port}"
    finally:
        await process.stop()
