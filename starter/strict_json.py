"""JSON as people write it by hand or export it: nothing of it may silently be lost."""

import json

from contracts.faults import InvalidRequestError


def loads(text: str) -> object:
    """What a JSON text says.

    Raises:
        InvalidRequestError: an object has a name twice, or a number is none.
        json.JSONDecodeError: it is no JSON.
        RecursionError: it is nested too deeply.
        ValueError: a number has more digits than Python converts.
    """
    return json.loads(text, object_pairs_hook=_without_repetition, parse_constant=_refuse_constant)


def _without_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object whose names stand once; of two values, one would silently be lost."""
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise InvalidRequestError(f"{name}: given twice in one object; remove one")
        found[name] = value
    return found


def _refuse_constant(name: str) -> object:
    raise InvalidRequestError(f"{name} is no JSON number; write a number or null")
