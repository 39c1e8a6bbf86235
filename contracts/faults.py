"""Validation errors in one line that names the field."""

from collections.abc import Iterable

from pydantic import ValidationError

_LONGEST_VALUE = 60
_LONGEST_NAME = 60
_MOST_FAULTS = 20


class InvalidRequestError(ValueError):
    """The request cannot be accepted; nothing was stored."""


def one_line(error: ValidationError, *, root: str = "") -> str:
    """Every fault of a validation error as `field: what is wrong`, in one line.

    Args:
        error: what pydantic found.
        root: name of the argument the fields belong to, put before each.
    """
    faults = []
    for fault in error.errors(include_url=False):
        path = ".".join(_name(part) for part in (root, *fault["loc"]) if part != "")
        message = fault["msg"].removeprefix("Value error, ")
        faults.append(f"{path}: {message}{_shown(fault)}")
    return listed(faults)


def listed(faults: Iterable[str]) -> str:
    """Faults in one line, each once; of very many, the first and how many more there are."""
    distinct = list(dict.fromkeys(faults))
    shown = "; ".join(distinct[:_MOST_FAULTS])
    left = len(distinct) - _MOST_FAULTS
    more = f"; and {left} more" if left > 0 else ""
    return " ".join((shown + more).replace("\x00", "\\0").splitlines())


def _name(part: int | str) -> str:
    """One step of a field's path; callers choose the names of unknown fields."""
    name = str(part)
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}..."


def _shown(fault: object) -> str:
    """The offending value, when it is short enough to help and not said already."""
    value = fault.get("input") if isinstance(fault, dict) else None
    if not isinstance(value, str | int | float | bool):
        return ""
    # Python refuses to write very large numbers out.
    shown = repr(value) if not isinstance(value, int) or abs(value) < 10**_LONGEST_VALUE else ""
    if not shown or len(shown) > _LONGEST_VALUE or shown in str(fault["msg"]):  # type: ignore[index]
        return ""
    return f" (got {shown})"
