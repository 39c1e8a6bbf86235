"""Processes that a killed run left behind: finding and ending them."""

import asyncio
import json
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from madan_sara.devstack.errors import DevstackError

#: How long each signal is given before the next, ruder one.
_PATIENCE_SECONDS = 15.0
_POLL_SECONDS = 0.05
#: Far more than one program takes to become another.
_LOOKS_AT_A_COMMAND = 20


class PidFile:
    """Remembers one running program across runs of ours."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def remember(self, pid: int, command: Sequence[str]) -> None:
        """Note a program that runs now.

        Args:
            pid: Its process id.
            command: Its path and arguments.
        """
        self._path.write_text(json.dumps({"pid": pid, "command": list(command)}))

    def forget(self) -> None:
        """The program has ended."""
        self._path.unlink(missing_ok=True)

    def running(self) -> psutil.Process | None:
        """The remembered program, if it still runs and really is the same one."""
        try:
            noted = json.loads(self._path.read_text())
            found = psutil.Process(noted["pid"])
            # Process ids are reused: only the very same command is ours to end. Its end is
            # compared, since before its first instruction it is still wrapped in another, and
            # Python on macOS shows another path than was asked for.
            arguments = noted["command"][1:]
            is_the_same = _command(found)[-len(arguments) :] == arguments
        except (FileNotFoundError, json.JSONDecodeError, psutil.Error):
            return None
        return found if is_the_same else None


async def end_processes(
    processes: Sequence[psutil.Process], polite_signals: Sequence[signal.Signals]
) -> None:
    """End processes that are not our children and wait until they are gone.

    Args:
        processes: The processes to end.
        polite_signals: The signals to send, one after the other, before SIGKILL.

    Raises:
        DevstackError: Not even SIGKILL helped.
    """
    for signal_ in (*polite_signals, signal.SIGKILL):
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal_)
        if await wait_gone(processes):
            return
    pids = ", ".join(str(process.pid) for process in processes)
    raise DevstackError(f"left behind by an earlier run and does not end: process {pids}")


async def wait_gone(processes: Sequence[psutil.Process]) -> bool:
    """Wait a while for processes to end.

    Args:
        processes: The processes to wait for.

    Returns:
        Whether all of them ended in time.
    """
    for _ in range(int(_PATIENCE_SECONDS / _POLL_SECONDS)):
        if all(_gone(process) for process in processes):
            return True
        await asyncio.sleep(_POLL_SECONDS)
    return False


def _command(process: psutil.Process) -> list[str]:
    """A process's command line; while one program becomes another, it has none for a moment."""
    for _ in range(_LOOKS_AT_A_COMMAND):
        command: list[str] = process.cmdline()
        if command or process.status() == psutil.STATUS_ZOMBIE:
            break
        time.sleep(_POLL_SECONDS)
    return command


def _gone(process: psutil.Process) -> bool:
    try:
        # In a container without an init process a zombie stays; it is gone all the same.
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
