"""Addresses in the form profiles keep them in, so that equal ones are found equal."""

import re
from contextlib import suppress
from typing import Final

from pydantic import TypeAdapter, ValidationError

from contracts.base import ShortText
from contracts.faults import InvalidRequestError, one_line
from contracts.phones import to_e164
from contracts.recipient import EmailAddress

_EMAIL: Final[TypeAdapter[str]] = TypeAdapter(EmailAddress)
_ANY: Final[TypeAdapter[str]] = TypeAdapter(ShortText)

#: What only telephone numbers are written with; digits and dashes may be a user's id.
_LIKE_A_NUMBER: Final = re.compile(
    r"(?=.*[+()\s:;,|])(?:tel:)?[\d\s().+/;,|&-]+|\+\d[^@]*", re.IGNORECASE
)
#: What mail programs put around an address, or people between two.
_LIKE_A_MAILBOX: Final = re.compile(r"[<>;,]|mailto:|\s.*@|@.*\s|[^@].*@.*@", re.IGNORECASE)


def stored_form(address: str) -> str:
    """An address as a profile with it would be stored: a phone number without spaces, say.

    Raises:
        InvalidRequestError: it is empty, too long, holds a NUL character, or is a number or
            a mailbox in a form that would never be found again.
    """
    try:
        given = _ANY.validate_python(address)
    except ValidationError as error:
        raise InvalidRequestError(one_line(error, root="address")) from None
    if _LIKE_A_NUMBER.fullmatch(given):
        return _number(given)
    with suppress(ValidationError):
        return _EMAIL.validate_python(given)
    if _LIKE_A_MAILBOX.search(given) or not given.strip("@"):
        raise InvalidRequestError(
            f"address: {given!r} is no e-mail address; write it like marie@example.com"
        )
    return given


def _number(text: str) -> str:
    try:
        return to_e164(text)
    except ValueError as fault:
        raise InvalidRequestError(f"address: {fault}") from None
