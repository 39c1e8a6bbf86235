"""A process that has talked to Temporal ends without being torn down."""

import os
import subprocess
import sys

import pytest

from madan_sara.config.temporal import connect

_TORN_DOWN = "import atexit; atexit.register(print, 'torn down')\n"


def _ending(code: str, *arguments: str) -> tuple[int, str]:
    ended = subprocess.run(
        [sys.executable, "-c", _TORN_DOWN + code, *arguments],
        check=False,
        capture_output=True,
        text=True,
    )
    return ended.returncode, ended.stdout


def test_exit_writes_the_output_and_tears_nothing_down():
    code = "from config.ending import exit_process; print('done'); exit_process(3)"
    assert _ending(code) == (3, "done\n")


def test_exit_says_nothing_to_a_reader_who_has_left():
    reader, writer = os.pipe()
    os.close(reader)
    code = "from config.ending import exit_process; print(1); exit_process(0)"
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-c", code]
    ended = subprocess.run(
        command, check=False, stdout=writer, stderr=subprocess.PIPE, env=buffered
    )
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("arguments", "exit_code"), [(("--help",), 0), (("status", "no id"), 2), (("dance",), 2)]
)
def test_every_command_ends_so(arguments: tuple[str, ...], exit_code: int):
    code, out = _ending("from cli.command_line import main; main()", *arguments)
    assert code == exit_code
    assert "torn down" not in out


def test_an_ordinary_end_waits_a_moment_for_the_threads_of_the_client():
    code = """
import time
time.sleep = lambda seconds: print("waited", seconds > 0)
from madan_sara.config.ending import let_threads_finish_at_exit
let_threads_finish_at_exit()
let_threads_finish_at_exit()
"""
    assert _ending(code) == (0, "waited True\ntorn down\n")


async def test_a_process_that_connects_to_temporal_ends_so(monkeypatch):
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    asked = []
    monkeypatch.setattr(
        "madan_sara.config.temporal.let_threads_finish_at_exit", lambda: asked.append(1)
    )
    with pytest.raises(RuntimeError):
        await connect()
    assert asked
