"""Subprocesses that have a log, can be waited for, and do not outlive us."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from madan_sara.devstack.die_with_parent import SAME_ACCOUNT
from madan_sara.devstack.errors import DevstackError
from madan_sara.devstack.leftovers import PidFile, end_processes

#: Settings of ours and of the servers' own clients: some would make a server another one.
_NOT_FOR_SERVERS = ("MADAN_SARA_", "PG", "TEMPORAL_")

_WRAPPER = Path(__file__).with_name("die_with_parent.py")

#: A program of ours that is not ready by then never will be, even on a busy machine.
_READY_WITHIN_SECONDS = 30.0
#: How long a polite signal is given before the next, ruder one.
_PATIENCE_SECONDS = 15.0
_POLL_SECONDS = 0.05


def server_environment() -> dict[str, str]:
    """Our environment without our own settings, among them secrets of providers."""
    return {
        name: value for name, value in os.environ.items() if not name.startswith(_NOT_FOR_SERVERS)
    }


class ChildProcess:
    """One program run as a subprocess.

    On Linux the kernel ends it when this process ends, however it ends. Elsewhere the
    pid file lets the next start find and end what a killed parent left behind.

    Start it on the thread of a long-lived event loop: the kernel counts the *thread*
    that started a process as its parent.
    """

    def __init__(
        self,
        name: str,
        *,
        log_file: Path,
        pid_file: Path | None = None,
        account: str | None = None,
        polite_signals: Sequence[signal.Signals] = (signal.SIGTERM,),
        on_parent_death: signal.Signals = signal.SIGKILL,
    ) -> None:
        """Describe the program; nothing runs yet.

        Args:
            name: Its name in messages.
            log_file: Its output is appended here.
            pid_file: Holds its id, so that the next start can end it.
            account: The user to run as, ourselves by default (only root may choose).
            polite_signals: The signals `stop` sends, one after the other, before SIGKILL.
            on_parent_death: The signal the kernel sends when this process ends.
        """
        self.name = name
        self.log_file = log_file
        self._pid_file = PidFile(pid_file) if pid_file else None
        self._account = account or SAME_ACCOUNT
        self._polite_signals = polite_signals
        self._on_parent_death = on_parent_death
        self._process: asyncio.subprocess.Process | None = None
        self._log_offset = 0

    @property
    def alive(self) -> bool:
        """Whether it runs now."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """Its process id; an error when it was never started."""
        if self._process is None:
            raise DevstackError(f"{self.name} has not been started")
        return self._process.pid

    async def end_leftover(self) -> None:
        """End the one that a killed parent left behind, if there is one; `start` does it too."""
        leftover = self._pid_file.running() if self._pid_file else None
        if leftover is not None:
            await end_processes([leftover], self._polite_signals)
        self._forget()

    async def start(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        """Start the program, after ending one that a killed parent left behind.

        Args:
            command: Absolute path of the program, then its arguments.
            env: Its whole environment; ours by default.
            cwd: Its working directory; ours by default.
        """
        if self.alive:
            raise DevstackError(f"{self.name} is already running (process {self.pid})")
        await self.end_leftover()
        wrapper = [sys.executable, "-I", "-S", str(_WRAPPER)]
        terms = [str(os.getpid()), str(int(self._on_parent_death)), self._account]
        log_fd = self._open_log()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *wrapper,
                *terms,
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log_fd,
                stderr=asyncio.subprocess.STDOUT,
                # A session of its own: Ctrl-C in the terminal reaches us alone, and we stop
                # things in an order that makes sense.
                start_new_session=True,
                env=env,
                cwd=cwd,
            )
        finally:
            os.close(log_fd)
        self._remember(command)

    async def run(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        """Start a program that does its work and ends; wait for its end.

        Args:
            command: Absolute path of the program, then its arguments.
            env: Its whole environment; ours by default.
            cwd: Its working directory; ours by default.

        Raises:
            DevstackError: It did not succeed.
        """
        await self.start(command, env=env, cwd=cwd)
        try:
            succeeded = self._process is not None and await self._process.wait() == 0
        finally:
            await self.stop()
        if not succeeded:
            raise DevstackError(f"{self.name} failed; see the end of {self.log_file}")

    async def wait_until(self, ready: Callable[[], Awaitable[bool]]) -> None:
        """Ask `ready` until it says yes; stop the program when it never does.

        Args:
            ready: Answers at once or raises; it is asked again and again.

        Raises:
            DevstackError: The program ended, or was not ready within 30 seconds.
        """
        try:
            await self._poll(ready)
        except BaseException:
            await self.stop()
            raise

    def output(self) -> str:
        """Its output since its last start."""
        with self.log_file.open("rb") as log:
            log.seek(self._log_offset)
            return log.read().decode(errors="replace")

    async def stop(self) -> None:
        """Ask it to end, politely first; return when it is gone.

        Harmless when it is not running.
        """
        for polite in self._polite_signals:
            if await self._signal_and_wait(polite):
                return
        await self.kill()

    async def kill(self) -> None:
        """End it with SIGKILL, as a power cut would; return when it is gone."""
        await self._signal_and_wait(signal.SIGKILL)

    async def _poll(self, ready: Callable[[], Awaitable[bool]]) -> None:
        try:
            async with asyncio.timeout(_READY_WITHIN_SECONDS):
                while not await ready():
                    if not self.alive:
                        raise DevstackError(
                            f"{self.name} ended while starting; see the end of {self.log_file}"
                        )
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            raise DevstackError(
                f"{self.name} was not ready after {_READY_WITHIN_SECONDS:.0f} seconds; "
                f"see the end of {self.log_file}"
            ) from None

    async def _signal_and_wait(self, signal_: signal.Signals) -> bool:
        if self._process is None:
            return True
        if self.alive:
            self._process.send_signal(signal_)
            try:
                await asyncio.wait_for(self._process.wait(), _PATIENCE_SECONDS)
            except TimeoutError:
                return False
        self._forget()
        return True

    def _open_log(self) -> int:
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        log_fd = os.open(self.log_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._log_offset = os.fstat(log_fd).st_size
        return log_fd

    def _remember(self, command: Sequence[str]) -> None:
        if self._pid_file is not None:
            self._pid_file.remember(self.pid, command)

    def _forget(self) -> None:
        if self._pid_file is not None:
            self._pid_file.forget()
