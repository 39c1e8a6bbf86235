"""Plain values as their types, or their violations in one line."""

from datetime import UTC, datetime
from typing import Final, TypeVar

from pydantic import TypeAdapter, ValidationError

from madan_sara.contracts.base import Instant
from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.contracts.violations import refusal

T = TypeVar("T")

#: A decision looks back and ahead of its instant, by months at most.
_EARLIEST: Final = datetime(2, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(9998, 12, 31, tzinfo=UTC)


def read(kind: type[T] | TypeAdapter[T], value: object, field: str) -> T:
    """A value as its type: `"email"` as a channel, a dict as a profile.

    Args:
        kind: what it is to be: a type, or how pydantic is to validate it.
        value: as the caller has it; a contract is checked again, as its copies are not.
        field: name of the argument, for the violation.

    Raises:
        InvalidRequestError: every violation, each naming its field, in one line.
    """
    adapter = kind if isinstance(kind, TypeAdapter) else TypeAdapter(kind)
    try:
        return adapter.validate_python(value)
    except (ValidationError, RecursionError) as error:
        raise InvalidRequestError(refusal(error, root=field)) from None


def read_moment(value: object, field: str) -> datetime:
    """An instant to decide at, or the present where none is given.

    Raises:
        InvalidRequestError: it is no instant, or there is no room around it.
    """
    if value is None:
        return datetime.now(UTC)
    moment = read(Instant, value, field)
    if not _EARLIEST <= moment <= _LATEST:
        raise InvalidRequestError(
            f"{field}: {moment.isoformat()} is at an end of the calendar; give another time"
        )
    return moment


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
