"""The development stack's commands, run as a user runs them."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def devstack(
    state_dir: Path,
    *arguments: str,
    settings: Mapping[str, str] | None = None,
    timeout_seconds: float = 150,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end.

    Args:
        state_dir: Where its stack keeps everything.
        arguments: The command.
        settings: What its user has set.
        timeout_seconds: After which it is killed.
    """
    return subprocess.run(
        [sys.executable, "-m", "devstack", *arguments],
        cwd=REPOSITORY,
        env=environment(state_dir, settings or {}),
        capture_output=True,
        text=True,
        timeout=timeout_seconds,
        check=False,
    )


def environment(state_dir: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """Ours, with the folder of a stack and what its user has set."""
    return {**os.environ, "MADAN_SARA_DEVSTACK_DIR": str(state_dir), **settings}


def open_to_others(folder: Path) -> list[str]:
    """What in a folder, itself included, anybody but its owner may read, write or enter."""
    return [str(path) for path in (folder, *folder.rglob("*")) if path.lstat().st_mode & 0o077]


def modes_above(*folders: Path) -> dict[Path, int]:
    """The modes of every folder above these."""
    return {above: above.stat().st_mode for folder in folders for above in folder.parents}
