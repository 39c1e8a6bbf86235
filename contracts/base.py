"""Base model and field types shared by every contract."""

import re
from datetime import UTC, date, datetime, time
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints

#: Longest body of one channel's content, in characters. An e-mail client clips
#: far earlier; anything longer is a mistake upstream.
MAX_BODY_CHARACTERS: Final = 200_000

_WALL_CLOCK: Final = re.compile(r"\d\d:\d\d(:\d\d(\.\d{1,6})?)?", re.ASCII)


class Contract(BaseModel):
    """A message of ours: immutable.

    Unknown fields are passed over, so that a worker can read what a newer one has
    written with a field more.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)


class ClosedContract(Contract):
    """Input from outside, where an unknown field is a mistake.

    One that was made past its checks (`model_copy`, `model_construct`) is checked where it is used.
    Read back from a row it is as open as any contract; see `persistence/stored.py`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, revalidate_instances="always")


def _refuse_nul(text: str) -> str:
    if "\x00" in text:
        raise ValueError("contains a NUL character, which PostgreSQL cannot store; remove it")
    return text


def as_day(value: object) -> date | None:
    """A day without a time, as an object or in ISO 8601; None: it is something else."""
    if isinstance(value, str):
        try:
            return date.fromisoformat(value.strip())
        except ValueError:
            return None
    return value if isinstance(value, date) and not isinstance(value, datetime) else None


def _as_moment(value: object) -> datetime:
    """Read ISO 8601 and nothing else: pydantic would take bare digits for a Unix time."""
    if (day := as_day(value)) is not None:
        raise ValueError(f"is a day without a time; write it like {day}T09:30:00-05:00")
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        moment = None
    if not isinstance(moment, datetime):
        raise ValueError("is no ISO 8601 time; write it like 2030-05-01T09:30:00-05:00")  # noqa: TRY004 - pydantic's way
    return moment


def _as_local_time(value: object) -> object:
    """Read a wall-clock time; one with an offset is another clock's."""
    is_local = isinstance(value, time) and value.tzinfo is None
    if not is_local and not (isinstance(value, str) and _WALL_CLOCK.fullmatch(value)):
        raise ValueError("is no local time; write it without an offset, like 21:00")
    return value


def _as_utc(moment: datetime) -> datetime:
    """Read a naive instant as UTC and move an aware one there."""
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is beyond the calendar in UTC; give another time") from None


def _as_moment_or_day(value: object) -> object:
    day = as_day(value)
    return _as_utc(_as_moment(value)) if day is None else day


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
Instant = Annotated[datetime, BeforeValidator(_as_moment), AfterValidator(_as_utc)]
#: An instant, or a day of a calendar that is known where it is used.
InstantOrDay = Annotated[Instant | date, BeforeValidator(_as_moment_or_day)]
#: A time on the wall clock of the person it is about.
LocalTime = Annotated[time, BeforeValidator(_as_local_time)]
#: Put before a number type that must not accept booleans.
NotBool = BeforeValidator(_refuse_bool)
