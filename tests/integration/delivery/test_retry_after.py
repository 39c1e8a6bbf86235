"""How long a provider asks to wait, as HTTP writes it."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madan_sara.delivery.retry_after import LONGEST_WAIT, parse_retry_after

_NOW = datetime(2025, 11, 3, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("0", timedelta(0)),
        (" 90 ", timedelta(seconds=90)),
        ("9" * 400, LONGEST_WAIT),
        (format_datetime(_NOW + timedelta(hours=1), usegmt=True), timedelta(hours=1)),
        (format_datetime(_NOW - timedelta(hours=1), usegmt=True), timedelta(0)),
        ("Mon, 03 Nov 2025 12:00:30 -0000", timedelta(seconds=30)),
        ("Mon, 03 Nov 2098 12:00:30 GMT", LONGEST_WAIT),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("٣", None),
        ("", None),
        ("Mon, 03 Nov 2025 12:00:30 +99999999999999999999", None),
        ("Mon, 03 Nov 99999 12:00:30 GMT", None),
        ("Mon, 03 Nov 2025 12:00:30 GMT" + " " * 100 + "x", None),
        ("Fri, 31 Dec 9999 23:59:59 -1200", LONGEST_WAIT),
        ("Mon, 01 Jan 0001 00:00:00 +1200", timedelta(0)),
    ],
)
def test_retry_after_in_seconds_and_as_a_date(header, expected):
    assert parse_retry_after(header, _NOW) == expected


_DATES = st.builds(
    lambda moment, zone: f"{format_datetime(moment.replace(tzinfo=UTC))[:-5]}{zone}",
    st.datetimes(),
    st.sampled_from(["GMT", "EST", ""]) | st.integers().map("{:+05d}".format),
)


@given(value=st.text() | st.integers().map(str) | _DATES)
def test_no_header_asks_for_more_than_a_day_or_for_less_than_nothing(value):
    wait = parse_retry_after(value, _NOW)
    assert wait is None or timedelta(0) <= wait <= LONGEST_WAIT
