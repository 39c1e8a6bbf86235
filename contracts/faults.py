"""Validation errors in one line that names the field."""

from pydantic import ValidationError

_LONGEST_VALUE = 60


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
        path = ".".join(str(part) for part in (root, *fault["loc"]) if part != "")
        message = fault["msg"].removeprefix("Value error, ")
        faults.append(f"{path}: {message}{_shown(fault)}")
    return "; ".join(dict.fromkeys(faults)).replace("\n", " ").replace("\x00", "\\0")


def _shown(fault: object) -> str:
    """The offending value, when it is short enough to help and not said already."""
    value = fault.get("input") if isinstance(fault, dict) else None
    if not isinstance(value, str | int | float | bool) or repr(value) in str(fault["msg"]):  # type: ignore[index]
        return ""
    shown = repr(value)
    return f" (got {shown})" if len(shown) <= _LONGEST_VALUE else ""
