"""Phone numbers as people write them, in the one form that is stored: E.164."""

import re
from collections.abc import Mapping
from typing import Final

from phonenumbers import (
    SUPPORTED_REGIONS,
    NumberParseException,
    ValidationResult,
    is_possible_number_with_reason,
    national_significant_number,
    parse,
)

from contracts.faults import InvalidRequestError

#: The parser would also read letters as digits and take a number out of a sentence.
_WRITTEN: Final = re.compile(r"[+\d\s().\-/]+")

_NO_SUCH_COUNTRY: Final = "no country has this code"
_NO_COUNTRY: Final = "write + and the country code before it, or name the file's --region"

#: Whether a country has such numbers at all; new ranges, which no list has yet, pass.
_IMPOSSIBLE: Final[Mapping[int, str]] = {
    ValidationResult.INVALID_COUNTRY_CODE: _NO_SUCH_COUNTRY,
    ValidationResult.TOO_SHORT: "too short for its country",
    ValidationResult.TOO_LONG: "too long for its country",
    ValidationResult.INVALID_LENGTH: "no length its country has",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "its area code is missing",
}


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
            f"region: {region!r} is no country; give its two letters, like HT"
        )
    return named


def to_e164(text: str, region: str | None) -> str:
    """A number in its international form.

    Args:
        text: as it was written.
        region: the country of numbers without a country code; None: there must be one.

    Raises:
        ValueError: it is no number, or none of that country.
    """
    if not _WRITTEN.fullmatch(text):
        raise ValueError(f"{text!r} is no phone number; write it like +50937001234")
    try:
        number = parse(text, region)
    except NumberParseException as error:
        raise ValueError(f"{text!r} is no phone number; {_explain(error, text)}") from None
    reason = is_possible_number_with_reason(number)
    if reason != ValidationResult.IS_POSSIBLE:
        raise ValueError(f"{text!r} is no phone number: {_IMPOSSIBLE[reason]}; correct it")
    return f"+{number.country_code}{national_significant_number(number)}"


def _explain(error: NumberParseException, text: str) -> str:
    if error.error_type != NumberParseException.INVALID_COUNTRY_CODE:
        return "write it like +50937001234"
    return _NO_SUCH_COUNTRY if text.startswith("+") else _NO_COUNTRY
