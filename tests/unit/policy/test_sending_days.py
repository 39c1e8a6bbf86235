from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madan_sara.contracts.settings import OrchestratorSettings, QuietHours
from madan_sara.policy.sending_days import days_left, part_inside, weekday_habits
from tests.unit.policy.builders import campaign

#: A Monday.
START = datetime(2026, 11, 2, tzinfo=UTC)
FIRST = START.date()
END = START + timedelta(days=28)
AWAKE = OrchestratorSettings(quiet_hours=None)
OFFICE = OrchestratorSettings.model_validate(
    {"quiet_hours": QuietHours.model_validate({"start": "12:00", "end": "13:00"})}
)


def of(**changes):
    return campaign(start_date=START, end_date=END, **changes)


def sent(days: int, *, without: tuple[int, ...] = ()) -> dict[date, int]:
    """A hundred messages on each of the first days but some days of the week."""
    every = [FIRST + timedelta(days=number) for number in range(days)]
    return {day: 100 for day in every if day.weekday() not in without}


@pytest.mark.parametrize(
    ("rules", "start", "end", "part"),
    [
        (AWAKE, 0, 24, 1),
        (AWAKE, 6, 24, 0.75),
        (AWAKE, 6, 12, 0.25),
        (None, 0, 24, 1),  # 08:00 to 21:00
        (None, 14.5, 24, 0.5),
        (None, 22, 24, 0),
        (None, 0, 8, 0),
        (OFFICE, 0, 12, 12 / 23),
        (OFFICE, 12.5, 13.5, 0.5 / 23),
    ],
)
def test_a_day_counts_by_its_allowed_hours(rules, start, end, part):
    begins = campaign(start_date=START + timedelta(hours=start), settings=rules)
    assert part_inside(begins, FIRST, START + timedelta(hours=end)) == pytest.approx(part)


def test_days_before_the_start_and_after_the_end_count_nothing():
    assert part_inside(of(), FIRST - timedelta(days=1), END) == 0
    assert part_inside(of(), END.date(), END) == 0


def test_days_are_the_campaigns_own():
    tokyo = of(timezone="Asia/Tokyo", settings=AWAKE)
    # The campaign begins at 09:00 in Tokyo.
    assert part_inside(tokyo, FIRST, END) == pytest.approx(15 / 24)


def test_days_left():
    left = days_left(of(), FIRST + timedelta(days=7), END, sent(7))
    assert (left.today, left.today_by_habit, left.later) == (1, 1, 20)
    last = days_left(of(), FIRST + timedelta(days=27), END, sent(27))
    assert (last.today, last.later) == (1, 0)
    over = days_left(of(), FIRST + timedelta(days=30), END, {})
    assert (over.today, over.later) == (0, 0)


def test_a_last_day_of_minutes_counts_by_them():
    left = days_left(of(), FIRST, START + timedelta(days=1, hours=8, minutes=39), {})
    assert left.later == pytest.approx(0.05)


def test_a_day_of_the_week_without_sends_is_not_counted_on():
    on_friday = FIRST + timedelta(days=18)
    left = days_left(of(), on_friday, END, sent(18, without=(5, 6)))
    assert left.later == 5
    on_saturday = days_left(of(), FIRST + timedelta(days=19), END, sent(19, without=(5, 6)))
    assert (on_saturday.today, on_saturday.today_by_habit) == (1, 0)


def test_one_lost_day_is_no_habit():
    for lost in range(5):
        assert weekday_habits(of(), FIRST + timedelta(days=6), sent(6, without=(lost,))) == [1] * 7


def test_a_habit_follows_the_latest_weeks():
    booked = sent(14, without=(2,)) | {FIRST + timedelta(days=16): 100}
    assert weekday_habits(of(), FIRST + timedelta(days=17), booked)[2] == pytest.approx(1 / 3)


def test_next_to_nothing_is_nothing():
    booked = sent(14, without=(6,)) | {FIRST + timedelta(days=6): 2, FIRST + timedelta(days=13): 3}
    assert weekday_habits(of(), FIRST + timedelta(days=14), booked) == [1, 1, 1, 1, 1, 1, 0]


@pytest.mark.parametrize("last_before", [0, 3, 9])
def test_a_pause_is_no_habit(last_before):
    paused = sent(last_before) | {FIRST + timedelta(days=24): 100}
    assert weekday_habits(of(), FIRST + timedelta(days=25), paused) == [1] * 7


@given(
    st.dictionaries(st.integers(0, 60), st.integers(0, 500)), st.integers(0, 60), st.integers(1, 90)
)
def test_days_are_never_more_than_the_calendar_has(counts, today, duration):
    end = START + timedelta(days=duration)
    booked = {FIRST + timedelta(days=day): count for day, count in counts.items() if day < today}
    left = days_left(of(), FIRST + timedelta(days=today), end, booked)
    assert 0 <= left.today_by_habit <= left.today <= 1
    assert 0 <= left.later <= max(duration - today - 1, 0)


def test_an_end_in_another_century_is_counted_by_weeks():
    far = datetime(9999, 12, 30, tzinfo=UTC)
    left = days_left(of(), FIRST, far, {})
    assert left.later == (far.date() - FIRST).days - 1
