"""The embedded PostgreSQL: its abilities, and its start after a kill."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from madan_sara.devstack.errors import DevstackError
from madan_sara.devstack.postgres import EmbeddedPostgres

DATABASE = "trial"
REPOSITORY = Path(__file__).resolve().parents[3]

#: A parent that starts a server, says so, and waits to be killed.
PARENT = """
import asyncio, sys
from pathlib import Path
from madan_sara.devstack.postgres import EmbeddedPostgres

async def main():
    postgres = EmbeddedPostgres(Path(sys.argv[1]))
    await postgres.start()
    print(postgres.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture(scope="module")
async def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a cluster in it; creating one takes longer than everything else here."""
    folder = tmp_path_factory.mktemp("postgres")
    async with running(folder) as postgres:
        await postgres.create_database(DATABASE)
    return folder


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[EmbeddedPostgres]:
    async with EmbeddedPostgres(folder) as postgres:
        yield postgres


async def run_sql(postgres: EmbeddedPostgres, *statements: str) -> Sequence[Any]:
    """Execute statements in one transaction; the first row of the last one."""
    engine = create_async_engine(postgres.dsn(DATABASE))
    try:
        async with engine.begin() as connection:
            for statement in statements:
                result = await connection.execute(text(statement))
            return result.one() if result.returns_rows else ()
    finally:
        await engine.dispose()


async def test_data_is_found_again_at_a_second_start(data_dir: Path) -> None:
    async with running(data_dir) as postgres:
        await run_sql(postgres, "CREATE TABLE kept AS SELECT 42 AS answer")
    async with running(data_dir) as postgres:
        await postgres.create_database(DATABASE)  # Once more does no harm.
        assert await run_sql(postgres, "SELECT answer FROM kept") == (42,)


async def test_extensions_take_non_ascii_letters_for_letters(data_dir: Path) -> None:
    async with running(data_dir) as postgres:
        lowered, trigrams = await run_sql(
            postgres,
            "CREATE EXTENSION btree_gist",
            "CREATE EXTENSION pg_trgm",
            "SELECT lower('É'), show_trgm('Été')",
        )
    assert lowered == "é"
    assert len(trigrams) == len({"  é", " ét", "été", "té "})


async def test_nothing_that_guards_data_is_switched_off(data_dir: Path) -> None:
    async with running(data_dir) as postgres:
        row = await run_sql(
            postgres,
            "SELECT current_setting('fsync'), current_setting('synchronous_commit'),"
            " current_setting('full_page_writes'), current_setting('listen_addresses')",
        )
    assert row == ("on", "on", "on", "")


async def test_a_data_folder_too_deep_for_a_socket_works(tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 15) / ("deeper" * 15)
    async with running(deep) as postgres:
        await postgres.create_database(DATABASE)
        assert await run_sql(postgres, "SELECT 1") == (1,)
        sockets = Path(str(make_url(postgres.dsn(DATABASE)).query["host"]))
        assert deep not in sockets.parents
        assert [folder.stat().st_mode & 0o777 for folder in (sockets, sockets.parent)] == [
            0o700
        ] * 2
    assert not sockets.parent.exists()


@pytest.mark.parametrize("password", [None, "", "postgres"])
async def test_a_connection_without_the_password_is_refused(
    data_dir: Path, password: str | None
) -> None:
    async with running(data_dir) as postgres:
        url = make_url(postgres.dsn("postgres"))
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(
                host=url.query["host"], user=url.username, password=password, database="postgres"
            )


async def test_a_cluster_whose_password_is_gone_says_so(tmp_path: Path) -> None:
    (tmp_path / "cluster").mkdir()
    with pytest.raises(DevstackError, match=r"the password of .* is gone"):
        await EmbeddedPostgres(tmp_path).start()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user can enter, and those above it."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def read_as(process: psutil.Process, file: Path) -> subprocess.CompletedProcess[str]:
    """Have another process of a process's user read a file."""
    return subprocess.run(
        ["/bin/cat", str(file)],
        user=process.uids().real,
        group=process.gids().real,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")
async def test_other_processes_of_the_servers_user_get_nowhere(open_folder: Path) -> None:
    async with running(open_folder / "postgres") as postgres:
        server = psutil.Process(postgres.pid)
        assert server.username() != psutil.Process().username()
        for secret in (
            open_folder / "postgres" / "cluster" / "PG_VERSION",
            Path(f"/proc/{server.pid}/cwd/PG_VERSION"),
            Path(f"/proc/{server.pid}/environ"),
        ):
            assert secret.read_bytes()
            assert "Permission denied" in read_as(server, secret).stderr


async def test_a_server_left_running_is_replaced(data_dir: Path) -> None:
    left_behind = EmbeddedPostgres(data_dir)
    await left_behind.start()
    async with running(data_dir) as postgres:
        assert postgres.pid != left_behind.pid
        assert await run_sql(postgres, "SELECT 1") == (1,)
    await left_behind.stop()


async def test_the_lock_of_a_killed_server_does_not_stop_the_next(data_dir: Path) -> None:
    killed = EmbeddedPostgres(data_dir)
    await killed.start()
    psutil.Process(killed.pid).send_signal(signal.SIGKILL)
    assert (data_dir / "cluster" / "postmaster.pid").exists()
    async with running(data_dir) as postgres:
        assert await run_sql(postgres, "SELECT 1") == (1,)


async def test_a_lock_naming_an_innocent_process_is_dropped(data_dir: Path) -> None:
    async with running(data_dir):
        lock_file = data_dir / "cluster" / "postmaster.pid"
        lock = lock_file.read_text().splitlines()
    innocent = psutil.Process()
    lock_file.write_text("\n".join([str(innocent.pid), *lock[1:]]) + "\n")
    async with running(data_dir) as postgres:
        assert await run_sql(postgres, "SELECT 1") == (1,)
    assert innocent.is_running()


async def test_the_server_of_a_killed_parent_makes_room(data_dir: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        PARENT,
        str(data_dir),
        stdout=asyncio.subprocess.PIPE,
        cwd=REPOSITORY,
    )
    assert parent.stdout is not None
    server_pid = int(await parent.stdout.readline())
    parent.kill()
    await parent.communicate()
    async with running(data_dir) as postgres:
        assert postgres.pid != server_pid
        assert await run_sql(postgres, "SELECT 1") == (1,)
