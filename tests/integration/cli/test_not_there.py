"""Messages, campaigns and servers that are not there."""

import uuid

import pytest

from madan_sara.devstack.ports import choose_ports
from tests.integration.cli.cli import Outcome, run_cli

UNKNOWN_ID = str(uuid.uuid4())


def line_of(outcome: Outcome) -> str:
    assert outcome.out == ""
    (line,) = outcome.err.splitlines()
    assert line.startswith("error: ")
    return line


@pytest.mark.parametrize(
    "arguments",
    [
        ["status", UNKNOWN_ID],
        ["explain", UNKNOWN_ID, "--json"],
        ["reschedule", UNKNOWN_ID, "2092-01-05T15:00Z"],
        ["campaign", "pause", UNKNOWN_ID],
    ],
)
async def test_an_unknown_id_is_said_to_be_unknown(madan_sara, arguments):
    outcome = await madan_sara(*arguments)
    assert outcome.code == 3
    assert UNKNOWN_ID in line_of(outcome)


async def test_a_request_for_an_unknown_campaign_is_refused(madan_sara, request_file):
    del request_file["campaign"]
    outcome = await madan_sara("send", "-", stdin={**request_file, "campaign_id": UNKNOWN_ID})
    assert outcome.code == 3
    assert line_of(outcome) == f"error: there is no campaign {UNKNOWN_ID}"


async def test_a_database_that_is_not_there_is_named_without_its_password(settings):
    (port,) = choose_ports(0)
    url = f"postgresql+asyncpg://user:secret@127.0.0.1:{port}/facts"
    outcome = await run_cli(
        "status", UNKNOWN_ID, settings={**settings, "MADAN_SARA_DATABASE_URL": url}
    )
    assert outcome.code == 4
    line = line_of(outcome)
    assert f"PostgreSQL cannot be reached at 127.0.0.1:{port}/facts" in line
    assert "MADAN_SARA_DATABASE_URL" in line
    assert "secret" not in line


async def test_a_database_behind_a_socket_is_named_by_its_folder(settings, tmp_path):
    url = f"postgresql+asyncpg://user@/facts?host={tmp_path}"
    outcome = await run_cli(
        "status", UNKNOWN_ID, settings={**settings, "MADAN_SARA_DATABASE_URL": url}
    )
    assert outcome.code == 4
    assert f"PostgreSQL cannot be reached at {tmp_path}:5432/facts" in line_of(outcome)


async def test_a_database_of_another_name_is_no_database_of_ours(settings):
    url = settings["MADAN_SARA_DATABASE_URL"].replace("/tests", "/elsewhere")
    outcome = await run_cli(
        "status", UNKNOWN_ID, settings={**settings, "MADAN_SARA_DATABASE_URL": url}
    )
    assert outcome.code == 4
    assert "elsewhere" in line_of(outcome)


async def test_a_database_without_tables_is_said_to_have_none(settings, postgres):
    await postgres.create_database("empty")
    empty = {**settings, "MADAN_SARA_DATABASE_URL": postgres.dsn("empty")}
    outcome = await run_cli("status", UNKNOWN_ID, settings=empty)
    assert outcome.code == 4
    assert "has no tables of ours" in line_of(outcome)


async def test_a_temporal_that_is_not_there_is_named(settings):
    (port,) = choose_ports(0)
    address = f"127.0.0.1:{port}"
    outcome = await run_cli(
        "status", UNKNOWN_ID, settings={**settings, "TEMPORAL_ADDRESS": address}
    )
    assert outcome.code == 4
    assert f"Temporal cannot be reached at {address}; set TEMPORAL_ADDRESS" in line_of(outcome)


async def test_a_namespace_that_is_not_there_is_named(settings, request_file):
    elsewhere = {**settings, "TEMPORAL_NAMESPACE": "elsewhere"}
    outcome = await run_cli("send", "-", settings=elsewhere, stdin=request_file)
    assert outcome.code == 4
    assert "elsewhere" in line_of(outcome)
