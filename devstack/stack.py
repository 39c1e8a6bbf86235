"""The whole system, started in order and stopped in reverse."""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, NoReturn, Self

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from madan_sara.devstack.beside import beside
from madan_sara.devstack.errors import DevstackError
from madan_sara.devstack.ports import LOOPBACK, choose_ports
from madan_sara.devstack.postgres import EmbeddedPostgres
from madan_sara.devstack.private import LOCK_NAME, make_private_folder
from madan_sara.devstack.temporal_server import NAMESPACE, TemporalDevServer
from madan_sara.devstack.worker_process import WorkerProcess
from madan_sara.emulators.mail_sink import MailSink
from madan_sara.emulators.sandbox.provider import SandboxProvider
from madan_sara.persistence.database import Database
from madan_sara.persistence.migrate import upgrade_database
from madan_sara.starter.orchestrator import OutreachOrchestrator

DATABASE: Final = "madan_sara"

#: How soon it is noticed that something has ended.
_LOOK_SECONDS: Final = 1.0

#: The checks book everything anew in the order in which it was committed.
_POSTGRES_SETTINGS: Final = {"track_commit_timestamp": "on"}

#: Where to look first; where a port is taken, a free one is used instead.
_TEMPORAL_PORT: Final = 7233
_WEB_UI_PORT: Final = 8233
_SMTP_PORT: Final = 1025
_SANDBOX_PORT: Final = 8900


def default_state_dir() -> Path:
    """Where the state lives: `MADAN_SARA_DEVSTACK_DIR`, else `.devstack` beside the rooms."""
    chosen = os.environ.get("MADAN_SARA_DEVSTACK_DIR")
    return Path(chosen) if chosen else Path(__file__).resolve().parents[1] / ".devstack"


