"""The settings `make up` takes from its user's environment; nothing else here takes any."""

from collections.abc import Mapping
from typing import Final

_PREFIX: Final = "MADAN_SARA_"
_SMTP: Final = "MADAN_SARA_SMTP_"
_SMTP_HOST: Final = "MADAN_SARA_SMTP_HOST"
#: The stack sets these itself.
_THE_STACKS: Final = ("MADAN_SARA_DATABASE_URL", "MADAN_SARA_SANDBOX_URL")
#: Who the sender is makes sense with any mail server; the rest belongs to the user's own.
_FOR_ANY_SERVER: Final = ("MADAN_SARA_SMTP_SENDER",)


def own_mail_server(environment: Mapping[str, str]) -> dict[str, str]:
    """The settings of the user's own mail server.

    Args:
        environment: What the user has set.

    Returns:
        Every `MADAN_SARA_SMTP_...`; nothing when they name no server.
    """
    if not environment.get(_SMTP_HOST):
        return {}
    return {name: value for name, value in environment.items() if name.startswith(_SMTP)}


def own_worker_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """The user's other settings of the worker, such as rate limits.

    Args:
        environment: What the user has set.
    """
    return {
        name: value
        for name, value in environment.items()
        if name in _FOR_ANY_SERVER
        or (name.startswith(_PREFIX) and not name.startswith((_SMTP, *_THE_STACKS)))
    }
