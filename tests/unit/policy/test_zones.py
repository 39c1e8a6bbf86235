import operator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madan_sara.contracts.decision import ZoneSource
from madan_sara.contracts.settings import OrchestratorSettings, QuietHours
from madan_sara.policy.zones import choose_zone, is_allowed, localize, next_allowed, resolve_zone
from tests.unit.policy.builders import campaign, profile

NEW_YORK = ZoneInfo("America/New_York")
ZONES = sorted(available_timezones() - {"Factory", "localtime"})
#: Zones with unusual clocks: changes at midnight, by half an hour, by two hours, every Ramadan.
UNUSUAL = [
    "Africa/Cairo",
    "Asia/Beirut",
    "America/Asuncion",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "Africa/Casablanca",
    "America/Nuuk",
    "America/New_York",
]
zones = st.sampled_from(UNUSUAL) | st.sampled_from(ZONES)
walls = st.times().map(lambda wall: wall.replace(second=0, microsecond=0))


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    found = moment.astimezone(zone).utcoffset()
    assert found is not None
    return found


def clock_changes(name: str) -> list[datetime]:
    """Instants from 2024 to 2030 around which the zone's offset changes, to the hour."""
    zone, moment = ZoneInfo(name), utc(2024, 1, 1)
    found: list[datetime] = []
    while moment.year <= 2030:
        following = moment + timedelta(days=7)
        if offset(moment, zone) != offset(following, zone):
            found.append(
                next(
                    hour
                    for hour in (moment + timedelta(hours=count) for count in range(170))
                    if offset(hour, zone) != offset(moment, zone)
                )
            )
        moment = following
    return found


_changes: dict[str, list[datetime]] = {}


@st.composite
def moments_in_zones(draw: st.DrawFn) -> tuple[str, datetime]:
    """A zone and an instant in it, mostly within a day of a change of its clocks."""
    name = draw(zones)
    if name not in _changes:
        _changes[name] = clock_changes(name)
    somewhere = st.integers(0, 7 * 365 * 24 * 60).map(
        lambda minutes: utc(2024, 1, 1) + timedelta(minutes=minutes)
    )
    near = st.timedeltas(timedelta(hours=-26), timedelta(hours=26))
    around = [st.builds(operator.add, st.just(change), near) for change in _changes[name]]
    return name, draw(st.one_of(*around, somewhere))


quiet_hours = (
    st.tuples(walls, walls)
    .filter(lambda ends: ends[0] != ends[1])
    .map(lambda ends: QuietHours(start=ends[0], end=ends[1]))
)


def test_gap_shifts_forward():
    assert localize(date(2026, 3, 8), time(2, 30), NEW_YORK) == utc(2026, 3, 8, 7, 30)
    assert localize(date(2026, 3, 8), time(2, 30), NEW_YORK).astimezone(NEW_YORK).time() == time(
        3, 30
    )


def test_fold_takes_the_first_reading():
    first = localize(date(2026, 11, 1), time(1, 30), NEW_YORK)
    assert first == localize(date(2026, 11, 1), time(1, 30, fold=1), NEW_YORK)
    assert first == utc(2026, 11, 1, 5, 30)


@given(moments_in_zones(), walls)
@settings(max_examples=100, deadline=None)
def test_localized_time_reads_as_asked_or_lies_behind_a_gap(where, wall):
    name, moment = where
    zone = ZoneInfo(name)
    day = moment.astimezone(zone).date()
    at = localize(day, wall, zone)
    assert at.tzinfo is UTC
    asked, shown = datetime.combine(day, wall), at.astimezone(zone).replace(tzinfo=None)
    assert shown >= asked
    if shown != asked:
        just_before = (at - (shown - asked) - timedelta(seconds=1)).astimezone(zone)
        assert offset(at, zone) - offset(just_before, zone) == shown - asked
    else:
        earlier = at - timedelta(hours=2)
        readings = (
            (earlier + timedelta(minutes=m)).astimezone(zone).replace(tzinfo=None)
            for m in range(120)
        )
        assert asked not in readings


