"""Signals as people send them by hand: unusable input is refused in words.

A handler takes any input: with a declared type, Temporal would drop input that does not fit, and
log it with its content; with a wrong number of inputs, the workflow's task would fail for ever.
"""

from collections.abc import Sequence
from typing import TypeVar

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from pydantic import ValidationError

    from madan_sara.contracts.base import Contract

T = TypeVar("T", bound=Contract)


def read_signal(kind: type[T], inputs: Sequence[object], name: str) -> T | None:
    """The one input of a signal, validated.

    Args:
        kind: the type it must have.
        inputs: the signal's inputs, decoded.
        name: the signal's name, for the log.

    Returns:
        None where it cannot be read: the log names the fields, never their values.
    """
    if len(inputs) != 1:
        _warn(name, f"it has {len(inputs)} inputs instead of one object")
        return None
    try:
        return kind.model_validate(inputs[0])
    except ValidationError as error:
        violations = error.errors(include_url=False, include_context=False, include_input=False)
        fields = dict.fromkeys(str(each["loc"][0]) for each in violations if each["loc"])
        invalid = ", ".join(fields)
        _warn(name, f"invalid or missing: {invalid}" if invalid else "its input is no object")
        return None


def pass_over(inputs: Sequence[object], name: str) -> None:
    """Log that a signal without inputs came with some."""
    if inputs:
        _warn(name, "it takes no input; the signal is heard without")


def _warn(name: str, violation: str) -> None:
    workflow.logger.warning("input of the signal %s cannot be used: %s", name, violation)
