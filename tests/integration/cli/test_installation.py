"""`madan-sara migrate` and `healthcheck`, as an operator runs them."""

import asyncio
import json
from uuid import uuid4

import pytest

from madan_sara.devstack.ports import choose_ports
from madan_sara.persistence.migrate import schema_revision
from tests.integration.cli.cli import run_cli


@pytest.fixture
async def empty(postgres, temporal) -> dict[str, str]:
    """Settings that name a database without a schema."""
    name = f"empty_{uuid4().hex}"
    await postgres.create_database(name)
    return {
        "MADAN_SARA_DATABASE_URL": postgres.dsn(name),
        "TEMPORAL_ADDRESS": temporal.address,
    }


async def test_two_migrations_at_once_leave_one_schema(empty):
    both = await asyncio.gather(*(run_cli("migrate", "--json", settings=empty) for _ in range(2)))
    assert [each.code for each in both] == [0, 0]
    answers = sorted((json.loads(each.out) for each in both), key=lambda each: each["before"] or "")
    newest = answers[0]["now"]
    assert answers == [{"before": None, "now": newest}, {"before": newest, "now": newest}]
    assert (await schema_revision(empty["MADAN_SARA_DATABASE_URL"])).is_newest

    again = await run_cli("migrate", settings=empty)
    assert (again.code, again.out.strip()) == (
        0,
        f"The schema is {newest} already; nothing was changed.",
    )


async def test_a_healthy_installation(settings):
    found = await run_cli("healthcheck", settings=settings)
    assert found.code == 0, found
    database, temporal = found.out.strip().splitlines()
    assert database.startswith("database: usable: ")
    assert temporal == f"temporal: usable: {settings['TEMPORAL_ADDRESS']}, namespace default"


async def test_a_database_without_its_schema_is_named_and_not_changed(empty):
    found = await run_cli("healthcheck", settings=empty)
    assert found.code == 1
    assert "no schema of ours" in found.out
    assert "run `madan-sara migrate`" in found.out
    assert (await schema_revision(empty["MADAN_SARA_DATABASE_URL"])).before is None


async def test_each_server_that_is_away_is_named(settings):
    nowhere = f"127.0.0.1:{choose_ports(0)[0]}"
    away = {
        "MADAN_SARA_DATABASE_URL": f"postgresql+asyncpg://u:secret@{nowhere}/db",
        "TEMPORAL_ADDRESS": nowhere,
    }
    found = await run_cli("healthcheck", "--json", settings=away)
    assert found.code == 1
    assert [each["is_usable"] for each in json.loads(found.out)["checks"]] == [False, False]
    assert "secret" not in found.out + found.err

    half = await run_cli("healthcheck", settings={**settings, "TEMPORAL_ADDRESS": nowhere})
    assert half.code == 1
    assert "database: usable: " in half.out
    assert f"Temporal cannot be reached at {nowhere}" in half.out

    migration = await run_cli("migrate", settings=away)
    assert (migration.code, len(migration.err.strip().splitlines())) == (4, 1)
    assert "MADAN_SARA_DATABASE_URL" in migration.err
    assert "secret" not in migration.err


async def test_a_namespace_that_is_not_there(settings):
    found = await run_cli("healthcheck", settings={**settings, "TEMPORAL_NAMESPACE": "elsewhere"})
    assert found.code == 1
    assert "TEMPORAL_NAMESPACE" in found.out


async def test_missing_settings_are_named(settings):
    found = await run_cli("healthcheck", settings={**settings, "MADAN_SARA_DATABASE_URL": ""})
    assert found.code == 1
    assert "database: not usable: MADAN_SARA_DATABASE_URL is not set" in found.out


async def test_servers_that_never_answer_are_given_up(settings):
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as silent:
        where = "{}:{}".format(*silent.sockets[0].getsockname())
        found = await run_cli(
            "healthcheck",
            settings={
                "MADAN_SARA_DATABASE_URL": f"postgresql+asyncpg://u:secret@{where}/db",
                "TEMPORAL_ADDRESS": where,
            },
        )
    assert found.code == 1
    assert found.out.count("not usable: no answer within 5 s") == 2
