"""The command line's help and version."""

from importlib import metadata

import pytest

from madan_sara.cli.command_line import _run_app
from madan_sara.cli.running import BAD_INPUT


def test_the_version_is_the_projects(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["madan-sara", "--version"])
    assert _run_app() == 0
    version = metadata.version("madan-sara-orchestrator")
    assert capsys.readouterr().out == f"madan-sara {version}\n"


@pytest.mark.parametrize(
    "command", ["messages", "person", "suppress", "campaign", "migrate", "healthcheck"]
)
def test_the_help_names_every_command(monkeypatch, capsys, command):
    monkeypatch.setattr("sys.argv", ["madan-sara", "--help"])
    assert _run_app() == 0
    assert f" {command} " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["status", "--foo"], "No such option: --foo. See"),
        (["stat"], "Did you mean 'status'? See"),
        (["send"], "Missing argument 'FILE'. See"),
        (["messages", "c", "--limit", "many"], "as an integer. See"),
    ],
)
def test_a_mistake_ends_as_a_sentence_before_the_hint(monkeypatch, capsys, arguments, said):
    monkeypatch.setattr("sys.argv", ["madan-sara", *arguments])
    assert _run_app() == BAD_INPUT
    assert f"{said} `madan-sara --help`.\n" in capsys.readouterr().err
