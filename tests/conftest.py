"""Servers shared by the whole run, and the makers of campaigns and people.

One PostgreSQL, one Temporal, one mail sink and one sandbox provider serve every test;
a tenant of its own keeps each test's facts apart.
"""

import os
import signal
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import settings
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from madan_sara.devstack.postgres import EmbeddedPostgres
from madan_sara.devstack.temporal_server import TemporalDevServer
from madan_sara.emulators.mail_sink import MailSink
from madan_sara.emulators.sandbox.provider import SandboxProvider
from madan_sara.persistence.database import Database
from madan_sara.persistence.migrate import upgrade_database
from madan_sara.starter.orchestrator import OutreachOrchestrator
from tests.privacy import logging_into, people_found
from tests.stacks import running_workers, senders_for

# No property is about time: a busy machine would fail it.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# A shell that runs the tests in the background has them ignore Ctrl-C, and with them every
# command they start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The settings of the user who runs the tests may lead to real servers: neither a test nor a
# command that one starts sees them.
for _name in list(os.environ):
    if _name.startswith(("MADAN_SARA_", "TEMPORAL_", "PG")):
        del os.environ[_name]


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    # Removed at once, unlike pytest's own.
    with tempfile.TemporaryDirectory(prefix="madan-sara-tests-") as folder:
        yield Path(folder)


@pytest_asyncio.fixture(scope="session")
async def postgres(server_folder: Path) -> AsyncIterator[EmbeddedPostgres]:
    settings = {"fsync": "off", "max_connections": "300", "track_commit_timestamp": "on"}
    async with EmbeddedPostgres(server_folder / "postgres", settings=settings) as server:
        yield server


@pytest_asyncio.fixture(scope="session")
async def dsn(postgres: EmbeddedPostgres) -> str:
    await postgres.create_database("tests")
    await upgrade_database(postgres.dsn("tests"))
    return postgres.dsn("tests")


@pytest_asyncio.fixture(scope="session")
async def database(dsn: str) -> AsyncIterator[Database]:
    database = Database(dsn, pool_size=20)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def kept_folder(server_folder: Path) -> Iterator[Path]:
    """Where the run's servers keep histories and logs; at its end they hold no person's data."""
    folder = server_folder / "kept"
    folder.mkdir()
    with logging_into(folder / "tests.log"):
        yield folder
    assert people_found(folder) == []


@pytest_asyncio.fixture(scope="session")
async def temporal(kept_folder: Path) -> AsyncIterator[TemporalDevServer]:
    async with TemporalDevServer(kept_folder / "temporal", port=0, ui_port=0) as server:
        yield server


@pytest_asyncio.fixture(scope="session")
async def client(temporal: TemporalDevServer) -> Client:
    return await Client.connect(temporal.address, data_converter=pydantic_data_converter)


@pytest_asyncio.fixture(scope="session")
async def mail_sink(tmp_path_factory) -> AsyncIterator[MailSink]:
    sink = MailSink(tmp_path_factory.mktemp("mail"))
    await sink.start()
    yield sink
    await sink.stop()


@pytest_asyncio.fixture(scope="session")
async def sandbox() -> AsyncIterator[SandboxProvider]:
    provider = SandboxProvider()
    await provider.start()
    yield provider
    await provider.stop()


@pytest_asyncio.fixture(scope="session")
async def workers(
    client: Client, database: Database, mail_sink: MailSink, sandbox: SandboxProvider
) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        senders = senders_for(mail_sink, sandbox)
        for sender in senders.values():
            stack.push_async_callback(sender.close)
        await stack.enter_async_context(running_workers(client, database, senders))
        yield


@pytest.fixture
def tenant_id() -> uuid.UUID:
    return uuid.uuid4()


@pytest.fixture
def orchestrator(
    client: Client, database: Database, workers: None, tenant_id: uuid.UUID
) -> OutreachOrchestrator:
    return OutreachOrchestrator(client, database, tenant_id=tenant_id)
