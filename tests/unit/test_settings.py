"""Settings as they come from the environment."""

import pytest
from pydantic import ValidationError
from sqlalchemy import make_url

from madan_sara.config.settings import WorkerSettings
from madan_sara.persistence.database import _connect_arguments
from madan_sara.worker.senders import build_senders


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


def test_the_file_of_certificates_reaches_the_mail_sender() -> None:
    settings = WorkerSettings(
        database_url="postgresql+asyncpg://", smtp_host="mail", smtp_ca_file="/nowhere/ca.pem"
    )
    with pytest.raises(ValueError, match=r"from /nowhere/ca\.pem "):
        build_senders(settings)


def test_without_a_cached_workflow_none_could_run() -> None:
    with pytest.raises(ValidationError, match="cached_workflows"):
        WorkerSettings(database_url="postgresql+asyncpg://", cached_workflows=0)


@pytest.mark.parametrize("seconds", [0, 121, float("inf"), float("nan")])
def test_no_call_may_outlast_a_delivery(seconds: float) -> None:
    with pytest.raises(ValidationError, match="sandbox_timeout_seconds"):
        WorkerSettings(database_url="postgresql+asyncpg://", sandbox_timeout_seconds=seconds)
