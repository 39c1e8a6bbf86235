"""The connections the environment names, and the errors when there are none."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from temporalio.client import Client

from madan_sara.config.settings import DatabaseSettings
from madan_sara.config.temporal import connect, temporal_address
from madan_sara.contracts.errors import UnreachableError
from madan_sara.starter.environment import UnusableSettingsError, from_environment

_DATABASE_URL = "MADAN_SARA_DATABASE_URL"
_START_A_STACK = "start everything with `make up`, and load its settings with `. .devstack/env`"


@contextmanager
def outages_explained() -> Iterator[None]:
    """Add to an error about an absent server how to start the whole system.

    Raises:
        UnreachableError: the database or Temporal cannot be reached.
    """
    try:
        yield
    except UnreachableError as error:
        raise UnreachableError(f"{error}; {_START_A_STACK}") from error


def database_settings() -> DatabaseSettings:
    """The database's address.

    Raises:
        UnreachableError: it is not set.
        UnusableSettingsError: it cannot be used.
    """
    try:
        return from_environment(DatabaseSettings)
    except UnusableSettingsError:
        if os.environ.get(_DATABASE_URL):
            raise
        raise UnreachableError(f"{_DATABASE_URL} is not set") from None


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
            f"Temporal cannot be reached at {address}; set TEMPORAL_ADDRESS"
        ) from error
