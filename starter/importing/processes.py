"""Rows judged in several processes at once: one processor alone takes too long for many.

Each is a Python of its own that is talked to over its pipes. `multiprocessing` would start
the caller's main module in it once more, and a script without a guard would send twice.
"""

import asyncio
import json
import os
import struct
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol

from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.content import MessageContent
from madan_sara.persistence.new_recipient import NewRecipient
from madan_sara.starter.importing.checking import Assignment, Rejection, RowCheck, Verdicts

#: More only wait for the database, which stores on one connection.
MOST_PROCESSES: Final = 4

_LENGTH: Final = struct.Struct(">I")


class Judge(Protocol):
    """Judges rows, perhaps several chunks at a time."""

    #: How many chunks to hand over at once to keep it busy.
    at_once: int

    async def judge(self, rows: Sequence[list[str] | str]) -> Verdicts:
        """Judge a chunk of rows."""
        ...


class ThreadJudge:
    """Judges in this process, beside its event loop."""

    at_once = 1

    def __init__(self, check: RowCheck) -> None:
        self._check = check

    async def judge(self, rows: Sequence[list[str] | str]) -> Verdicts:
        """Judge a chunk of rows."""
        return await asyncio.to_thread(self._check.judge, rows)


class ProcessJudge:
    """Judges in processes that were started for it.

    Args:
        processes: started and told what to judge for.
    """

    def __init__(self, processes: Sequence[asyncio.subprocess.Process]) -> None:
        # One chunk waits for each process that works on another.
        self.at_once = 2 * len(processes)
        self._idle: asyncio.Queue[asyncio.subprocess.Process] = asyncio.Queue()
        for process in processes:
            self._idle.put_nowait(process)

    async def judge(self, rows: Sequence[list[str] | str]) -> Verdicts:
        """Judge a chunk of rows.

        Raises:
            RuntimeError: the process has ended.
        """
        process = await self._idle.get()
        await _send(process, rows)
        accepted, rejected, unreachable = await _receive(process)
        # Not after an error: what it answers next would belong to these rows.
        self._idle.put_nowait(process)
        return Verdicts(
            [NewRecipient(*recipient) for recipient in accepted],
            [Rejection(*rejection) for rejection in rejected],
            unreachable,
        )


@asynccontextmanager
async def judging_processes(assignment: Assignment, processes: int) -> AsyncIterator[Judge]:
    """Processes that judge as `RowCheck` does; they end with the block, or with this process."""
    task = [
        assignment.campaign.model_dump_json(),
        assignment.templates.model_dump_json(),
        assignment.header,
        assignment.region,
    ]
    started: list[asyncio.subprocess.Process] = []
    try:
        for _ in range(processes):
            started.append(await _start())
            await _send(started[-1], task)
        yield ProcessJudge(started)
    finally:
        for process in started:
            if process.returncode is None:
                process.kill()
            # Reads what is left unread: `wait` alone waits for ever behind a full pipe.
            await process.communicate()


async def _start() -> asyncio.subprocess.Process:
    # It must find the packages this process found, and none that lie where it happens to run.
    found = os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", __name__),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": found},
        # Ctrl-C reaches the whole session; the first process decides what it means.
        start_new_session=True,
    )


async def _send(process: asyncio.subprocess.Process, document: object) -> None:
    content = json.dumps(document).encode()
    try:
        if process.stdin is not None:
            process.stdin.write(_LENGTH.pack(len(content)) + content)
            await process.stdin.drain()
    except ConnectionError:
        raise _ended(process) from None


async def _receive(process: asyncio.subprocess.Process) -> Any:  # noqa: ANN401 - JSON
    if process.stdout is None:
        raise _ended(process)
    try:
        (length,) = _LENGTH.unpack(await process.stdout.readexactly(_LENGTH.size))
        return json.loads(await process.stdout.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        raise _ended(process) from None


def _ended(process: asyncio.subprocess.Process) -> RuntimeError:
    return RuntimeError(
        f"process {process.pid}, which judged rows, has ended; import the file again: "
        "what is stored already stays and is not stored twice"
    )


def main() -> None:
    """Judge chunks of rows until no more are sent."""
    campaign, templates, header, region = _read(sys.stdin.buffer)
    assignment = Assignment(
        Campaign.model_validate_json(campaign),
        MessageContent.model_validate_json(templates),
        header,
        region,
    )
    check = RowCheck(assignment)
    while (rows := _read(sys.stdin.buffer)) is not None:
        answer = json.dumps(check.judge(rows)).encode()
        sys.stdout.buffer.write(_LENGTH.pack(len(answer)) + answer)
        sys.stdout.buffer.flush()


def _read(pipe: BinaryIO) -> Any:  # noqa: ANN401 - JSON
    """The next message; None when the writer has gone, in the middle of one even."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    content = pipe.read(length)
    return json.loads(content) if len(content) == length else None


if __name__ == "__main__":
    main()
