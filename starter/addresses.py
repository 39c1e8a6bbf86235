"""Addresses in the form profiles keep them in, so that equal ones are found equal."""

from typing import Final

from pydantic import TypeAdapter, ValidationError

from contracts.base import ShortText
from contracts.faults import InvalidRequestError, one_line
from contracts.recipient import EmailAddress, PhoneNumber

#: Tried in this order; a handle or an id is neither of the first two.
_FORMS: Final[tuple[TypeAdapter[str], ...]] = (TypeAdapter(PhoneNumber), TypeAdapter(EmailAddress))
_ANY: Final[TypeAdapter[str]] = TypeAdapter(ShortText)


def stored_form(address: str) -> str:
    """An address as a profile with it would be stored: a phone number without spaces, say.

    Raises:
        InvalidRequestError: it is empty, too long, or holds a NUL character.
    """
    for form in _FORMS:
        try:
            return form.validate_python(address)
        except ValidationError:
            continue
    try:
        return _ANY.validate_python(address)
    except ValidationError as error:
        raise InvalidRequestError(one_line(error, root="address")) from None
