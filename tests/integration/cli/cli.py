"""The command line as its users run it: a process of its own."""

import asyncio
import json
import os
import pty
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Outcome:
    """How one run ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """What it wrote with --json."""
        return json.loads(self.out)


MadanSara = Callable[..., Awaitable[Outcome]]


async def run_cli(*arguments: str, settings: Mapping[str, str], stdin: object = None) -> Outcome:
    """Run `madan-sara`; `stdin` is written to it as JSON."""
    return await run_module(
        "madan_sara.cli.command_line", *arguments, settings=settings, stdin=stdin
    )


async def run_on_terminal(*arguments: str, settings: Mapping[str, str], typed: str) -> Outcome:
    """Run `madan-sara` for a user at a terminal who types this."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "madan_sara.cli.command_line", *arguments),
        cwd=REPOSITORY,
        env={**os.environ, **settings},
        stdin=theirs,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(theirs)
    os.write(ours, typed.encode())
    out, err = await process.communicate()
    os.close(ours)
    return Outcome(process.returncode or 0, out.decode(), err.decode())


async def run_module(
    module: str, *arguments: str, settings: Mapping[str, str], stdin: object = None
) -> Outcome:
    """Run a program of ours with these settings and none of this process's own."""
    ours = ("MADAN_SARA_", "TEMPORAL_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        module,
        *arguments,
        cwd=REPOSITORY,
        env={**inherited, **settings},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    written = b"" if stdin is None else json.dumps(stdin).encode()
    out, err = await process.communicate(written)
    return Outcome(process.returncode or 0, out.decode(), err.decode())
