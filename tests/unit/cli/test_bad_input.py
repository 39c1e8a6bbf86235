"""A violation of a file or an argument is reported in one line, before any connection."""

import json
import os
import uuid

import pytest
from typer.testing import CliRunner, Result

from madan_sara.cli.command_line import app
from madan_sara.cli.request_file import MAX_FILE_BYTES
from madan_sara.cli.running import BAD_INPUT, UNREACHABLE

REQUEST = {
    "campaign_id": "550e8400-e29b-41d4-a716-446655440000",
    "recipient_id": "user_1",
    "recipient_profile": {"contact_info": {"email": "marie@example.com"}},
    "content": {"default": "Bonjour!"},
    "force_send": False,
}
CAMPAIGN = {"name": "Spring fair", "channels": ["email"]}
WITHOUT_CAMPAIGN = {name: value for name, value in REQUEST.items() if name != "campaign_id"}


@pytest.fixture(autouse=True)
def nothing_to_connect_to(monkeypatch):
    monkeypatch.delenv("MADAN_SARA_DATABASE_URL", raising=False)


def run(*arguments: str, written: str | bytes | None = None) -> Result:
    return CliRunner().invoke(app, [*arguments], input=written)


def violation(result: Result) -> str:
    """The one line on standard error."""
    assert result.exit_code == BAD_INPUT, result.output
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    return str(lines[0])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"recipent_id": "x"}, "recipent_id: there is no such field; did you mean recipient_id?"),
        ({"zzz": 1}, "zzz: there is no such field; known are campaign_id"),
        ({"campaign_id": "spring"}, "campaign_id: "),
        ({"campaign_id": None}, "campaign_id: give the id of a saved campaign, or a whole"),
        ({"campaign": CAMPAIGN}, "the file has both"),
        ({"recipient_id": 12}, "recipient_id: "),
        ({"recipient_id": ""}, "recipient_id: "),
        ({"recipient_id": "a\0b"}, "recipient_id: contains a NUL"),
        ({"recipient_profile": "Marie"}, "recipient_profile: "),
        ({"recipient_profile": {"contact_info": {}}}, "recipient_profile.contact_info: no address"),
        (
            {"recipient_profile": {"contact_info": {"phone": "12"}}},
            "recipient_profile.contact_info.phone: '12' is no phone number",
        ),
        ({"content": {}}, "content: no content given"),
        ({"content": {"fax": "x"}}, "content.fax"),
        ({"force_send": "yes"}, "force_send: "),
        ({"force_send": 1}, "force_send: "),
        ({"idempotency_key": "x" * 201}, "idempotency_key: "),
    ],
)
def test_a_wrong_field_is_named(change, said):
    assert said in violation(run("send", "-", written=json.dumps({**REQUEST, **change})))


@pytest.mark.parametrize("missing", ["recipient_id", "recipient_profile", "content"])
def test_a_missing_field_is_named(missing):
    request = {name: value for name, value in REQUEST.items() if name != missing}
    assert f"{missing}: is missing" in violation(run("send", "-", written=json.dumps(request)))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('{\n  "campaign_id": oops}', "standard input: line 2, column 18: no valid JSON"),
        ("", "line 1, column 1"),
        ("[]", "holds no JSON object"),
        ('{"force_send": NaN}', "standard input: force_send: NaN is no JSON number"),
        ('{"a": 1, "a": 2}', "standard input: a: given twice"),
        ("[" * 100_000, "nested too deeply"),
        ('{"a": ' + "9" * 5000 + "}", "standard input: a: a number of 5000 digits"),
        (b'{"a": "\xff"}', "byte 8 is no UTF-8"),
        (b" " * (MAX_FILE_BYTES + 1), "larger than 10 MB"),
        ('{"recipient_id": "\\ud800"}', "recipient_id: "),
    ],
)
def test_invalid_json_is_refused_with_its_position(written, said):
    assert said in violation(run("send", "-", written=written))


