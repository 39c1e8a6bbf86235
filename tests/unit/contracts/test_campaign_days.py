"""A day without a time is one of the campaign's calendar, and lies inside the campaign whole."""

from datetime import UTC, date, datetime, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.contracts.campaign_run import CommandInput, EndDateCommand, LimitsCommand
from madan_sara.contracts.instants import end_of_day, start_of_day
from madan_sara.contracts.violations import one_line
from madan_sara.policy.campaign_rules import campaign_violations
from tests.makers import make_campaign

ZONES = sorted(available_timezones() - {"Factory", "localtime"})
TICK = timedelta(microseconds=1)
DAYS = st.dates(date(2020, 1, 1), date(2060, 12, 31))


def haitian(**dates) -> OutreachCampaign:
    return make_campaign(uuid4(), timezone="America/Port-au-Prince", **dates)


@pytest.mark.parametrize("day", ["2036-01-31", "20360131", date(2036, 1, 31)])
def test_an_end_is_the_end_of_its_day_and_a_start_its_beginning(day):
    campaign = haitian(start_date=day, end_date=day)
    assert campaign.start_date == datetime(2036, 1, 31, 5, tzinfo=UTC)
    assert campaign.end_date == datetime(2036, 2, 1, 5, tzinfo=UTC)
    assert campaign_violations(campaign.resolved()) == []
    evening = datetime(2036, 1, 31, 23, 59, tzinfo=ZoneInfo("America/Port-au-Prince"))
    assert not campaign.resolved().is_over(evening)
    assert campaign.resolved().is_over(evening + timedelta(minutes=1))


def test_a_day_is_read_wherever_a_campaign_gets_its_dates():
    written = '{"name": "Carnival", "channels": ["sms"], "end_date": "2036-02-26", '
    from_json = OutreachCampaign.model_validate_json(
        written + '"timezone": "America/Port-au-Prince"}'
    )
    in_python = haitian(end_date=date(2036, 2, 26))
    changed = haitian()
    changed.end_date = date(2036, 2, 26)  # type: ignore[assignment] # as a caller may
    end = datetime(2036, 2, 27, 5, tzinfo=UTC)
    assert {c.end_date for c in (from_json, in_python, changed)} == {end}
    stored = OutreachCampaign.model_validate_json(in_python.model_dump_json())
    assert stored.end_date == end
    assert OutreachCampaign(name="x", channels=["sms"], start_date="2036-02-26").start_date == (
        datetime(2036, 2, 26, tzinfo=UTC)
    )


def test_a_time_is_read_as_it_is_written():
    at_noon = haitian(end_date="2036-01-31T12:00-05:00", start_date="2036-01-31T00:00")
    assert at_noon.end_date == datetime(2036, 1, 31, 17, tzinfo=UTC)
    assert at_noon.start_date == datetime(2036, 1, 31, tzinfo=UTC)


@pytest.mark.parametrize("command", [EndDateCommand, LimitsCommand])
def test_a_command_carries_a_day_to_where_the_zone_is_known(command):
    sent = command.model_validate_json(command(end_date="2036-01-31").model_dump_json())
    assert sent.end_date == date(2036, 1, 31)
    assert haitian().resolved().end_at(sent.end_date) == datetime(2036, 2, 1, 5, tzinfo=UTC)
    moment = datetime(2036, 1, 31, 12, tzinfo=UTC)
    sent = command.model_validate_json(command(end_date=moment).model_dump_json())
    assert haitian().resolved().end_at(sent.end_date) == moment
    assert CommandInput.model_fields["end_date"].annotation == (
        LimitsCommand.model_fields["end_date"].annotation
    )


@pytest.mark.parametrize(("field", "day"), [("end_date", "9999-12-31"), ("start_date", date.min)])
def test_a_day_beyond_the_calendar_is_refused_in_words(field, day):
    with pytest.raises(ValidationError) as refused:
        make_campaign(uuid4(), timezone="Asia/Tokyo", **{field: day})
    assert one_line(refused.value).startswith(f"{field}: is beyond the calendar in UTC; give ano")


def test_an_invalid_zone_is_the_violation_that_is_reported():
    with pytest.raises(ValidationError) as refused:
        make_campaign(uuid4(), timezone="Haiti/Jacmel", end_date="2036-01-31")
    assert one_line(refused.value).startswith("timezone: 'Haiti/Jacmel' is no IANA time zone")


@given(zone=st.sampled_from(ZONES), day=DAYS)
def test_a_day_is_all_that_its_zone_calls_by_its_date(zone, day):
    where = ZoneInfo(zone)
    start, end = start_of_day(day, where), end_of_day(day, where)
    assert start < end <= start + timedelta(hours=26)
    assert (start - TICK).astimezone(where).date() < day
    assert start.astimezone(where).date() == day == (end - TICK).astimezone(where).date()
    assert end.astimezone(where).date() > day


@pytest.mark.parametrize(
    ("zone", "day", "start", "hours"),
    [
        # The clock goes from 23:59 to 01:00: the day begins at one.
        ("America/Santiago", date(2026, 9, 6), datetime(2026, 9, 6, 4, tzinfo=UTC), 23),
        ("Africa/Cairo", date(2026, 4, 24), datetime(2026, 4, 23, 22, tzinfo=UTC), 23),
        ("Asia/Beirut", date(2026, 3, 29), datetime(2026, 3, 28, 22, tzinfo=UTC), 23),
        # Midnight comes twice: at one o'clock the clock goes back.
        ("America/Havana", date(2026, 11, 1), datetime(2026, 11, 1, 4, tzinfo=UTC), 25),
        ("America/New_York", date(2026, 11, 1), datetime(2026, 11, 1, 4, tzinfo=UTC), 25),
        ("America/New_York", date(2026, 3, 8), datetime(2026, 3, 8, 5, tzinfo=UTC), 23),
        ("Australia/Lord_Howe", date(2026, 10, 4), datetime(2026, 10, 3, 13, 30, tzinfo=UTC), 23.5),
    ],
)
def test_a_day_on_which_the_clock_changes_is_as_long_as_it_is(zone, day, start, hours):
    campaign = make_campaign(uuid4(), timezone=zone, start_date=day, end_date=day)
    assert campaign.start_date == start
    assert campaign.end_date == start + timedelta(hours=hours)
