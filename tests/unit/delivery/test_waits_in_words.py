"""How long a server asks to wait."""

from datetime import timedelta

import pytest

from madan_sara.delivery.waits_in_words import parse_wait


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("try again in 300 seconds", 300),
        ("please retry in 5 minutes", 300),
        ("greylisted for 00:04:32", 272),
        ("please come back in 04:59:59 (see the manual)", 17999),
        ("greylisted for 5 min", 300),
        ("try again after 1 hour and 30 minutes", 5400),
        ("please wait 45s before retrying", 45),
        ("retry after 2 hours", 7200),
        ("deferred for 90 secs", 90),
        ("try again in 3 days", 86400),
        ("try again in 999999999 days and 999999999 days", 86400),
    ],
)
def test_a_wait_is_read(words, seconds):
    assert parse_wait(words) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "words",
    [
        "",
        "try again later",
        "try again in 0 seconds",
        "limit of 100 messages in 60 minutes exceeded",
        "try again later. not more than 20 connections in 60 seconds",
        "try again later (limit 300 in 24 hours)",
        "try again after 10:00:00 utc",
        "try again in 10:00:00 gmt",
        "try again in 99999999999 seconds",
        "retry 5",
        "session timed out after 30 seconds",
    ],
)
def test_unclear_words_are_no_wait(words):
    assert parse_wait(words) is None
