"""One name, one thing: no two classes of the rooms share a name."""

import ast
from collections import defaultdict
from pathlib import Path

import madan_sara

ROOMS = [link.resolve() for link in Path(madan_sara.__file__).parent.iterdir() if link.is_symlink()]


def test_each_class_has_a_name_of_its_own():
    found: defaultdict[str, list[str]] = defaultdict(list)
    for room in ROOMS:
        for file in room.rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.ClassDef):
                    found[node.name].append(f"{room.name}/{file.relative_to(room)}:{node.lineno}")
    assert len(found) > 100
    assert {name: modules for name, modules in found.items() if len(modules) > 1} == {}
