"""A Temporal whose clock jumps over every timer."""

import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

import pytest_asyncio
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from madan_sara.contracts.naming import SEARCH_ATTRIBUTES
from madan_sara.persistence.database import Database
from tests.stage import SkippingStage


@pytest_asyncio.fixture(scope="module")
async def skipping() -> AsyncIterator[WorkflowEnvironment]:
    binary = Path(sys.executable).with_name("temporal-test-server")
    environment = await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=str(binary if binary.exists() else shutil.which(binary.name)),
        test_server_startup_timeout=timedelta(seconds=30),
        data_converter=pydantic_data_converter,
    )
    async with environment:
        await environment.client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(
                namespace=environment.client.namespace,
                search_attributes=dict.fromkeys(
                    SEARCH_ATTRIBUTES, IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
                ),
            )
        )
        yield environment


@pytest_asyncio.fixture
async def stage(
    skipping: WorkflowEnvironment, database: Database, kept_folder: Path
) -> AsyncIterator[SkippingStage]:
    async with AsyncExitStack() as exits:
        stage = SkippingStage(skipping.client, database, exits, skipping)
        await stage.pass_the_hour()
        yield stage
    # This server's histories are gone with it.
    with (kept_folder / "skipped-histories").open("ab") as file:
        for handle in stage.started:
            history = await handle.fetch_history()
            file.writelines(event.SerializeToString() for event in history.events)
