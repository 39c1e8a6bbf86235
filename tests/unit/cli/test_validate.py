"""`madan-sara campaign validate`: every violation at once, and nothing to connect to."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from madan_sara.cli.command_line import app
from madan_sara.cli.running import BAD_INPUT, OK, UNREACHABLE
from madan_sara.starter.environment import UnusableSettingsError
from madan_sara.starter.orchestrator import OutreachOrchestrator

EXAMPLE = Path(__file__).parents[3] / "examples" / "campaign.json"

UNREADABLE: dict[str, Any] = {"nme": "Spring fair", "channels": ["email"], "daily_limit": -1}
CONTRADICTORY: dict[str, Any] = {
    "name": "Spring fair",
    "channels": ["email"],
    "channel_priority": {"default": ["sms"]},
    "budget_total": 5,
    "budget_per_channel": {"email": {"total": 9}},
    "end_date": "2020-01-01T00:00Z",
    "templates": {"email": "Hi {{ frist_name }}"},
    "optimal_send_times": {"email": {"weekday": "23:00"}},
}
INVALID = {
    "unreadable": (UNREADABLE, ["nme", "name", "daily_limit"]),
    "contradictory": (
        CONTRADICTORY,
        [
            "channel_priority.default",
            "budget_per_channel",
            "end_date",
            "templates.email",
            "optimal_send_times.email.weekday",
        ],
    ),
}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    for name in ("MADAN_SARA_DATABASE_URL", "MADAN_SARA_MAX_MESSAGES_PER_DAY"):
        monkeypatch.delenv(name, raising=False)


def validate(document: object, *options: str) -> Result:
    written = document if isinstance(document, str) else json.dumps(document)
    return CliRunner().invoke(app, ["campaign", "validate", "-", *options], input=written)


@pytest.mark.parametrize(("wrong", "fields"), INVALID.values(), ids=INVALID.keys())
def test_every_violation_has_a_line_of_its_own(wrong, fields):
    result = validate(wrong)
    assert (result.exit_code, result.stdout) == (BAD_INPUT, "")
    lines = [line.removeprefix("error: ") for line in result.stderr.splitlines()]
    assert [line.split(":")[0] for line in lines] == fields


def test_a_field_with_a_slip_in_its_name_is_named_right():
    first = validate(UNREADABLE).stderr.splitlines()[0]
    assert first == "error: nme: there is no such field; did you mean name?"


@pytest.mark.parametrize(("wrong", "fields"), INVALID.values(), ids=INVALID.keys())
def test_every_violation_stands_in_the_document(wrong, fields):
    result = validate(wrong, "--json")
    assert (result.exit_code, result.stderr) == (BAD_INPUT, "")
    document = json.loads(result.stdout)
    assert document["valid"] is False
    assert [violation.split(":")[0] for violation in document["errors"]] == fields


def test_half_a_character_in_a_name_ends_neither_form():
    written = '{"name": "x", "channels": ["email"], "\\ud800": 1}'
    assert "there is no such field" in validate(written).stderr
    document = json.loads(validate(written, "--json").stdout)
    assert document["errors"][0].startswith("\ud800: there is no such field")


def test_more_violations_than_one_line_would_hold_are_all_reported():
    many = {"name": "x", "channels": ["email"], "recipient_fields": ["name"] * 30}
    document = {**many, **{f"field_{n}": n for n in range(30)}}
    assert len(validate(document).stderr.splitlines()) == 60


def test_a_sound_campaign_is_reported_in_short():
    result = CliRunner().invoke(app, ["campaign", "validate", str(EXAMPLE)])
    assert (result.exit_code, result.stderr) == (OK, "")
    assert "is a sound campaign" in result.stdout
    assert "max_messages_per_day" in result.stdout


def test_the_tenants_defaults_are_filled_in(monkeypatch):
    monkeypatch.setenv("MADAN_SARA_MAX_MESSAGES_PER_DAY", "7")
    monkeypatch.setenv("MADAN_SARA_PRICES", '{"sms": "0.02"}')
    sound = {"name": "Spring fair", "channels": ["email", "sms"], "budget_total": "5.25"}
    document = json.loads(validate(sound, "--json").stdout)
    assert document["valid"] is True
    assert document["campaign_id"] is None
    assert document["channels"] == ["email", "sms"]
    assert (document["budget_total"], document["daily_limit"]) == (5.25, None)
    assert document["settings_from"] == "the tenant's defaults"
    assert document["settings"]["max_messages_per_day"] == 7
    assert document["settings"]["prices"]["sms"] == 0.02
    assert document["settings"]["prices"]["email"] == 0.001

    own = {**sound, "settings": {"max_messages_per_day": 2}}
    document = json.loads(validate(own, "--json").stdout)
    assert document["settings_from"] == "the campaign"
    assert document["settings"]["max_messages_per_day"] == 2


def test_each_channels_defaults_are_reported():
    sound = {"name": "x", "channels": ["email"], "settings": {"patience_minutes": {"sms": 7}}}
    held = json.loads(validate(sound, "--json").stdout)["settings"]
    patience = held["patience_minutes"]
    assert (patience["email"], patience["sms"], patience["chat"]) == (1440, 7, 120)
    assert set(held["ambiguous_delivery"].values()) == {"at_most_once"}
    output = validate(sound).stdout
    assert "email 1440, sms 7, whatsapp 120" in output
    assert "email at_most_once, sms at_most_once" in output


def test_a_file_without_a_campaign_is_refused():
    result = validate("[]")
    assert result.exit_code == BAD_INPUT
    assert result.stderr == "error: standard input: holds no JSON object; start it with {\n"


@pytest.mark.parametrize("written", ["[]", '{"name": "x",', ""])
def test_the_refusal_of_a_file_is_a_document_too(written):
    result = validate(written, "--json")
    assert (result.exit_code, result.stderr) == (BAD_INPUT, "")
    document = json.loads(result.stdout)
    assert document["valid"] is False
    (violation,) = document["errors"]
    assert violation.startswith("standard input: ")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("MAX_MESSAGES_PER_DAY", "many", "settings: max_messages_per_day: must be a whole number"),
        ("DEDUP_LOOKBACK_HOURS", "0", "settings: dedup_lookback_hours: must be greater than or"),
        ("PRICES", '{"fax": "1"}', "settings: prices.fax: must be 'email', "),
        ("PRICES", "cheap", "these as JSON"),
    ],
)
async def test_defaults_that_cannot_be_used_are_named(monkeypatch, name, value, said):
    monkeypatch.setenv("MADAN_SARA_DATABASE_URL", "postgresql+asyncpg://nowhere/none")
    monkeypatch.setenv(f"MADAN_SARA_{name}", value)
    result = validate({"name": "x", "channels": ["email"]})
    assert result.exit_code == UNREACHABLE
    (line,) = result.stderr.splitlines()
    assert said in line
    with pytest.raises(UnusableSettingsError, match=r"variable MADAN_SARA_<NAME>") as refused:
        await OutreachOrchestrator.connect()
    assert said in str(refused.value)


def test_saving_names_all_that_cannot_be_read_in_one_line():
    result = CliRunner().invoke(app, ["campaign", "save", "-"], input=json.dumps(UNREADABLE))
    assert result.exit_code == BAD_INPUT
    (line,) = result.stderr.splitlines()
    assert all(f"{field}: " in line for field in INVALID["unreadable"][1])
