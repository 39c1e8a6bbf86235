"""Temporal's development server under our care."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from madan_sara.contracts.naming import SEARCH_ATTRIBUTES, TENANT_ATTRIBUTE
from madan_sara.devstack.errors import DevstackError
from madan_sara.devstack.leftovers import wait_gone
from madan_sara.devstack.temporal_server import TemporalDevServer

TENANT = SearchAttributeKey.for_keyword(TENANT_ATTRIBUTE)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("temporal")


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[TemporalDevServer]:
    async with TemporalDevServer(folder, port=0, ui_port=0) as server:
        yield server


async def search_attributes(server: TemporalDevServer) -> set[str]:
    client = await Client.connect(server.address)
    listed = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace="default")
    )
    return set(listed.custom_attributes)


async def start_a_workflow(server: TemporalDevServer) -> None:
    client = await Client.connect(server.address)
    await client.start_workflow(
        "Anything",
        id="kept",
        task_queue="nobody-listens",
        search_attributes=TypedSearchAttributes([SearchAttributePair(TENANT, "somebody")]),
    )


async def test_workflows_are_found_again_at_a_second_start(data_dir: Path) -> None:
    async with running(data_dir) as server:
        await start_a_workflow(server)
    async with running(data_dir) as server:
        client = await Client.connect(server.address)
        found = await client.get_workflow_handle("kept").describe()
        assert found.typed_search_attributes.get(TENANT) == "somebody"


async def test_search_attributes_are_added_to_a_database_without_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("madan_sara.devstack.temporal_server.SEARCH_ATTRIBUTES", ())
        async with running(tmp_path) as server:
            assert await search_attributes(server) == set()
    async with running(tmp_path) as server:
        assert await search_attributes(server) == set(SEARCH_ATTRIBUTES)
        # And the server takes them, which knows for a minute what it has once read.
        await start_a_workflow(server)


async def test_a_server_left_running_is_replaced(data_dir: Path) -> None:
    left_behind = TemporalDevServer(data_dir, port=0, ui_port=0)
    await left_behind.start()
    its_process = psutil.Process(left_behind.pid)
    async with running(data_dir) as server:
        assert server.pid != left_behind.pid
        assert await wait_gone([its_process])
    await left_behind.stop()


async def test_a_server_that_cannot_start_says_where_to_look(tmp_path: Path) -> None:
    (tmp_path / "temporal.db").write_text("not a database at all, whatever SQLite says")
    with pytest.raises(DevstackError, match=r"temporal\.log"):
        await TemporalDevServer(tmp_path, port=0, ui_port=0).start()
