"""Errors of the database's drivers quote no personal data, by either driver."""

import logging
import traceback
from collections.abc import Awaitable, Callable

import asyncpg
import pytest
from sqlalchemy import text
from temporalio.api.failure.v1 import Failure
from temporalio.converter import DefaultFailureConverter, DefaultPayloadConverter

from madan_sara.contracts.errors import UnreachableError
from madan_sara.persistence.database import Database, Query

SECRET = "Wozalin Kretyen"

_SUPPRESS = (
    "INSERT INTO suppressions (tenant_id, subject_kind, subject, reason, created_at, request_id) "
    "SELECT {tenant}, {kind}, CAST(:who AS text), 'x', now(), CAST(repeat('0', 32) AS uuid) "
    "FROM generate_series(1, 2)"
)
_SENT = {
    "twice": (_SUPPRESS.format(tenant="CAST(repeat('0', 32) AS uuid)", kind="'address'"), SECRET),
    "missing": (_SUPPRESS.format(tenant="NULL", kind="'address'"), SECRET),
    "check": (_SUPPRESS.format(tenant="uuidv7()", kind="CAST(:who AS text)"), SECRET),
    "cast": ("SELECT CAST(CAST(:who AS text) AS uuid)", SECRET),
    "json": ("SELECT CAST(CAST(:who AS text) AS jsonb)", SECRET),
    "raised": ("SELECT CAST('x' || CAST(:who AS text) AS timestamptz)", SECRET),
    "no number": ("SELECT CAST(:who AS integer)", SECRET),
    "half a character": ("SELECT CAST(:who AS text)", SECRET + "\ud800"),
    "nul": ("SELECT CAST(:who AS text)", SECRET + "\0"),
}


async def _by_query(database: Database, sql: str, who: str) -> None:
    await database.fetch(Query(sql), {"who": who})


async def _by_statement(database: Database, sql: str, who: str) -> None:
    async with database.statement() as connection:
        await connection.execute(text(sql), {"who": who})


async def _by_transaction(database: Database, sql: str, who: str) -> None:
    async with database.transaction() as connection:
        await connection.execute(text(sql), {"who": who})


async def _in_bulk(database: Database, sql: str, who: str) -> None:
    async with database.bulk() as connection:
        query = Query(sql)
        await connection.fetch(query.sql, *query.arguments({"who": who}))


@pytest.mark.parametrize("way", [_by_query, _by_statement, _by_transaction, _in_bulk])
@pytest.mark.parametrize("sent", _SENT)
async def test_an_error_of_a_driver_quotes_no_personal_data(
    database: Database,
    caplog: pytest.LogCaptureFixture,
    way: Callable[[Database, str, str], Awaitable[None]],
    sent: str,
):
    with pytest.raises(Exception) as caught:  # noqa: PT011 - of whichever driver
        await way(database, *_SENT[sent])

    logging.getLogger("test").error("it failed", exc_info=caught.value)
    failure = Failure()
    DefaultFailureConverter().to_failure(caught.value, DefaultPayloadConverter(), failure)
    texts = [*traceback.format_exception(caught.value), caplog.text, str(failure)]
    assert not [text for text in texts for word in SECRET.split() if word in text]


@pytest.mark.parametrize("way", [_by_query, _by_statement, _by_transaction, _in_bulk])
@pytest.mark.parametrize("sent", ["missing", "half a character", "no number"])
async def test_what_its_caller_was_handling_stays_as_it_was(database: Database, way, sent: str):
    own = LookupError("no such shelf", 7)
    own.__cause__ = KeyError("shelf 7")
    try:
        raise own
    except LookupError:
        with pytest.raises(Exception):  # noqa: B017, PT011 - of whichever driver
            await way(database, *_SENT[sent])
    assert own.args == ("no such shelf", 7)
    assert own.__cause__.args == ("shelf 7",)


async def test_what_kind_of_error_it_is_stays(database: Database):
    with pytest.raises(asyncpg.CheckViolationError) as caught:
        await _by_query(database, *_SENT["check"])
    assert caught.value.sqlstate == "23514"
    assert "suppressions_subject_kind_check" in str(caught.value)


async def test_words_about_the_server_stay(database: Database):
    ended = "SELECT pg_terminate_backend(pg_backend_pid()), CAST(:who AS text)"
    with pytest.raises(UnreachableError, match="terminating connection"):
        await _by_query(database, ended, "x")
