"""The connections the environment names, and what to say when there are none."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from madan_sara.config.settings import DatabaseSettings
from madan_sara.config.temporal import connect, temporal_address
from madan_sara.starter.environment import UnusableSettingsError, from_environment

_DATABASE_URL = "MADAN_SARA_DATABASE_URL"
_START_A_STACK = "start everything with `make up`, and load its settings with `. .devstack/env`"

#: Classes of SQLSTATE that mean there is no (usable) server: connection, authorisation, no
#: such database, no connection left, shutting down.
_NO_SERVER = ("08", "28", "3D", "53", "57")
_UNDEFINED_TABLE = "42P01"


class UnreachableError(Exception):
    """The database or Temporal cannot be reached; says where, and which variable to set."""


@contextmanager
def outages_explained() -> Iterator[None]:
    """Turn the errors of a server that is away, or lets nothing in, into what they mean.

    Raises:
        UnreachableError: the database or Temporal cannot be reached.
    """
    try:
        yield
    except (OSError, asyncpg.PostgresError, DBAPIError) as error:
        url = database_settings().database_url.get_secret_value()
        raise _database_trouble(error, url) from error
    except RPCError as error:
        raise _temporal_trouble(error) from error


def database_settings() -> DatabaseSettings:
    """Where the database is.

    Raises:
        UnreachableError: it is not set.
        UnusableSettingsError: it cannot be used.
    """
    try:
        return from_environment(DatabaseSettings)
    except UnusableSettingsError:
        if os.environ.get(_DATABASE_URL):
            raise
        raise UnreachableError(f"{_DATABASE_URL} is not set; {_START_A_STACK}") from None


async def connect_temporal() -> Client:
    """Connect to Temporal, as the environment names it.

    Raises:
        UnreachableError: it is not there, or does not let us in.
        UnusableSettingsError: its settings cannot be used.
    """
    try:
        address = temporal_address()
    except RuntimeError as error:
        raise UnusableSettingsError(str(error)) from error
    try:
        return await connect()
    except RuntimeError as error:
        raise UnreachableError(
            f"Temporal cannot be reached at {address}; set TEMPORAL_ADDRESS, or {_START_A_STACK}"
        ) from error


def _database_trouble(error: OSError | asyncpg.PostgresError | DBAPIError, url: str) -> Exception:
    """What a failing database means; the error itself when it is none of the connection."""
    place = _place(url)
    cause = error.orig if isinstance(error, DBAPIError) else error
    sqlstate = getattr(cause, "sqlstate", None)
    if sqlstate == _UNDEFINED_TABLE:
        return UnreachableError(
            f"the database at {place} has no tables of ours; set {_DATABASE_URL} to another "
            f"one, or {_START_A_STACK}"
        )
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    if isinstance(error, OSError) or lost or str(sqlstate)[:2] in _NO_SERVER:
        return UnreachableError(
            f"PostgreSQL cannot be reached at {place} ({cause}); set {_DATABASE_URL}, "
            f"or {_START_A_STACK}"
        )
    return error


def _temporal_trouble(error: RPCError) -> Exception:
    if error.status in (RPCStatusCode.INVALID_ARGUMENT, RPCStatusCode.INTERNAL):
        return error
    return UnreachableError(
        f"Temporal at {temporal_address()} does not answer ({error.message}); "
        "set TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE"
    )


def _place(url: str) -> str:
    """Where a database is, without user and password."""
    parts = make_url(url)
    # A folder with the server's socket cannot stand where a URL has its host.
    folder = parts.query.get("host")
    host = parts.host or (folder if isinstance(folder, str) else "localhost")
    return f"{host}:{parts.port or 5432}/{parts.database or ''}"
