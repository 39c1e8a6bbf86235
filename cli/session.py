"""The connections of one command, and what to say when there are none."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from madan_sara.config.settings import DatabaseSettings
from madan_sara.contracts.errors import MisconfiguredError, UnreachableError
from madan_sara.persistence.bookings import MessageBookings
from madan_sara.starter.environment import (
    UnusableSettingsError,
    database_of,
    from_environment,
    temporal_client,
    tenant_settings,
)
from madan_sara.starter.orchestrator import OutreachOrchestrator

_DATABASE_URL = "MADAN_SARA_DATABASE_URL"
_START_A_STACK = "start everything with `make up`, and load its settings with `. .devstack/env`"


@dataclass(frozen=True)
class Session:
    """What a command works with."""

    orchestrator: OutreachOrchestrator
    bookings: MessageBookings


@asynccontextmanager
async def open_session() -> AsyncIterator[Session]:
    """Connect to the database and Temporal the environment names.

    Raises:
        UnreachableError: one of them is not set, not there, or does not let us in.
        UnusableSettingsError: a setting in the environment cannot be used.
    """
    where, settings = _database_settings(), tenant_settings()
    database = database_of(where)
    try:
        client = await temporal_client()
        yield Session(
            orchestrator=OutreachOrchestrator(client, database, settings=settings),
            bookings=MessageBookings(database),
        )
    except (MisconfiguredError, UnreachableError) as error:
        raise type(error)(f"{error}; or {_START_A_STACK}") from error
    finally:
        await database.close()


def _database_settings() -> DatabaseSettings:
    try:
        return from_environment(DatabaseSettings)
    except UnusableSettingsError:
        if os.environ.get(_DATABASE_URL):
            raise
        raise UnreachableError(f"{_DATABASE_URL} is not set; {_START_A_STACK}") from None