def test_quiet_hours_include_their_start_but_not_their_end():
    quiet = QuietHours()
    assert not is_allowed(utc(2026, 11, 24, 21, 0), ZoneInfo("UTC"), quiet)
    assert is_allowed(utc(2026, 11, 24, 20, 59), ZoneInfo("UTC"), quiet)
    assert is_allowed(utc(2026, 11, 24, 8, 0), ZoneInfo("UTC"), quiet)
    assert is_allowed(utc(2026, 11, 24, 3, 0), ZoneInfo("UTC"), None)


@pytest.mark.parametrize(
    ("moment", "quiet", "expected"),
    [
        # The end lies in the gap: the clock passes it when it jumps from 02:00 to 03:00.
        (utc(2026, 3, 8, 5), ("22:00", "02:30"), utc(2026, 3, 8, 7)),
        # In the second reading of 01:10, the end is the second reading of 01:30.
        (utc(2026, 11, 1, 6, 10), ("22:00", "01:30"), utc(2026, 11, 1, 6, 30)),
        # The clock is put back out of quiet hours that have just begun.
        (utc(2026, 11, 1, 5, 40), ("01:30", "08:00"), utc(2026, 11, 1, 6)),
    ],
)
def test_quiet_hours_end_where_clocks_change(moment, quiet, expected):
    hours = QuietHours(start=time.fromisoformat(quiet[0]), end=time.fromisoformat(quiet[1]))
    assert next_allowed(moment, NEW_YORK, hours) == expected


def test_a_gap_can_swallow_all_the_allowed_minutes_of_a_day():
    hours = QuietHours(start=time(3), end=time(2, 30))
    assert next_allowed(utc(2026, 3, 7, 8, 10), NEW_YORK, hours) == utc(2026, 3, 9, 6, 30)


@given(moments_in_zones(), quiet_hours)
@settings(max_examples=150, deadline=None)
def test_next_allowed_is_the_first_moment_outside_quiet_hours(where, quiet):
    name, moment = where
    zone = ZoneInfo(name)
    at = next_allowed(moment, zone, quiet)
    assert at >= moment
    assert is_allowed(at, zone, quiet)
    minutes = int((at - moment) / timedelta(minutes=1))
    tried = [moment, *(at - timedelta(minutes=back) for back in range(1, minutes, 3))]
    last_second = at - timedelta(seconds=1)
    if at > moment:
        assert not any(
            is_allowed(earlier, zone, quiet)
            for earlier in [*tried, last_second]
            if moment <= earlier < at
        )


def test_without_quiet_hours_every_moment_is_allowed():
    moment = utc(2026, 1, 1, 3)
    assert next_allowed(moment.astimezone(NEW_YORK), NEW_YORK, None) == moment


@pytest.mark.parametrize(
    ("recipient", "of_campaign", "respects", "expected"),
    [
        ("Asia/Tokyo", "Europe/Paris", True, ("Asia/Tokyo", ZoneSource.RECIPIENT)),
        ("Asia/Tokyo", "Europe/Paris", False, ("Europe/Paris", ZoneSource.CAMPAIGN)),
        (None, "Europe/Paris", True, ("Europe/Paris", ZoneSource.CAMPAIGN)),
        (None, None, True, ("UTC", ZoneSource.UTC)),
        ("Asia/Tokyo", None, False, ("UTC", ZoneSource.UTC)),
    ],
)
def test_whose_zone_counts(recipient, of_campaign, respects, expected):
    zone, name, source = resolve_zone(
        campaign(timezone=of_campaign),
        OrchestratorSettings(respect_timezones=respects),
        profile(timezone=recipient),
    )
    assert (name, source) == expected
    assert zone.key == name


@pytest.mark.parametrize("unknown", ["Mars/Olympus", "../etc/passwd", "America"])
def test_an_unknown_zone_falls_through_and_is_noted(unknown):
    traveller = profile().model_copy(update={"timezone": unknown})
    settled = campaign(timezone="Europe/Paris")
    choice = choose_zone(settled, OrchestratorSettings(), traveller)
    assert choice.source is ZoneSource.CAMPAIGN
    assert choice.notes == (
        f"the recipient's zone {unknown!r} is unknown here; used the campaign's",
    )
    choice = choose_zone(campaign(), OrchestratorSettings(), traveller)
    assert choice.notes == (f"the recipient's zone {unknown!r} is unknown here; used UTC",)
