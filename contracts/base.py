"""Base model and field types shared by every contract."""

from datetime import UTC, datetime
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints

#: Longest body of one channel's content, in characters. An e-mail client clips
#: far earlier; anything longer is a mistake upstream.
MAX_BODY_CHARACTERS: Final = 200_000


class Contract(BaseModel):
    """A message of ours: immutable.

    Unknown fields are passed over, so that a worker can read what a newer one has
    written with a field more.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)


class ClosedContract(Contract):
    """What comes from outside, where an unknown field is somebody's mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _refuse_nul(text: str) -> str:
    if "\x00" in text:
        raise ValueError("contains a NUL character, which PostgreSQL cannot store; remove it")
    return text


def _as_utc(moment: datetime) -> datetime:
    """Read a naive instant as UTC and move an aware one there."""
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is beyond the calendar in UTC; give another time") from None


def _refuse_bool(value: object) -> object:
    """Keep `true` out of number fields: Python would read it as 1."""
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")  # noqa: TRY004 - pydantic's way
    return value


#: One to 200 characters, no NUL: names, identifiers.
ShortText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, strip_whitespace=True),
    AfterValidator(_refuse_nul),
]
#: A message body.
BodyText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=MAX_BODY_CHARACTERS),
    AfterValidator(_refuse_nul),
]
#: An instant, always aware and in UTC.
Instant = Annotated[datetime, AfterValidator(_as_utc)]
#: Put before a number type that must not accept booleans.
NotBool = BeforeValidator(_refuse_bool)
