"""Subprocesses: ended when asked, ended when left behind, and never those of others."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from madan_sara.devstack.child_process import ChildProcess
from madan_sara.devstack.errors import DevstackError
from madan_sara.devstack.leftovers import wait_gone

REPOSITORY = Path(__file__).resolve().parents[3]
SLEEP = ["/bin/sleep", "600"]

#: A parent that starts a sleeper, says so, and waits to be killed.
PARENT = """
import asyncio, sys
from pathlib import Path
from madan_sara.devstack.child_process import ChildProcess

async def main():
    folder = Path(sys.argv[1])
    child = ChildProcess("sleeper", log_file=folder / "log", pid_file=folder / "pid")
    await child.start(["/bin/sleep", "600"])
    print(child.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


def sleeper(folder: Path) -> ChildProcess:
    return ChildProcess("sleeper", log_file=folder / "log", pid_file=folder / "pid")


async def test_it_can_be_killed_and_started_again(tmp_path: Path) -> None:
    child = sleeper(tmp_path)
    await child.start(SLEEP)
    first = child.pid
    await child.kill()
    assert not child.alive
    await child.start(SLEEP)
    assert child.alive
    assert child.pid != first
    await child.stop()


async def test_a_polite_signal_that_is_ignored_is_not_the_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("madan_sara.devstack.child_process._PATIENCE_SECONDS", 0.1)
    child = sleeper(tmp_path)
    await child.start(["/bin/sh", "-c", "trap '' TERM; echo deaf; while :; do sleep 600; done"])

    async def is_deaf() -> bool:
        return "deaf" in child.output()

    await child.wait_until(is_deaf)
    children = psutil.Process(child.pid).children()
    await child.stop()
    assert not child.alive
    for orphan in children:
        orphan.kill()


async def test_output_is_that_of_the_last_start_only(tmp_path: Path) -> None:
    child = sleeper(tmp_path)
    await child.run(["/bin/echo", "first"])
    await child.run(["/bin/echo", "second"])
    assert child.output() == "second\n"
    assert (tmp_path / "log").read_text() == "first\nsecond\n"


async def test_a_program_that_ends_at_once_is_reported_with_its_log(tmp_path: Path) -> None:
    child = sleeper(tmp_path)
    await child.start(["/bin/echo", "no"])

    async def never() -> bool:
        return False

    with pytest.raises(DevstackError, match=f"ended while starting.*{tmp_path / 'log'}"):
        await child.wait_until(never)


async def test_one_left_behind_is_ended_by_the_next_start(tmp_path: Path) -> None:
    left_behind = sleeper(tmp_path)
    await left_behind.start(SLEEP)
    its_process = psutil.Process(left_behind.pid)
    child = sleeper(tmp_path)
    await child.start(SLEEP)
    assert await wait_gone([its_process])
    await left_behind.stop()
    await child.stop()


async def test_another_program_with_the_remembered_pid_is_left_alone(tmp_path: Path) -> None:
    bystander = ChildProcess("a bystander", log_file=tmp_path / "other")
    await bystander.start(["/bin/sleep", "601"])
    (tmp_path / "pid").write_text(json.dumps({"pid": bystander.pid, "command": SLEEP}))
    child = sleeper(tmp_path)
    await child.start(SLEEP)
    assert bystander.alive
    await child.stop()
    await bystander.stop()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="a service of the Linux kernel")
async def test_it_dies_with_a_killed_parent(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PARENT, str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
        cwd=REPOSITORY,
    )
    assert parent.stdout is not None
    child = psutil.Process(int(await parent.stdout.readline()))
    parent.send_signal(signal.SIGKILL)
    await parent.communicate()
    assert await wait_gone([child])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts a program as another user")
async def test_another_user_finds_a_program_in_a_folder_that_is_closed_to_it(
    tmp_path: Path,
) -> None:
    """PostgreSQL asks `access(2)` before it starts its own programs."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    program = closed / "program"
    program.touch(mode=0o755)
    ask = (
        "import os, sys; print('found' if os.access(sys.argv[1], os.R_OK | os.X_OK) else 'hidden')"
    )
    child = ChildProcess("seeker", log_file=tmp_path / "log", account="nobody")
    await child.run([sys.executable, "-c", ask, str(program)])
    assert child.output().splitlines() == ["found"]
