"""Validation errors in one line that names the field."""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from pydantic import ValidationError

_LONGEST_VALUE = 60
_LONGEST_NAME = 60
_LONGEST_VIOLATION = 500
_MOST_VIOLATIONS = 20

#: An amount as Python writes it.
_DECIMAL: Final = re.compile(r"Decimal\('([^']*)'\)")

#: Pydantic's messages in the words of Python, in those of the request's writer.
_WORDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "extra_forbidden": "there is no such field; remove it or correct its name",
        "missing": "is missing; fill it",
        "dict_type": "must be an object with named fields",
        "model_type": "must be an object with named fields",
        "model_attributes_type": "must be an object with named fields",
        "list_type": "must be a list",
        "string_type": "must be a text",
        "bool_type": "must be true or false",
        "bool_parsing": "must be true or false",
        "int_type": "must be a whole number",
        "int_parsing": "must be a whole number",
        "int_from_float": "must be a whole number",
        "decimal_type": "must be a number",
        "decimal_parsing": "must be a number",
        "decimal_max_places": "must have at most {decimal_places} decimals",
        "uuid_type": "must be a UUID like 550e8400-e29b-41d4-a716-446655440000",
        "uuid_parsing": "must be a UUID like 550e8400-e29b-41d4-a716-446655440000",
        "too_short": "has {actual_length} entries; give at least {min_length}",
        "string_too_long": "must have at most {max_length} characters",
        "string_too_short": "is empty; fill it",
        "string_unicode": "contains half a character; remove it",
        "time_parsing": "is no local time; write it like 21:00",
    }
)


def one_line(error: ValidationError, *, root: str = "") -> str:
    """Every error of a validation as `field: what is wrong`, in one line.

    Args:
        error: pydantic's.
        root: name of the argument the fields belong to, put before each.
    """
    return listed(violation_lines(error, root=root))


def refusal(error: ValidationError | RecursionError, *, root: str = "") -> str:
    """What is wrong with what a caller gave, in one line; see `one_line`."""
    if isinstance(error, ValidationError):
        return one_line(error, root=root)
    # Some of Python's own types write what they refuse out, however deep it is.
    return f"{root or 'the request'}: is nested too deeply; remove levels"


def violation_lines(error: ValidationError, *, root: str = "") -> list[str]:
    """Every error of a validation as `field: what is wrong`; see `one_line`."""
    violations = []
    for violation in error.errors(include_url=False):
        steps = [root, *violation["loc"]]
        path = ".".join(_name(step) for step in steps if step != "" and not _is_internal(step))
        words = _WORDS.get(violation["type"])
        message = words.format(**violation.get("ctx", {})) if words else _plain(violation["msg"])
        violations.append(f"{f'{path}: ' if path else ''}{message}{_shown(violation)}")
    return violations


def listed(violations: Iterable[str]) -> str:
    """Violations in one line, each once; of very many, the first and how many more there are."""
    distinct = list(dict.fromkeys(map(_cut, violations)))
    shown = "; ".join(distinct[:_MOST_VIOLATIONS])
    left = len(distinct) - _MOST_VIOLATIONS
    more = f"; and {left} more" if left > 0 else ""
    return " ".join((shown + more).replace("\x00", "\\0").splitlines())


def _cut(violation: str) -> str:
    if len(violation) <= _LONGEST_VIOLATION:
        return violation
    return f"{violation[:_LONGEST_VIOLATION]}..."


def quoted(value: object) -> str:
    """A value as an error quotes it: in Python's words, cut where they are long."""
    given = value[: _LONGEST_VALUE + 1] if isinstance(value, str | bytes) else value
    try:
        shown = repr(given)
    except Exception:  # noqa: BLE001 - a value may refuse, as very large numbers do
        return f"a {type(value).__name__}"
    return shown if len(shown) <= _LONGEST_VALUE else f"{shown[:_LONGEST_VALUE]}..."


def _plain(message: str) -> str:
    said = message.removeprefix("Value error, ").replace("Input should be", "must be")
    return _DECIMAL.sub(r"\1", said)


def _is_internal(step: int | str) -> bool:
    """Whether a step of a path names an alternative of ours and no field of the request."""
    return isinstance(step, str) and step.startswith("[") and step.endswith("]")


def _name(part: int | str) -> str:
    """One step of a field's path; callers choose the names of unknown fields."""
    name = str(part)
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}..."


def _shown(violation: object) -> str:
    """The offending value, if it is short enough to help and not in the message already."""
    value = violation.get("input") if isinstance(violation, dict) else None
    if not isinstance(value, str | int | float | bool):
        return ""
    # Python refuses to write very large numbers out.
    shown = repr(value) if not isinstance(value, int) or abs(value) < 10**_LONGEST_VALUE else ""
    if not shown or len(shown) > _LONGEST_VALUE or shown in str(violation["msg"]):  # type: ignore[index]
        return ""
    return f" (got {shown})"
