"""What the command line says of itself."""

import tomllib
from pathlib import Path

import pytest

from starter.cli.command_line import _run_app

_PROJECT = Path(__file__).parents[3] / "pyproject.toml"


def test_the_version_is_the_projects(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["madan-sara", "--version"])
    assert _run_app() == 0
    version = tomllib.loads(_PROJECT.read_text())["project"]["version"]
    assert capsys.readouterr().out == f"madan-sara {version}\n"


@pytest.mark.parametrize("command", ["messages", "person", "suppress", "campaign"])
def test_the_help_names_every_command(monkeypatch, capsys, command):
    monkeypatch.setattr("sys.argv", ["madan-sara", "--help"])
    assert _run_app() == 0
    assert f" {command} " in capsys.readouterr().out
