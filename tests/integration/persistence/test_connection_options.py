"""The options of a database's address, whichever way leads to it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

import pytest
from sqlalchemy import make_url, text

from madan_sara.contracts.errors import MisconfiguredError
from madan_sara.persistence.database import USABLE_OPTIONS, Database, Query
from madan_sara.persistence.migrate import schema_revision

_ONE: Final = Query("SELECT 1 AS one")


async def _by_query(database: Database, _: str) -> None:
    await database.fetch(_ONE, {})


async def _by_statement(database: Database, _: str) -> None:
    async with database.statement() as connection:
        await connection.execute(text("SELECT 1"))


async def _in_bulk(database: Database, _: str) -> None:
    async with database.bulk() as connection:
        await connection.fetch("SELECT 1")


async def _by_migrations(_: Database, dsn: str) -> None:
    await schema_revision(dsn)


Way = Callable[[Database, str], Awaitable[None]]
_WAYS: Final[list[Way]] = [_by_query, _by_statement, _in_bulk, _by_migrations]


def _with(dsn: str, **options: str) -> str:
    return make_url(dsn).update_query_dict(options).render_as_string(hide_password=False)


@pytest.fixture
async def opened() -> AsyncIterator[Callable[[str], Database]]:
    databases: list[Database] = []

    def open_it(dsn: str) -> Database:
        databases.append(Database(dsn))
        return databases[-1]

    yield open_it
    for database in databases:
        await database.close()


def _usual(dsn: str) -> dict[str, str]:
    """A value of each option that leads to the server of the tests."""
    url = make_url(dsn)
    folder, port = url.query.get("host"), url.query.get("port")
    return {
        "database": url.database or "",
        "gsslib": "gssapi",
        "host": url.host or str(folder),
        "krbsrvname": "postgres",
        "passfile": "/nowhere/pgpass",
        "password": url.password or "",
        "port": str(url.port or port),
        "prepared_statement_cache_size": "10",
        "ssl": "prefer",
        "target_session_attrs": "read-write",
        "user": url.username or "",
    }


#: A service stands in a file that names one.
_OF_FILES: Final = {"service", "servicefile"}


@pytest.mark.parametrize("way", _WAYS)
@pytest.mark.parametrize("option", sorted(USABLE_OPTIONS - _OF_FILES))
async def test_an_option_that_is_usable_is_used(dsn, opened, option, way):
    given = _with(dsn, **{option: _usual(dsn)[option]})
    await way(opened(given), given)


@pytest.mark.parametrize("way", _WAYS)
async def test_a_service_is_read_from_its_file(dsn, opened, way, tmp_path):
    file = tmp_path / "services"
    file.write_text("[facts]\napplication_name=facts\n")
    given = _with(dsn, service="facts", servicefile=str(file))
    await way(opened(given), given)


@pytest.mark.parametrize("way", _WAYS)
@pytest.mark.parametrize(
    "options",
    [
        {"ssl": "verify-full"},
        {"timeout": "5"},
        {"statement_cache_size": "x"},
        {"command_timeout": "x"},
        {"connection_class": "x"},
        {"what": "x"},
        {"target_session_attrs": "best"},
    ],
    ids=str,
)
async def test_an_option_that_cannot_be_used_is_a_setting_to_correct(
    dsn, opened, options, way, monkeypatch, tmp_path
):
    monkeypatch.setenv("HOME", str(tmp_path))  # Where the root certificate would be.
    given = _with(dsn, **options)
    with pytest.raises(MisconfiguredError, match="MADAN_SARA_DATABASE_URL") as caught:
        await way(opened(given), given)
    password = make_url(dsn).password
    assert not password or password not in str(caught.value)
