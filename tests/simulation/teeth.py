"""Make each small mistake in a copy of the tree, and see that the simulation notices it.

`python -m tests.simulation.teeth`, perhaps with words of the names of those to try.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.simulation.mutations import MUTATIONS, Mutation

_ROOT = Path(__file__).parents[2]
_ROOMS = (
    "activities", "cli", "config", "contracts", "delivery", "devstack", "emulators", "madan_sara",
    "persistence", "policy", "starter", "tests", "worker", "workflows",
)  # fmt: skip
_LIVES = 5_000
#: A mistake may have a life go round in a circle.
_PATIENCE_SECONDS = 900


def main(words: list[str]) -> int:
    """Try the mutations; the exit code is 1 where one that must be noticed was not."""
    chosen = [m for m in MUTATIONS if not words or any(word in m.name for word in words)]
    unnoticed = 0
    with tempfile.TemporaryDirectory(prefix="madan-sara-teeth-") as folder:
        copy = Path(folder)
        for room in _ROOMS:
            shutil.copytree(_ROOT / room, copy / room, symlinks=True)
        for mutation in chosen:
            noticed = _notice(copy, mutation)
            unnoticed += noticed is None and not mutation.why_silent
            print(f"{mutation.name}: {noticed or mutation.why_silent or 'NOT NOTICED'}", flush=True)
    print(f"{len(chosen)} mistakes, {unnoticed} not noticed")
    return 1 if unnoticed else 0


def _notice(copy: Path, mutation: Mutation) -> str | None:
    """What the simulation says of a mistake; None: it is content."""
    file = copy / mutation.file
    text = file.read_text(encoding="utf-8")
    if text.count(mutation.before) != 1:
        raise SystemExit(f"{mutation.name}: its text stands {text.count(mutation.before)} times")
    file.write_text(text.replace(mutation.before, mutation.after), encoding="utf-8")
    command = [sys.executable, "-m", "tests.simulation", "--seeds", str(_LIVES)]
    try:
        run = subprocess.run(
            command,
            cwd=copy,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "a life that never ends"
    finally:
        file.write_text(text, encoding="utf-8")
    lines = [line for line in (run.stdout + run.stderr).splitlines() if line.strip()]
    found = [line for line in lines if line.startswith("seed ")]
    return None if run.returncode == 0 else (found or lines)[0 if found else -1]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
