"""`madan-sara migrate` and `healthcheck`, as an operator runs them."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Final
from uuid import uuid4

import pytest
from sqlalchemy import text

from madan_sara.devstack.ports import choose_ports
from madan_sara.persistence.database import Database, Query
from madan_sara.persistence.migrate import schema_revision, upgrade_database
from tests.integration.cli.cli import run_cli

_KEY: Final = {"a": "tenant_id"}


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


@pytest.fixture
async def migrated(empty) -> AsyncIterator[tuple[dict[str, str], Database]]:
    """Settings that name a database with its schema, and the database."""
    await upgrade_database(empty["MADAN_SARA_DATABASE_URL"])
    database = Database(empty["MADAN_SARA_DATABASE_URL"])
    yield empty, database
    await database.close()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE alembic_version SET version_num = '0099'", "a newer version has migrated it"),
        ("UPDATE alembic_version SET version_num = ''", "a newer version has migrated it"),
        ("UPDATE alembic_version SET version_num = 'heads'", "a newer version has migrated it"),
        ("INSERT INTO alembic_version VALUES ('0099')", "alembic_version: has 2 rows"),
    ],
)
async def test_a_schema_that_is_not_ours_is_named_and_not_changed(migrated, statement, said):
    settings, database = migrated
    async with database.statement() as connection:
        await connection.execute(text(statement))
    checked = await run_cli("healthcheck", settings=settings)
    assert checked.code == 1
    assert "database: not usable: " in checked.out
    assert said in checked.out
    assert "run `madan-sara migrate`" not in checked.out
    migration = await run_cli("migrate", settings=settings)
    assert (migration.code, len(migration.err.strip().splitlines())) == (4, 1)
    assert said in migration.err


async def test_what_others_keep_beside_the_schema_is_left_alone(empty):
    database = Database(empty["MADAN_SARA_DATABASE_URL"])
    async with database.transaction() as connection:
        await connection.execute(text("CREATE TABLE invoices (tenant_id uuid)"))
        await connection.execute(text("CREATE VIEW bills AS SELECT tenant_id FROM invoices"))
    assert (await run_cli("migrate", settings=empty)).code == 0
    found = await database.fetch(Query("SELECT tablename FROM pg_stats WHERE attname = :a"), _KEY)
    await database.close()
    assert "messages" in {row["tablename"] for row in found}
    assert "invoices" not in {row["tablename"] for row in found}


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
