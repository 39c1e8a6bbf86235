"""Temporal's own development server, from a wheel."""

import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import (
    AddSearchAttributesRequest,
    ListSearchAttributesRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError

from madan_sara.contracts.naming import SEARCH_ATTRIBUTES
from madan_sara.devstack.child_process import ChildProcess, server_environment
from madan_sara.devstack.errors import DevstackError
from madan_sara.devstack.ports import LOOPBACK, choose_ports
from madan_sara.devstack.private import make_private_folder
from madan_sara.devstack.server import Server

NAMESPACE: Final = "default"

#: What a server for a few processes does without, some 2 ms of its CPU time an outreach (measured):
#: several partitions of each queue, reading the search attributes anew with each request, and a
#: framework of the server's for things that nothing here uses.
_SETTINGS: Final = MappingProxyType(
    {
        "matching.numTaskqueueReadPartitions": "1",
        "matching.numTaskqueueWritePartitions": "1",
        "system.forceSearchAttributesCacheRefreshOnRead": "false",
        "history.enableChasm": "false",
    }
)


class TemporalDevServer(Server):
    """The Temporal server and its Web UI, with everything kept in one SQLite file."""

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int = 7233,
        ui_port: int = 8233,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """Choose folder and ports; nothing runs yet.

        Args:
            data_dir: Where the database and the log live; created when missing.
            port: Where to serve, or a free one if it is taken; 0 for any.
            ui_port: Likewise for the Web UI.
            settings: Temporal's dynamic configuration beside ours, as JSON by name.
        """
        self._data_dir = data_dir.resolve()
        self._preferred_ports = (port, ui_port)
        self._port = self._ui_port = 0
        self._settings = {**_SETTINGS, **(settings or {})}
        super().__init__(
            ChildProcess(
                "Temporal",
                log_file=self._data_dir / "temporal.log",
                pid_file=self._data_dir / "temporal.pid",
            )
        )

    @property
    def address(self) -> str:
        """Where clients connect, `host:port`; known once started."""
        return f"{LOOPBACK}:{self._port}"

    @property
    def ui_url(self) -> str:
        """Where a browser shows the Web UI; known once started."""
        return f"http://{LOOPBACK}:{self._ui_port}"

    async def start(self) -> None:
        """Start the server; return when it serves and knows our search attributes."""
        make_private_folder(self._data_dir)
        await self._process.end_leftover()  # Before looking for free ports: it may hold them.
        self._port, self._ui_port = choose_ports(*self._preferred_ports)
        is_new = not self._database.exists()
        await self._launch()
        if is_new:  # The command line has registered the attributes, with a new database only.
            await self._process.wait_until(self._knows_attributes)
        elif not await self._knows_attributes():
            await self._add_attributes()
            # A running server reads them once a minute.
            await self._process.stop()
            await self._launch()

    @property
    def _database(self) -> Path:
        return self._data_dir / "temporal.db"

    async def _launch(self) -> None:
        await self._process.start(self._command(), env=server_environment())
        await self._process.wait_until(self._serves)

    def _command(self) -> list[str]:
        attributes = [f"--search-attribute={name}=Keyword" for name in SEARCH_ATTRIBUTES]
        return [
            _find_temporal(),
            "server",
            "start-dev",
            f"--ip={LOOPBACK}",
            f"--port={self._port}",
            f"--ui-port={self._ui_port}",
            f"--db-filename={self._database}",
            # About three times faster than SQLite's defaults. A crash of the machine may lose
            # the last moments, a crash of the server nothing.
            "--sqlite-pragma=journal_mode=WAL",
            "--sqlite-pragma=synchronous=NORMAL",
            *attributes,
            *(f"--dynamic-config-value={name}={value}" for name, value in self._settings.items()),
            "--log-level=warn",
        ]

    async def _serves(self) -> bool:
        try:
            await self._missing_attributes()
        except (RuntimeError, RPCError):  # Not listening yet, or its namespace is not there yet.
            return False
        return True

    async def _knows_attributes(self) -> bool:
        return not await self._missing_attributes()

    async def _missing_attributes(self) -> set[str]:
        client = await Client.connect(self.address, namespace=NAMESPACE)
        request = ListSearchAttributesRequest(namespace=NAMESPACE)
        known = await client.operator_service.list_search_attributes(request)
        return set(SEARCH_ATTRIBUTES) - known.custom_attributes.keys()

    async def _add_attributes(self) -> None:
        keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
        missing = dict.fromkeys(await self._missing_attributes(), keyword)
        client = await Client.connect(self.address, namespace=NAMESPACE)
        await client.operator_service.add_search_attributes(
            AddSearchAttributesRequest(namespace=NAMESPACE, search_attributes=missing)
        )


def _find_temporal() -> str:
    beside_python = shutil.which("temporal", path=Path(sys.executable).parent)
    found = beside_python or shutil.which("temporal")
    if found is None:
        raise DevstackError("the `temporal` program is not installed here; run `make venv`")
    return found
