"""Settings read from the environment, and their violations."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsError
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from madan_sara.config.settings import DatabaseSettings, TenantDefaults
from madan_sara.contracts.errors import MisconfiguredError
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.contracts.violations import one_line
from madan_sara.persistence.database import USABLE_OPTIONS, Database

S = TypeVar("S", bound=BaseSettings)

_LAST_PORT: Final = 65_535
#: Options that have few values, as libpq and asyncpg name them.
_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "ssl": ("prefer", "disable", "allow", "require", "verify-ca", "verify-full"),
    "target_session_attrs": (
        "any",
        "primary",
        "standby",
        "read-write",
        "read-only",
        "prefer-standby",
    ),
    "gsslib": ("gssapi", "sspi"),
}


class UnusableSettingsError(MisconfiguredError):
    """Settings in the environment cannot be used; the message says which, and why."""


def from_environment(settings: type[S]) -> S:
    """Some settings, read.

    Raises:
        UnusableSettingsError: one is missing or cannot be used.
    """
    with _errors_explained():
        return settings()


def database_of(settings: DatabaseSettings) -> Database:
    """The database that settings name; connected to at its first statement.

    Raises:
        UnusableSettingsError: its address is none.
    """
    url = settings.database_url.get_secret_value()
    try:
        _require_usable(make_url(url))
        return Database(url, pool_size=settings.database_pool_size)
    except (SQLAlchemyError, ImportError, ValueError):
        # The address is not shown: it holds a password.
        raise UnusableSettingsError(
            "MADAN_SARA_DATABASE_URL: no usable address; write it like "
            "postgresql+asyncpg://user:password@host:5432/name, with no options but "
            f"{', '.join(sorted(USABLE_OPTIONS))}"
        ) from None


def _require_usable(url: URL) -> None:
    """Refuse a URL that would only fail on connecting, in a traceback.

    Raises:
        ValueError: the port or an option is none.
    """
    if url.port is not None and not 1 <= url.port <= _LAST_PORT:
        raise ValueError(f"port {url.port} is none")
    if url.query.keys() - USABLE_OPTIONS or any(
        url.query.get(name, known[0]) not in known for name, known in _VALUES.items()
    ):
        raise ValueError("an option is none")


def tenant_settings() -> OrchestratorSettings:
    """The rules of campaigns without rules of their own.

    Raises:
        UnusableSettingsError: one cannot be used.
    """
    defaults = from_environment(TenantDefaults)
    with _errors_explained():
        return OrchestratorSettings.model_validate(defaults.model_dump())


@contextmanager
def _errors_explained() -> Iterator[None]:
    try:
        yield
    except SettingsError as error:
        raise UnusableSettingsError(
            f"settings: {error}; each is the variable MADAN_SARA_<NAME>, these as JSON"
        ) from None
    except ValidationError as error:
        raise UnusableSettingsError(
            f"settings: {one_line(error)}; each is the variable MADAN_SARA_<NAME>"
        ) from None
