"""The base of the stack's programs: each runs as a child process."""

from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import Self

from madan_sara.devstack.child_process import ChildProcess


class Server(ABC):
    """A program that runs beside ours until it is stopped.

    An async context manager: inside the block it is ready.
    """

    def __init__(self, process: ChildProcess) -> None:
        """Choose the process; nothing runs yet.

        Args:
            process: Runs the program.
        """
        self._process = process

    @property
    def name(self) -> str:
        """Its name for people."""
        return self._process.name

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it runs now."""
        return self._process.alive

    @property
    def log_file(self) -> Path:
        """Where its output goes."""
        return self._process.log_file

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.stop()

    @abstractmethod
    async def start(self) -> None:
        """Start the program; return when it is ready."""

    async def stop(self) -> None:
        """Ask the program to end and wait for its end."""
        await self._process.stop()

    async def kill(self) -> None:
        """End the program with SIGKILL, as a power cut would; wait for its end."""
        await self._process.kill()
