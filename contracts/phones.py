"""Phone numbers as people write them, in the one form that is stored: E.164."""

import re
from collections.abc import Mapping
from typing import Final

from phonenumbers import (
    SUPPORTED_REGIONS,
    NumberParseException,
    ValidationResult,
    is_possible_number_with_reason,
    is_valid_number,
    national_significant_number,
    parse,
)

from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.contracts.violations import quoted

#: The parser would also read letters as digits, take a number out of a sentence, and pass over
#: a second `+`.
_WRITTEN: Final = re.compile(r"\+?[\d\s().\-/]+")

#: Separates two numbers in one cell.
_BETWEEN_TWO: Final = re.compile(
    r"[;,|\n]|(?<=\d)\s*(?=\+)|\b(?:or|and|ou|et|oder|und|o|y|e)\b|&", re.IGNORECASE
)
#: Fewer digits are no number of a person: the country code alone, or an extension.
_FEWEST_DIGITS: Final = 5

#: The number of countless examples, the guide's among them. No country could have it.
_PLACEHOLDER: Final = "+1234567890"

_NO_SUCH_COUNTRY: Final = "no country has this code"

#: Whether a country has such numbers at all; new ranges, which no list has yet, pass.
_IMPOSSIBLE: Final[Mapping[int, str]] = {
    ValidationResult.INVALID_COUNTRY_CODE: _NO_SUCH_COUNTRY,
    ValidationResult.TOO_SHORT: "too short for its country",
    ValidationResult.TOO_LONG: "too long for its country",
    ValidationResult.INVALID_LENGTH: "no length its country has",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "its area code is missing",
}


class MissingCountryError(ValueError):
    """A number without a country code, which no region stands in for."""


def known_region(region: str | None) -> str | None:
    """A country as `phonenumbers` names it.

    Raises:
        InvalidRequestError: there is no such country.
    """
    if region is None:
        return None
    named = region.strip().upper()
    if named not in SUPPORTED_REGIONS:
        raise InvalidRequestError(
            f"region: {quoted(region)} is no country; give its two letters, like HT"
        )
    return named


def to_e164(text: str, region: str | None = None) -> str:
    """A number in its international form.

    Args:
        text: as it was written.
        region: the country of numbers without a country code; None: there must be one.

    Raises:
        MissingCountryError: nothing says which country it is of.
        ValueError: it is no number, more than one, or none of that country.
    """
    written = text.strip()
    if _holds_two(written, region):
        raise ValueError(f"{text!r} holds two phone numbers; give one")
    if not _WRITTEN.fullmatch(written):
        raise ValueError(f"{text!r} is no phone number; write it like +50937001234")
    if "+" + re.sub(r"\D", "", written) == _PLACEHOLDER and written.startswith("+"):
        return _PLACEHOLDER
    try:
        number = parse(written, region)
    except NumberParseException as error:
        raise _no_number(error, text, written) from None
    reason = is_possible_number_with_reason(number)
    if reason != ValidationResult.IS_POSSIBLE:
        raise ValueError(f"{text!r} is no phone number: {_IMPOSSIBLE[reason]}; correct it")
    return f"+{number.country_code}{national_significant_number(number)}"


def _holds_two(text: str, region: str | None) -> bool:
    """Whether more than one number is meant.

    A slash follows an area code as well (`030/1234567`), so that it separates two numbers
    only after a whole one (`030 1234567/8`).
    """
    parts = [re.sub(r"\D", "", part) for part in _BETWEEN_TWO.split(text)]
    if sum(len(part) >= _FEWEST_DIGITS for part in parts) > 1:
        return True
    before, slash, _ = text.partition("/")
    if not slash:
        return False
    try:
        return is_valid_number(parse(before, region))
    except NumberParseException:
        return False


def _no_number(error: NumberParseException, text: str, written: str) -> ValueError:
    text = f"{text!r} is no phone number; "
    if error.error_type != NumberParseException.INVALID_COUNTRY_CODE:
        return ValueError(text + "write it like +50937001234")
    if written.startswith("+"):
        return ValueError(text + _NO_SUCH_COUNTRY)
    return MissingCountryError(text + "write + and the country code before it")