class Stack:
    """PostgreSQL, Temporal, a mail sink, a sandbox of the providers, and a worker.

    An async context manager: inside the block everything is up and migrated. What it
    stores stays in the state folder and is found again by the next one.
    """

    def __init__(
        self,
        state_dir: Path,
        *,
        worker_settings: Mapping[str, str] | None = None,
        mail_server: Mapping[str, str] | None = None,
    ) -> None:
        """Choose the folder; nothing runs yet.

        Args:
            state_dir: Where everything is kept, for its owner only; one stack at a time.
            worker_settings: What the worker gets on top of what it needs to find everything.
                It sees no other settings, whatever our own environment holds.
            mail_server: Settings of a server that takes e-mail instead of the mail sink, from
                where it goes out for real.
        """
        self.state_dir = state_dir.resolve()
        self.mail_dir = self.state_dir / "mail"
        self.sandbox_journal = self.state_dir / "sandbox.jsonl"
        self.postgres = EmbeddedPostgres(self.state_dir / "postgres", settings=_POSTGRES_SETTINGS)
        self.temporal = TemporalDevServer(
            self.state_dir / "temporal", port=_TEMPORAL_PORT, ui_port=_WEB_UI_PORT
        )
        # They read and write files, so they are made when the folder is held.
        self.mail_sink: MailSink
        self.sandbox: SandboxProvider
        self.worker: WorkerProcess
        #: How often the worker was interrupted and started again.
        self.mail_server = dict(mail_server or {})
        self._worker_settings = dict(worker_settings or {})
        self._running = AsyncExitStack()

    @property
    def database_url(self) -> str:
        """The SQLAlchemy URL of the project's database."""
        return self.postgres.dsn(DATABASE)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as starting:  # Undoes the first steps when a later one fails.
            starting.enter_context(sole_owner(self.state_dir))
            await starting.enter_async_context(self.postgres)
            await self.postgres.create_database(DATABASE)
            await upgrade_database(self.database_url)
            await starting.enter_async_context(self.temporal)
            await self._start_other_sides(starting)
            settings = {**self._worker_settings, **self._mail_settings(), **self.environment()}
            self.worker = WorkerProcess(settings, self.state_dir / "worker.log")
            starting.push_async_callback(self.worker.stop)
            await self.worker.start()
            self._running = starting.pop_all()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._running.aclose()

    @asynccontextmanager
    async def kept_up(self, say: Callable[[str], None]) -> AsyncIterator[None]:
        """Keep it up beside the block, which is cancelled when that is not possible.

        Args:
            say: Takes messages to the user.

        Raises:
            DevstackError: As `keep_up`.
        """
        block = asyncio.current_task()

        def cancel_block(keeping: asyncio.Task[NoReturn]) -> None:
            if not keeping.cancelled() and block is not None:
                block.cancel()

        # An error of it says why the block was cancelled.
        async with beside(self.keep_up(say)) as keeping:
            keeping.add_done_callback(cancel_block)
            yield

    async def keep_up(self, say: Callable[[str], None]) -> NoReturn:
        """Start the worker again whenever it has ended, and look after the servers.

        Args:
            say: Takes messages to the user.

        Raises:
            DevstackError: A server has ended, or the worker cannot start again.
        """
        while True:
            for server in (self.postgres, self.temporal):
                if not server.alive:
                    raise DevstackError(
                        f"{server.name} has ended; see the end of {server.log_file}"
                    )
            if self.sandbox.has_failed:
                raise DevstackError("the sandbox provider has ended, and with it its channels")
            if not self.worker.alive:
                say(f"The worker has ended; starting it again. Why: {self.worker.log_file}")
                await self.worker.start()
            await asyncio.sleep(_LOOK_SECONDS)

    def environment(self) -> dict[str, str]:
        """The settings with which clients find everything, once started; with a password."""
        return {
            "MADAN_SARA_DATABASE_URL": self.database_url,
            "MADAN_SARA_SANDBOX_URL": self.sandbox.url,
            "TEMPORAL_ADDRESS": self.temporal.address,
            # A namespace of a cloud account would not be found here.
            "TEMPORAL_NAMESPACE": NAMESPACE,
        }

    async def connect(self) -> OutreachOrchestrator:
        """A client of the running stack; an async context manager that closes itself."""
        return OutreachOrchestrator(await self.temporal_client(), Database(self.database_url))

    async def temporal_client(self) -> Client:
        """A connection to the running Temporal."""
        return await Client.connect(
            self.temporal.address, namespace=NAMESPACE, data_converter=pydantic_data_converter
        )

    def _mail_settings(self) -> dict[str, str]:
        """Where e-mail goes: for the worker only, so that no shell hands it to a later stack."""
        return self.mail_server or {
            "MADAN_SARA_SMTP_HOST": LOOPBACK,
            "MADAN_SARA_SMTP_PORT": str(self.mail_sink.port),
            "MADAN_SARA_SMTP_SECURITY": "none",
        }

    async def _start_other_sides(self, starting: AsyncExitStack) -> None:
        """Start the stand-ins for the mail server and the providers."""
        make_private_folder(self.mail_dir)
        self.mail_sink = MailSink(self.mail_dir)
        self.sandbox = SandboxProvider(journal_path=self.sandbox_journal)
        smtp_port, sandbox_port = choose_ports(_SMTP_PORT, _SANDBOX_PORT)
        await self.mail_sink.start(host=LOOPBACK, port=smtp_port)
        starting.push_async_callback(self.mail_sink.stop)
        await self.sandbox.start(host=LOOPBACK, port=sandbox_port)
        starting.push_async_callback(self.sandbox.stop)


@contextmanager
def sole_owner(state_dir: Path) -> Iterator[None]:
    """Hold the folder's lock; the system lets go of it when this process ends, however it ends.

    The folder is made, or closed to other users.

    Raises:
        DevstackError: Another process holds it, or it is not for us to close.
    """
    make_private_folder(state_dir)
    with (state_dir / LOCK_NAME).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise DevstackError(
                f"a stack is already running in {state_dir} (process {lock.read()}); "
                "stop it first, or choose another folder with MADAN_SARA_DEVSTACK_DIR"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield
