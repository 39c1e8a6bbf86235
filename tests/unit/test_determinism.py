"""Workflows and the decisions they use read no clock, chance, file, thread or environment."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]

#: Modules whose use makes a replay differ. `asyncio` is Temporal's own loop in a workflow.
_MODULES = frozenset(
    [
        "concurrent",
        "http",
        "multiprocessing",
        "os",
        "pathlib",
        "platform",
        "random",
        "secrets",
        "shutil",
        "socket",
        "sqlite3",
        "subprocess",
        "sys",
        "tempfile",
        "threading",
        "time",
        "urllib",
    ]
)
_CALLS = frozenset(
    [
        "eval",
        "exec",
        "getpid",
        "input",
        "monotonic",
        "now",
        "open",
        "perf_counter",
        "print",
        "today",
        "token_hex",
        "urandom",
        "utcnow",
        "uuid1",
        "uuid4",
    ]
)
#: Of a workflow the SDK's own functions keep a replay the same.
_SDK = frozenset({"workflow.now", "workflow.uuid4"})


def _violations(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [node.module or ""]
        elif isinstance(node, ast.Call) and (name := ast.unparse(node.func)) not in _SDK:
            if name.rpartition(".")[2] in _CALLS:
                yield f"line {node.lineno}: calls {name}"
            continue
        else:
            continue
        yield from (
            f"line {node.lineno}: imports {module}"
            for module in modules
            if module.partition(".")[0] in _MODULES
        )


@pytest.mark.parametrize(
    "source",
    [
        "import time",
        "import os.path",
        "from random import choice",
        "from threading import Lock",
        "datetime.now(UTC)",
        "dt.date.today()",
        "uuid4()",
        "uuid.uuid4()",
        "open('file')",
        "Path(p).open()",
    ],
)
def test_each_of_them_is_found(source):
    assert list(_violations(source))


@pytest.mark.parametrize("source", ["workflow.now()", "workflow.uuid4()", "from uuid import UUID"])
def test_what_the_sdk_replays_is_allowed(source):
    assert not list(_violations(source))


@pytest.mark.parametrize("room", ["policy", "workflows"])
def test_a_room_that_is_replayed_uses_none_of_them(room):
    found = [
        f"{file.relative_to(_ROOT)}: {violation}"
        for file in sorted((_ROOT / room).rglob("*.py"))
        for violation in _violations(file.read_text(encoding="utf-8"))
    ]
    assert found == []
