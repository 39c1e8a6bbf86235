"""A real Temporal of this folder's own, so that its workers can have scripted providers."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest_asyncio
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from madan_sara.devstack.temporal_server import TemporalDevServer
from madan_sara.persistence.database import Database
from tests.stage import Stage


@pytest_asyncio.fixture(scope="session")
async def scripted_client(kept_folder: Path) -> AsyncIterator[Client]:
    async with TemporalDevServer(kept_folder / "scripted", port=0, ui_port=0) as server:
        yield await Client.connect(server.address, data_converter=pydantic_data_converter)


@pytest_asyncio.fixture
async def stage(scripted_client: Client, database: Database) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as exits:
        yield Stage(scripted_client, database, exits)
