"""Documents in rows, read back into their models."""

from collections.abc import Mapping
from functools import cache
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from madan_sara.contracts.errors import UnreadableRowError

M = TypeVar("M", bound=BaseModel)


def read_stored(model: type[M], document: str, *, context: Mapping[str, object] | None = None) -> M:
    """A model from a row's JSON.

    Args:
        model: the model it was written from.
        document: the JSON.
        context: pydantic's, where the model reads stored documents in its own way.

    Raises:
        UnreadableRowError: it is no such model.
    """
    try:
        return model.model_validate_json(document, context=context)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        violations = [f"{_location(model, violation)}: {violation['type']}" for violation in found]
    raise UnreadableRowError("a stored row", "; ".join(violations))


def _location(model: type[BaseModel], violation: ErrorDetails) -> str:
    """The path of a violation, by the names of fields.

    A key of a mapping is left out: it is a value, such as the name of a person's attribute. A
    field that is not known here is one of another version.
    """
    known = _names_of_fields(model)
    *through, last = violation["loc"] or ("",)
    steps = [step if isinstance(step, int) or step in known else "?" for step in through]
    is_named = isinstance(last, int) or last in known or violation["type"] == "extra_forbidden"
    return ".".join(map(str, [model.__name__, *steps, last if is_named else "?"]))


@cache
def _names_of_fields(model: type[BaseModel]) -> frozenset[str]:
    """The names of a model's fields, and of the models in it."""
    schema = model.model_json_schema()
    models = [schema, *schema.get("$defs", {}).values()]
    return frozenset(name for each in models for name in each.get("properties", {}))
