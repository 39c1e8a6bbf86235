"""The package: its public names, and that no neighbour is taken for one of its rooms."""

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import madan_sara

_ROOT = Path(__file__).parents[2]
_ROOMS = sorted(path.name for path in (_ROOT / "madan_sara").iterdir() if path.is_symlink())
_USE_ALL = """
import madan_sara, config, policy.rules, worker
from madan_sara import *
import madan_sara.worker.workers, madan_sara.cli.command_line
assert (config.MINE, policy.rules.MINE, worker.MINE) == (1, 2, 3)
assert OutreachCampaign(name="Bread", channels=["email"]).name == "Bread"
print(madan_sara.__file__)
"""


def test_each_public_name_is_handed_on():
    assert {name: getattr(madan_sara, name).__name__ for name in madan_sara.__all__} == {
        name: name for name in madan_sara.__all__
    }
    assert dir(madan_sara) == madan_sara.__all__


def test_types_and_run_time_know_the_same_names():
    """A type checker reads the imports, Python the table."""
    tree = ast.parse((_ROOT / "madan_sara" / "__init__.py").read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    imported = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    homes = {name: f"madan_sara.{home}" for name, home in madan_sara._HOME.items()}
    assert imported == homes
    assert sorted(imported) == madan_sara.__all__


def test_a_worker_loads_no_client_and_a_contract_no_driver():
    loaded = _run("import sys, madan_sara.contracts.campaign; print(*sys.modules)", _ROOT)
    assert not {"sqlalchemy", "asyncpg", "temporalio"} & set(loaded.split())


def test_a_checkout_stands_beside_a_project_with_the_same_names(tmp_path):
    assert Path(_run(_USE_ALL, _neighbour(tmp_path)).strip()).parent.parent == _ROOT


def test_a_wheel_stands_beside_a_project_with_the_same_names(tmp_path):
    wheels = tmp_path / "wheels"
    options = ("--quiet", "--no-deps", "--no-build-isolation", "--no-index")
    command = [sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", wheels, _ROOT]
    subprocess.run(command, check=True, capture_output=True)
    installed = tmp_path / "installed"
    with zipfile.ZipFile(next(wheels.glob("*.whl"))) as wheel:
        wheel.extractall(installed)
    assert sorted(p.name for p in (installed / "madan_sara").iterdir() if p.is_dir()) == _ROOMS
    assert [p.name for p in installed.iterdir() if p.suffix != ".dist-info"] == ["madan_sara"]

    found = _run(
        f"import sys; sys.path.append({str(installed)!r})\n{_USE_ALL}", _neighbour(tmp_path)
    )
    assert Path(found.strip()).parent.parent == installed


def _neighbour(folder: Path) -> Path:
    project = folder / "project"
    (project / "policy").mkdir(parents=True)
    (project / "config.py").write_text("MINE = 1")
    (project / "policy" / "__init__.py").write_text("")
    (project / "policy" / "rules.py").write_text("MINE = 2")
    (project / "worker.py").write_text("MINE = 3")
    return project


def _run(program: str, folder: Path) -> str:
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
