"""Several processes judge as one would, and none of them outlives the import."""

import asyncio
import json
import os
import subprocess
import sys

import psutil
import pytest

from madan_sara.starter.importing import processes
from madan_sara.starter.importing.checking import RowCheck
from madan_sara.starter.importing.processes import judging_processes
from tests.unit.starter.importing.builders import assignment, person


def rows(count: int) -> list[list[str] | str]:
    """Rows of people, every third of them without a town, every fourth out of reach."""
    towns = ["", "Jacmel", "Gonaïves"]
    contact = [{"email": "m@example.com"}, {"email": "", "twitter_handle": "@marie"}]
    return [
        json.dumps(person(id=f"{n} 😀", town=towns[n % 3], **contact[n % 4 == 1]))
        for n in range(count)
    ]


async def test_processes_judge_as_this_one_does():
    task = assignment(region="HT")
    expected = RowCheck(task).judge(rows(7))
    assert expected.unreachable == [0, 3]
    async with judging_processes(task, 2) as judge:
        assert [await judge.judge(rows(7)) for _ in range(3)] == [expected] * 3
        assert judge.at_once == 4


async def test_cells_travel_as_they_are():
    task = assignment(["id", "name", "email", "town"])
    cells: list[list[str] | str] = [["1", "Zoë\n😀", "z@example.com", "Jacmel"], ["2"]]
    async with judging_processes(task, 1) as judge:
        verdicts = await judge.judge(cells)
    assert verdicts == RowCheck(task).judge(cells)
    assert len(verdicts.accepted) == len(verdicts.rejected) == 1


async def test_processes_end_with_the_block():
    async with judging_processes(assignment(), 2) as judge:
        await judge.judge(rows(1))
        started = judging()
        assert len(started) == 2
    assert not any(process.is_running() for process in started)


async def test_a_process_that_dies_is_not_waited_for():
    async with judging_processes(assignment(), 1) as judge:
        await judge.judge(rows(2))
        judging()[0].kill()
        with pytest.raises(RuntimeError, match="import the file again"):
            await judge.judge(rows(1))


async def test_an_answer_that_nobody_reads_keeps_nobody_waiting(monkeypatch):
    """Longer than a pipe and its reader hold: the process is still writing when it is ended."""
    answering: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def read_its_length_only(process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        answering.set_result(int.from_bytes(await process.stdout.readexactly(4), "big"))
        await asyncio.Event().wait()

    monkeypatch.setattr(processes, "_receive", read_its_length_only)
    async with judging_processes(assignment(), 1) as judge:
        asking = asyncio.create_task(judge.judge(rows(3_000)))
        assert await answering > 256 * 1024
        (process,) = judging()
        asking.cancel()
    assert not process.is_running()


async def test_packages_are_not_looked_for_where_the_command_is_run(tmp_path, monkeypatch):
    """Names like ours are common: a folder `contracts` may lie beside the file to import."""
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "__init__.py").write_text("raise SystemExit('the wrong one')")
    monkeypatch.chdir(tmp_path)
    async with judging_processes(assignment(), 1) as judge:
        assert (await judge.judge(rows(2))).accepted


@pytest.mark.parametrize("begun", [b"", b"\0", b"\0\0\0\x09[["])
def test_a_process_ends_when_whoever_asked_it_is_gone(begun):
    """What is left when the import itself is killed: a pipe that is closed."""
    task = assignment()
    document = [task.campaign.model_dump_json(), task.templates.model_dump_json(), None, None]
    content = json.dumps(document).encode()
    done = subprocess.run(
        [sys.executable, "-m", "madan_sara.starter.importing.processes"],
        input=len(content).to_bytes(4, "big") + content + begun,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_process_loads_neither_database_nor_temporal():
    code = (
        "import starter.importing.processes, sys; "
        "sys.exit(any(m in sys.modules for m in ('sqlalchemy', 'asyncpg', 'temporalio')))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def judging() -> list[psutil.Process]:
    """The processes of this one that judge."""
    children = psutil.Process(os.getpid()).children()
    return [
        child for child in children if "madan_sara.starter.importing.processes" in child.cmdline()
    ]
