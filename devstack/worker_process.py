"""The worker as a process of its own, so that it can be killed like one."""

import sys
from collections.abc import Mapping
from pathlib import Path

from madan_sara.devstack.child_process import ChildProcess, server_environment
from madan_sara.devstack.server import Server

_REPOSITORY = Path(__file__).resolve().parents[1]

#: The line the worker prints once it polls its queues.
_READY_LINE = "worker ready"


class WorkerProcess(Server):
    """`python -m madan_sara.worker`; may be started again after it was stopped or killed."""

    def __init__(self, env: Mapping[str, str], log_file: Path) -> None:
        """Choose settings and log; nothing runs yet.

        Args:
            env: The settings it gets; those in our own environment do not reach it.
            log_file: Where its output is appended; its pid file stands beside it.
        """
        self._env = env
        super().__init__(
            ChildProcess("the worker", log_file=log_file, pid_file=log_file.with_suffix(".pid"))
        )

    async def start(self) -> None:
        """Start the worker; return when it polls its queues."""
        command = [sys.executable, "-m", "madan_sara.worker"]
        await self._process.start(
            command, env={**server_environment(), **self._env}, cwd=_REPOSITORY
        )
        await self._process.wait_until(self._is_ready)

    async def _is_ready(self) -> bool:
        return _READY_LINE in self._process.output().splitlines()
