"""Addresses in the form profiles keep them in, so that equal ones are found equal."""

import re
from typing import Final

from pydantic import TypeAdapter, ValidationError

from contracts.base import ShortText
from contracts.faults import InvalidRequestError, one_line
from contracts.recipient import EmailAddress, PhoneNumber

#: Tried in this order; a handle or an id is neither of the first two.
_FORMS: Final[tuple[TypeAdapter[str], ...]] = (TypeAdapter(PhoneNumber), TypeAdapter(EmailAddress))
_ANY: Final[TypeAdapter[str]] = TypeAdapter(ShortText)

#: What only telephone numbers are written with; digits and dashes may be a user's id.
_LIKE_A_NUMBER: Final = re.compile(r"(?=.*[+()\s:])(?:tel:)?[\d\s().+/-]+", re.IGNORECASE)
#: What mail programs put around an address.
_LIKE_A_MAILBOX: Final = re.compile(r"[<>]|mailto:|\s.*@|@.*\s", re.IGNORECASE)


def stored_form(address: str) -> str:
    """An address as a profile with it would be stored: a phone number without spaces, say.

    Raises:
        InvalidRequestError: it is empty, too long, holds a NUL character, or is a number or
            a mailbox in a form that would never be found again.
    """
    for form in _FORMS:
        try:
            return form.validate_python(address)
        except ValidationError:
            continue
    try:
        handle = _ANY.validate_python(address)
    except ValidationError as error:
        raise InvalidRequestError(one_line(error, root="address")) from None
    if _LIKE_A_NUMBER.fullmatch(handle):
        raise InvalidRequestError(
            f"address: {handle!r} is no whole phone number; write it like +15145569149"
        )
    if _LIKE_A_MAILBOX.search(handle) or not handle.strip("@"):
        raise InvalidRequestError(
            f"address: {handle!r} is no e-mail address; write it like marie@example.com"
        )
    return handle
