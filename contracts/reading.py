"""Plain values as their types, or their violations in one line."""

from datetime import UTC, datetime
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from madan_sara.contracts.base import Instant
from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.contracts.violations import one_line

T = TypeVar("T")


def read(kind: type[T] | TypeAdapter[T], value: object, field: str) -> T:
    """A value as its type: `"email"` as a channel, a dict as a profile.

    Args:
        kind: the wanted type, or how pydantic is to validate it.
        value: as the caller has it; a value of that type stays as it is.
        field: name of the argument, for the violation.

    Raises:
        InvalidRequestError: every violation, each naming its field, in one line.
    """
    adapter = kind if isinstance(kind, TypeAdapter) else TypeAdapter(kind)
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise InvalidRequestError(one_line(error, root=field)) from None


def read_moment(value: object, field: str) -> datetime:
    """An instant, or the present where none is given.

    Raises:
        InvalidRequestError: it is no instant.
    """
    return datetime.now(UTC) if value is None else read(Instant, value, field)


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
