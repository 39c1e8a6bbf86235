"""The development stack's commands, run as a user runs them."""

import os
import subprocess
import sys
from pathlib import Path

_REPOSITORY = Path(__file__).resolve().parents[2]


def devstack(
    state_dir: Path, *arguments: str, timeout_seconds: float = 150
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "devstack", *arguments],
        cwd=_REPOSITORY,
        env={**os.environ, "MADAN_SARA_DEVSTACK_DIR": str(state_dir)},
        capture_output=True,
        text=True,
        timeout=timeout_seconds,
        check=False,
    )
