"""A stack of its own whose worker is a process that can be killed.

Its own Temporal server and database: the workers of the other tests must not do its work.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp

import pytest_asyncio
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from madan_sara.contracts.channels import Channel
from madan_sara.devstack.postgres import EmbeddedPostgres
from madan_sara.devstack.sandbox.provider import SANDBOX_CHANNELS, SandboxProvider
from madan_sara.devstack.temporal_server import NAMESPACE, TemporalDevServer
from madan_sara.devstack.worker_process import WorkerProcess
from madan_sara.persistence.database import Database
from madan_sara.persistence.migrate import upgrade_database
from tests.integration.delivery.scripted_smtp import SILENCE, ScriptedSmtp


@dataclass(frozen=True)
class CrashStack:
    """The parts; the worker is not started yet."""

    client: Client
    database: Database
    #: Honours keys on every channel but SMS.
    sandbox: SandboxProvider
    #: Takes the first two contents without a word, then answers as usual.
    smtp: ScriptedSmtp
    worker: WorkerProcess
    #: The settings of the worker, and the folder of its log.
    settings: Mapping[str, str]
    folder: Path


@pytest_asyncio.fixture(scope="module")
async def crash_stack(postgres: EmbeddedPostgres, kept_folder: Path) -> AsyncIterator[CrashStack]:
    folder = Path(mkdtemp(prefix="crashes-", dir=kept_folder))
    await postgres.create_database("crashes")
    dsn = postgres.dsn("crashes")
    await upgrade_database(dsn)
    async with AsyncExitStack() as stack:
        temporal = await stack.enter_async_context(
            TemporalDevServer(folder / "temporal", port=0, ui_port=0)
        )
        database = Database(dsn, pool_size=20)
        stack.push_async_callback(database.close)
        sandbox = SandboxProvider(honours_keys_on=SANDBOX_CHANNELS - {Channel.SMS})
        await sandbox.start()
        stack.push_async_callback(sandbox.stop)
        smtp = await stack.enter_async_context(
            ScriptedSmtp({"content": [SILENCE, SILENCE]}).serving()
        )
        environment = {
            "MADAN_SARA_DATABASE_URL": dsn,
            "MADAN_SARA_SMTP_HOST": "127.0.0.1",
            "MADAN_SARA_SMTP_PORT": str(smtp.port),
            "MADAN_SARA_SMTP_SECURITY": "none",
            # An interrupted call is sent again only when it must be over.
            "MADAN_SARA_SMTP_ANNOUNCE_TIMEOUT_SECONDS": "8",
            "MADAN_SARA_SMTP_CONTENT_TIMEOUT_SECONDS": "8",
            "MADAN_SARA_SANDBOX_URL": sandbox.url,
            # Longer than anything here is held: the kill comes first, not the timeout. A look-up
            # waits for three times as long.
            "MADAN_SARA_SANDBOX_TIMEOUT_SECONDS": "8",
            "TEMPORAL_ADDRESS": temporal.address,
            "TEMPORAL_NAMESPACE": NAMESPACE,
        }
        worker = WorkerProcess(environment, folder / "worker.log")
        stack.push_async_callback(worker.kill)
        client = await Client.connect(temporal.address, data_converter=pydantic_data_converter)
        yield CrashStack(client, database, sandbox, smtp, worker, environment, folder)
