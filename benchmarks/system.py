"""Servers, and a worker in a process of its own whose provider takes everything."""

import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from benchmarks.accepting_worker import READY
from benchmarks.machine import CpuMeter
from benchmarks.servers import running_postgres, running_temporal
from madan_sara.devstack.child_process import ChildProcess
from madan_sara.persistence.database import Database

_REPOSITORY: Final = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class System:
    """Everything that runs, as its clients see it."""

    client: Client
    database: Database
    worker_pid: int
    meter: CpuMeter


@asynccontextmanager
async def running_system(
    folder: Path, settings: Mapping[str, str] | None = None, *, metered_client: bool = False
) -> AsyncIterator[System]:
    """Start everything; stop it at the end.

    Args:
        folder: where it keeps its data.
        settings: variables of the worker's environment.
        metered_client: whether the meter knows this process, as `client`.
    """
    async with AsyncExitStack() as stack:
        postgres, dsn = await stack.enter_async_context(running_postgres(folder))
        temporal = await stack.enter_async_context(running_temporal(folder))
        addresses = {"MADAN_SARA_DATABASE_URL": dsn, "TEMPORAL_ADDRESS": temporal.address}
        environment = {**os.environ, **(settings or {}), **addresses}
        worker = await stack.enter_async_context(_running_worker(folder, environment))
        database = Database(dsn)
        stack.push_async_callback(database.close)
        client = await Client.connect(temporal.address, data_converter=pydantic_data_converter)
        programs = {"worker": worker.pid, "Temporal": temporal.pid, "PostgreSQL": postgres.pid}
        own = {"client": os.getpid()} if metered_client else {}
        yield System(client, database, worker.pid, CpuMeter({**own, **programs}))


@asynccontextmanager
async def _running_worker(
    folder: Path, environment: Mapping[str, str]
) -> AsyncIterator[ChildProcess]:
    worker = ChildProcess("the worker", log_file=folder / "worker.log")
    command = [sys.executable, "-m", "benchmarks.accepting_worker"]
    await worker.start(command, env=environment, cwd=_REPOSITORY)

    async def is_ready() -> bool:
        return READY in worker.output().splitlines()

    try:
        await worker.wait_until(is_ready)
        yield worker
    finally:
        await worker.stop()
