"""Documents in rows, read back into the models they were written from."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

M = TypeVar("M", bound=BaseModel)


class UnreadableRowError(Exception):
    """A row cannot be read by this version; names the fields, and no value."""


def read_stored(model: type[M], document: str, *, context: Mapping[str, object] | None = None) -> M:
    """A model from a row's JSON.

    Args:
        model: what it was written from.
        document: the JSON.
        context: pydantic's, where the model reads what is stored in its own way.

    Raises:
        UnreadableRowError: it is no such model.
    """
    try:
        return model.model_validate_json(document, context=context)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        faults = [".".join([model.__name__, *map(str, f["loc"])]) + f": {f['type']}" for f in found]
    raise UnreadableRowError(f"a stored row cannot be read: {'; '.join(faults)}")