def test_a_file_that_is_not_there_is_named(tmp_path):
    said = violation(run("send", str(tmp_path / "request.json")))
    assert "request.json: cannot be read (No such file or directory)" in said
    assert "cannot be read (Is a directory)" in violation(run("campaign", "save", str(tmp_path)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"channels": ["fax"]}, "channels.0: "),
        ({"budget_total": -1}, "budget_total: "),
        ({"budget": 1}, "budget: there is no such field"),
        ({"timezone": "Mars/Olympus"}, "timezone: 'Mars/Olympus' is no IANA time zone"),
        ({"timezone": "localtime"}, "timezone: 'localtime' is no IANA time zone"),
        ({"timezone": "Factory"}, "timezone: 'Factory' is no IANA time zone"),
    ],
)
def test_a_wrong_campaign_is_refused(change, said):
    assert said in violation(
        run("campaign", "save", "-", written=json.dumps({**CAMPAIGN, **change}))
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["status", "17"], "MESSAGE_ID: '17' is no UUID"),
        (["explain", "17"], "MESSAGE_ID: "),
        (["cancel", "17"], "MESSAGE_ID: "),
        (["fallback", "17"], "MESSAGE_ID: "),
        (["reschedule", str(uuid.uuid4()), "tomorrow"], "ISO_TIME: is no ISO 8601 time"),
        (
            ["reschedule", str(uuid.uuid4()), "2036-01-31"],
            "ISO_TIME: is a day without a time; write it like 2036-01-31T09:30:00-05:00",
        ),
        (
            ["campaign", "set", str(uuid.uuid4()), "--end-date", "someday"],
            "--end-date: is no ISO 8601 time",
        ),
        (["campaign", "status", "17"], "CAMPAIGN_ID: "),
        (["campaign", "pause", "17"], "CAMPAIGN_ID: "),
        (["suppress"], "--recipient, --address: give one of them"),
        (["suppress", "--recipient", " "], "--recipient, --address: give one of them"),
        (["suppress", "--recipient", "a", "--address", "b"], "give one of them"),
    ],
)
def test_a_wrong_argument_is_named(arguments, said):
    assert said in violation(run(*arguments))


@pytest.mark.parametrize(
    "written",
    [json.dumps(REQUEST), "\ufeff" + json.dumps({**WITHOUT_CAMPAIGN, "campaign": CAMPAIGN})],
)
def test_a_good_file_gets_as_far_as_the_missing_settings(written):
    result = run("send", "-", written=written)
    assert result.exit_code == UNREACHABLE
    assert result.stderr == (
        "error: MADAN_SARA_DATABASE_URL is not set; start everything with `make up`, "
        "and load its settings with `. .devstack/env`\n"
    )


#: What a driver takes of its callers and no text can say.
_NO_TEXTS = (
    "async_creator_fn=x",
    "async_fallback=true",
    "command_timeout=x",
    "connection_class=x",
    "direct_tls=false",
    "dsn=postgresql://db",
    "loop=x",
    "max_cacheable_statement_size=0",
    "max_cached_statement_lifetime=0",
    "prepared_statement_name_func=x",
    "record_class=x",
    "server_settings=x",
    "statement_cache_size=0",
    "timeout=5",
)


@pytest.mark.parametrize(
    "address",
    [
        *("db:99999/x", "db:0/x", "db:-1/x", "db/x?ssl=much", "db/x?what=1", "db:x/x"),
        *("db/x?ssl=require&ssl=disable", "db/x?target_session_attrs=best", "db/x?gsslib=x"),
        "db/x?prepared_statement_cache_size=many",
        *(f"db/x?{option}" for option in _NO_TEXTS),
    ],
)
def test_an_address_that_is_none_is_reported_in_one_line(address, monkeypatch):
    monkeypatch.setenv("MADAN_SARA_DATABASE_URL", f"postgresql+asyncpg://me:secret@{address}")
    result = run("status", str(uuid.uuid4()))
    assert result.exit_code == UNREACHABLE
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: MADAN_SARA_DATABASE_URL: no usable address; write it like ")
    assert "secret" not in line


def test_a_pipe_without_a_writer_is_not_waited_for(tmp_path):
    pipe = tmp_path / "campaign.json"
    os.mkfifo(pipe)
    for command in (["campaign", "save"], ["send"]):
        said = violation(run(*command, str(pipe)))
        assert f"{pipe}: is no regular file; name one, or - to read standard input" in said
    assert "/dev/zero: is no regular file" in violation(run("send", "/dev/zero"))
    validated = run("campaign", "validate", str(pipe))
    assert (validated.exit_code, "is no regular file" in validated.stderr) == (BAD_INPUT, True)


@pytest.mark.parametrize("amount", ["nan", "-NaN", "sNaN", "inf", "-Infinity", "much", ""])
def test_an_amount_that_is_no_number_is_refused(amount):
    said = f"{amount!r} is no amount; write it like 1000 or 99.50"
    assert f"--budget: {said}" in violation(
        run("campaign", "set", str(uuid.uuid4()), budget(amount))
    )
    assert f"VALUE: {said}" in violation(run("convert", str(uuid.uuid4()), "--", amount))


@pytest.mark.parametrize(
    ("amount", "said"),
    [
        ("-5", "must be greater than or equal to 0"),
        ("1e999999", "must be less than or equal to 1000000000"),
        ("0.0000001", "must have at most 6 decimals"),
    ],
)
def test_an_amount_that_no_money_may_be_is_refused_before_it_is_asked_about(amount, said):
    assert f"--budget: {said}" in violation(
        run("campaign", "set", str(uuid.uuid4()), budget(amount))
    )


@pytest.mark.parametrize("seconds", ["nan", "inf", "-1"])
def test_an_interval_that_could_not_be_waited_for_is_refused(seconds):
    result = run("campaign", "status", str(uuid.uuid4()), "--watch", f"--interval={seconds}")
    assert result.exit_code == BAD_INPUT


def budget(amount: str) -> str:
    return f"--budget={amount}"
