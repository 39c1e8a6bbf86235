"""Plain values as what they stand for, or what is wrong with them in one line."""

from functools import lru_cache
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from contracts.faults import InvalidRequestError, one_line

T = TypeVar("T")


def read(kind: type[T], value: object, field: str) -> T:
    """A value as what it stands for: `"email"` as a channel, a dict as a profile.

    Args:
        kind: what it is to be; a model or anything pydantic can validate.
        value: as the caller has it; what is of that kind already stays as it is.
        field: name of the argument, for the fault.

    Raises:
        InvalidRequestError: every fault, each naming its field, in one line.
    """
    try:
        return _adapter(kind).validate_python(value)
    except ValidationError as error:
        raise InvalidRequestError(one_line(error, root=field)) from None


def require(kind: type[T], value: object, field: str) -> T:
    """A value that has no plain form.

    Raises:
        InvalidRequestError: it is of another kind.
    """
    if not isinstance(value, kind):
        raise InvalidRequestError(
            f"{field}: must be an {kind.__name__}, not {type(value).__name__}"
        )
    return value


@lru_cache(maxsize=64)
def _adapter(kind: type[T]) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
