"""The filters of message templates: paid for, bounded, and exact about numbers."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import Any, Final

from liquid.exceptions import OutputStreamLimitError
from liquid.filter import with_context

from madan_sara.contracts.base import MAX_BODY_CHARACTERS
from madan_sara.policy.template_values import (
    MAX_NUMBER,
    MissingField,
    ValueNotUsableError,
    as_date,
    number,
    require_pattern,
)
from madan_sara.policy.template_work import Spender, filter_price, grown_size, size_of

_Filter = Callable[..., Any]

#: `safe` would let a recipient's name through as HTML, `url_decode` a NUL character;
#: the Base64 filters have no use in a message.
_REMOVED_FILTERS: Final = (
    "safe",
    "url_decode",
    "base64_encode",
    "base64_decode",
    "base64_url_safe_encode",
    "base64_url_safe_decode",
)

#: Filters that calculate: their value and arguments are numbers.
_CALCULATING: Final = frozenset(
    {
        "abs",
        "at_least",
        "at_most",
        "ceil",
        "divided_by",
        "floor",
        "minus",
        "modulo",
        "plus",
        "round",
        "times",
    }
)
_MOST_DIGITS: Final = 30


def message_filters(standard: Mapping[str, _Filter]) -> dict[str, _Filter]:
    """Liquid's filters as messages may use them.

    Args:
        standard: Liquid's own, by name.
    """
    kept = {name: plain for name, plain in standard.items() if name not in _REMOVED_FILTERS}
    return {name: _bounded(name, plain) for name, plain in (kept | {"date": as_date}).items()}


def signature_of(used: _Filter) -> inspect.Signature:
    """A filter's signature: its arguments have positions, its options have names."""
    signature = inspect.signature(used)
    return signature.replace(
        parameters=[
            parameter.replace(kind=parameter.POSITIONAL_ONLY)
            if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
            else parameter
            for parameter in signature.parameters.values()
            if parameter.name != "environment"
        ]
    )


def require_arguments(name: str, arguments: Iterable[object]) -> None:
    """Refuse arguments that a filter cannot use with any value."""
    try:
        if name in _CALCULATING:
            _as_needed(name, [0, *arguments])
        elif name == "date":
            for pattern in arguments:
                require_pattern(pattern)
    except ValueNotUsableError as error:
        raise ValueNotUsableError(f"the filter {name!r} {error}") from None


def _bounded(name: str, plain: _Filter) -> _Filter:
    """A filter that is paid for, and refuses missing fields (save `default`) and large results."""

    @with_context
    @wraps(plain)
    def bounded(value: object, *arguments: object, context: Spender, **options: object) -> object:
        operands = [value, *arguments]
        context.spend(filter_price(name, operands))
        for operand in operands:
            if isinstance(operand, MissingField) and name != "default":
                str(operand)  # Raises; some filters would take it for 0.
        _require_fitting(grown_size(name, operands))
        try:
            result = plain(*_as_needed(name, operands), **options)
        except ValueNotUsableError as error:
            raise ValueNotUsableError(f"the filter {name!r} {error}") from None
        _require_fitting(size_of(result))
        if isinstance(result, int | float) and not abs(result) < MAX_NUMBER:
            raise OutputStreamLimitError("a filter makes a number too large", token=None)
        return result

    return bounded


def _as_needed(name: str, operands: Sequence[object]) -> list[Any]:
    """A filter's operands, as numbers where it calculates."""
    if name == "sum":
        (summed,) = operands  # Of a key of items there is none to sum.
        return [[number(item) for item in summed]] if isinstance(summed, list) else [number(summed)]
    if name not in _CALCULATING:
        return list(operands)
    numbers = [number(operand) for operand in operands]
    if name == "round" and not all(0 <= digits <= _MOST_DIGITS for digits in numbers[1:]):
        raise ValueNotUsableError(f"rounds to 0 to {_MOST_DIGITS} digits behind the point")
    return numbers


def _require_fitting(size: int) -> None:
    if size > MAX_BODY_CHARACTERS:
        raise OutputStreamLimitError("a filter makes something too large", token=None)
