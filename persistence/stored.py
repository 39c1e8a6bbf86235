"""Documents in rows, read back into the models they were written from."""

from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from madan_sara.contracts.errors import UnreadableRowError

M = TypeVar("M", bound=BaseModel)


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
    raise UnreadableRowError("a stored row", "; ".join(faults))
