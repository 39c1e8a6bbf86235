"""The development stack's commands, run as a user runs them."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

_REPOSITORY = Path(__file__).resolve().parents[2]


def devstack(
    state_dir: Path,
    *arguments: str,
    settings: Mapping[str, str] | None = None,
    timeout_seconds: float = 240,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end.

    Args:
        state_dir: Where its stack keeps everything.
        arguments: The command.
        settings: What its user has set.
        timeout_seconds: After which it is killed.
    """
    return subprocess.run(
        [sys.executable, "-m", "madan_sara.devstack", *arguments],
        cwd=_REPOSITORY,
        env=_environment(state_dir, settings or {}),
        capture_output=True,
        text=True,
        timeout=timeout_seconds,
        check=False,
    )


@asynccontextmanager
async def started(
    state_dir: Path, *arguments: str, settings: Mapping[str, str] | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A command that runs beside the block, until it ends by itself or the block does."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "madan_sara.devstack", *arguments),
        cwd=_REPOSITORY,
        env=_environment(state_dir, settings or {}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            await process.communicate()


async def printed(process: asyncio.subprocess.Process, end: str) -> str:
    """What a command prints until a line that holds some words."""
    assert process.stdout is not None
    lines: list[str] = []
    while end not in "".join(lines[-1:]):
        line = (await process.stdout.readline()).decode()
        assert line, "".join(lines)
        lines.append(line)
    return "".join(lines)


def _environment(state_dir: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """Ours, with the folder of a stack and what its user has set."""
    return {**os.environ, "MADAN_SARA_DEVSTACK_DIR": str(state_dir), **settings}


def open_to_others(folder: Path) -> list[str]:
    """Files of a folder, itself included, that another user may read, write or enter."""
    return [str(path) for path in (folder, *folder.rglob("*")) if path.lstat().st_mode & 0o077]


def modes_above(*folders: Path) -> dict[Path, int]:
    """The modes of every folder above these."""
    return {above: above.stat().st_mode for folder in folders for above in folder.parents}
