"""JSON as people write it by hand or export it: no value may silently be lost."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.contracts.violations import listed

#: Python converts no more in one step, and no sender means as many.
_MOST_DIGITS: Final = 4_000


@dataclass(frozen=True)
class _Violation:
    """Stands for a value that cannot be taken as it is written."""

    reason: str


def loads(text: str) -> object:
    """The value of a JSON text.

    Raises:
        InvalidRequestError: an object has a name twice, or a number is none; each violation
            as `field: description`.
        json.JSONDecodeError: it is no JSON.
        RecursionError: it is nested too deeply.
    """
    found = []

    def violation(reason: str) -> _Violation:
        found.append(reason)
        return _Violation(reason)

    def constant(name: str) -> object:
        return violation(f"{name} is no JSON number; write a number or null")

    def whole_number(digits: str) -> object:
        if len(digits) > _MOST_DIGITS:
            return violation(f"a number of {len(digits)} digits; shorten it")
        return int(digits)

    def unrepeated(pairs: list[tuple[str, object]]) -> dict[str, object]:
        """An object whose names stand once; of two values, one would silently be lost."""
        said = dict(pairs)
        if len(said) < len(pairs):
            for name, times in Counter(name for name, _ in pairs).items():
                if times > 1:
                    said[name] = violation("given twice in one object; remove one")
        return said

    document = json.loads(
        text, object_pairs_hook=unrepeated, parse_constant=constant, parse_int=whole_number
    )
    if found:
        raise InvalidRequestError(listed(_violations(document)))
    return document


def _violations(value: object, path: str = "") -> Iterator[str]:
    """Every violation of a document with its path."""
    if isinstance(value, _Violation):
        yield f"{path}: {value.reason}" if path else value.reason
    elif isinstance(value, dict | list):
        for step, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _violations(inner, f"{path}.{step}" if path else str(step))
