"""Instants and local times are read as they are written, or not at all."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from madan_sara.cli.request_file import parse_instant
from madan_sara.contracts.base import Instant, LocalTime
from madan_sara.contracts.campaign import OptimalTimes
from madan_sara.contracts.outreach import RescheduleInput
from madan_sara.contracts.settings import QuietHours
from madan_sara.contracts.violations import one_line


class Moment(BaseModel):
    at: Instant


class Clock(BaseModel):
    at: LocalTime | None


def refusal(model: type[BaseModel], **fields: Any) -> str:
    with pytest.raises(ValidationError) as refused:
        model.model_validate(fields)
    return one_line(refused.value)


@pytest.mark.parametrize(
    "written",
    ["2027-01-01T00:00", "2027-01-01T00:00Z", "20270101T000000Z", "2026-12-31T19:00-05:00"],
)
def test_an_instant_in_a_file_is_the_one_on_the_command_line(written):
    assert Moment.model_validate({"at": written}).at == datetime(2027, 1, 1, tzinfo=UTC)
    assert Moment.model_validate({"at": parse_instant(written, "END")}).at.year == 2027


def test_an_instant_may_be_one_of_python():
    haiti = timezone(timedelta(hours=-5))
    moment = datetime(2026, 12, 31, 19, tzinfo=haiti)
    assert Moment.model_validate({"at": moment}).at == datetime(2027, 1, 1, tzinfo=UTC)
    stored = Moment(at=datetime(2027, 1, 1, 2, 3, 4, 567, tzinfo=UTC))
    assert Moment.model_validate_json(stored.model_dump_json()) == stored


@pytest.mark.parametrize("day", [date(2027, 1, 1), "2027-01-01", "20270101", " 2026-W53-5"])
def test_a_day_is_no_instant(day):
    said = "at: is a day without a time; write it like 2027-01-01T09:30:00-05:00"
    assert refusal(Moment, at=day).startswith(said)
    assert refusal(RescheduleInput, at=day).startswith(said)


@pytest.mark.parametrize("value", [5, 1.5, True, "5", "1798761600", "soon", "", None, "\ud800"])
def test_an_invalid_instant_is_refused_in_words(value):
    assert refusal(Moment, at=value).startswith("at: is no ISO 8601 time; write it like 2030-05-01")


def test_a_local_time_is_a_wall_clocks():
    for value in ("21:00", "21:00:00", time(21)):
        assert Clock.model_validate({"at": value}).at == time(21)
    stored = Clock(at=time(21, 0, 5, 25))
    assert Clock.model_validate_json(stored.model_dump_json()) == stored
    assert Clock.model_validate({"at": None}).at is None


@pytest.mark.parametrize(
    "value", ["10:00-05:00", "10:00Z", 36000, "36000", "10", "soon", True, time(10, tzinfo=UTC)]
)
def test_an_invalid_local_time_is_refused_in_words(value):
    said = "is no local time; write it without an offset, like 21:00"
    assert refusal(Clock, at=value).startswith(f"at: {said}")
    assert refusal(OptimalTimes, weekday="10:00", weekend=value).startswith(f"weekend: {said}")
    assert refusal(QuietHours, start=value).startswith(f"start: {said}")


def test_a_time_no_clock_shows_is_refused():
    assert refusal(Clock, at="25:00").startswith("at: ")
