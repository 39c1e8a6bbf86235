"""Addresses in the form profiles keep them in, so that equal ones are found equal."""

import re
from contextlib import suppress
from typing import Final

from pydantic import TypeAdapter, ValidationError

from madan_sara.contracts.base import ShortText
from madan_sara.contracts.channels import CONTACT_FIELDS, Channel
from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.contracts.phones import to_e164
from madan_sara.contracts.reading import read
from madan_sara.contracts.recipient import EmailAddress
from madan_sara.contracts.violations import one_line, quoted
from madan_sara.policy.addresses import forms_of

_EMAIL: Final[TypeAdapter[str]] = TypeAdapter(EmailAddress)
_ANY: Final[TypeAdapter[str]] = TypeAdapter(ShortText)

#: Characters of telephone numbers only; digits and dashes may be a user's id.
_LIKE_A_NUMBER: Final = re.compile(
    r"(?=.*[+()\s:;,|])(?:tel:)?[\d\s().+/;,|&-]+|\+\d[^@]*", re.IGNORECASE
)
#: Digits with any characters between them, as many as a number without its country may have:
#: from the shortest of a subscriber to the longest there is (ITU-T E.164, 6).
_PERHAPS_A_NUMBER: Final = re.compile(r"[^\w@]*(?:\d[^\w@]*){7,15}")
#: An @ that does not begin a handle, or characters that mail programs put around an address and
#: people between two.
_LIKE_A_MAILBOX: Final = re.compile(r"[^@]@|[<>;,]|mailto:", re.IGNORECASE)


def stored_form(address: str, channel: Channel | None = None) -> str:
    """An address as a profile with it would be stored: a phone number without spaces, say.

    Args:
        address: as it was written.
        channel: the channel it is used on; None: its form decides what it is.

    Raises:
        InvalidRequestError: it is empty, too long, holds a NUL character, is no address of
            that channel, or is a number or a mailbox in a form that would never be found
            again.
    """
    given = _given(address)
    if channel is not None:
        return _of_channel(given, channel)
    if _LIKE_A_NUMBER.fullmatch(given):
        return _number(given)
    if _PERHAPS_A_NUMBER.fullmatch(given):
        raise InvalidRequestError(
            f"address: {quoted(given)} may be a phone number without its country; write it with + "
            "and the country code, like +50937001234, or give the channel, like chat or facebook, "
            "if it is an id"
        )
    with suppress(ValidationError):
        return _EMAIL.validate_python(given)
    if _LIKE_A_MAILBOX.search(given):
        raise InvalidRequestError(
            f"address: {quoted(given)} is no e-mail address; write it like marie@example.com, or "
            "give the channel, like chat or facebook, if it is an id"
        )
    return _handle(given)


def sought_forms(address: str, channel: Channel | None = None) -> frozenset[str]:
    """Every form in which an address may be stored, for a channel or for any.

    An id that looks like a number or a mailbox is stored as it is where its channel was given.

    Args:
        address: as it was written.
        channel: the channel it was suppressed for; None: unknown.

    Raises:
        InvalidRequestError: it is empty, too long, or holds a NUL character.
    """
    given = _given(address)
    forms = forms_of(given, channel)
    for each in Channel if channel is None else [channel]:
        with suppress(InvalidRequestError):
            forms |= forms_of(stored_form(given, each), each)
    return forms


def _given(address: str) -> str:
    return read(_ANY, address, "address")


def _of_channel(given: str, channel: Channel) -> str:
    if "phone" in CONTACT_FIELDS[channel]:
        return _number(given)
    if channel is Channel.EMAIL:
        return _mailbox(given)
    return _handle(given)


def _mailbox(given: str) -> str:
    try:
        return _EMAIL.validate_python(given)
    except ValidationError as error:
        raise InvalidRequestError(
            f"{one_line(error, root='address')}; write it like marie@example.com"
        ) from None


def _number(given: str) -> str:
    try:
        return to_e164(given)
    except ValueError as error:
        raise InvalidRequestError(f"address: {error}") from None


def _handle(given: str) -> str:
    if not given.strip("@"):
        raise InvalidRequestError(
            f"address: {quoted(given)} is no handle; write it like @janesmith"
        )
    return given
