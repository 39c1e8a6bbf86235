"""Settings as the environment has them, or what is wrong with them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, SettingsError

from config.settings import TenantDefaults
from contracts.faults import one_line
from contracts.settings import OrchestratorSettings

S = TypeVar("S", bound=BaseSettings)


class UnusableSettingsError(ValueError):
    """The environment holds settings that cannot be used; says which, and why."""


def from_environment(settings: type[S]) -> S:
    """Some settings, read.

    Raises:
        UnusableSettingsError: one is missing or cannot be used.
    """
    with _told():
        return settings()


def tenant_settings() -> OrchestratorSettings:
    """The rules of a campaign that brings none of its own.

    Raises:
        UnusableSettingsError: one cannot be used.
    """
    defaults = from_environment(TenantDefaults)
    with _told():
        return OrchestratorSettings.model_validate(defaults.model_dump())


@contextmanager
def _told() -> Iterator[None]:
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
