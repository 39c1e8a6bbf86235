"""Settings as they come from the environment."""

import pytest
from sqlalchemy import make_url

from config.settings import WorkerSettings
from persistence.database import _connect_arguments


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MADAN_SARA_DATABASE_URL", "postgresql+asyncpg://host/name")
    monkeypatch.setenv("MADAN_SARA_SMTP_HOST", "")
    monkeypatch.setenv("MADAN_SARA_PAUSE_POLL_SECONDS", "")
    settings = WorkerSettings()
    assert settings.smtp_host is None
    assert settings.pause_poll_seconds == 30.0


def test_every_option_of_the_database_url_reaches_the_driver() -> None:
    url = make_url("postgresql+asyncpg://user:secret@db:6432/name?ssl=verify-full")
    assert _connect_arguments(url) == {
        "host": "db",
        "port": 6432,
        "user": "user",
        "password": "secret",
        "database": "name",
        "ssl": "verify-full",
    }


def test_a_socket_directory_is_a_host() -> None:
    url = make_url("postgresql+asyncpg://postgres@/name?host=/run/db")
    assert _connect_arguments(url) == {"host": "/run/db", "user": "postgres", "database": "name"}
