"""The worker's log."""

import io
import logging
import re
from collections.abc import Iterator

import pytest
from temporalio.exceptions import ApplicationError

from madan_sara.worker.log import set_up_logging

_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (?:WARNING|ERROR) madan-sara: .*")


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    for handler in before:  # pytest's own; replaced for good otherwise.
        root.removeHandler(handler)
    stream = io.StringIO()
    set_up_logging(stream)
    yield stream
    for handler in root.handlers[:]:
        root.removeHandler(handler)
    for handler in before:
        root.addHandler(handler)
    root.setLevel(level)


def _fail(error: Exception) -> None:
    try:
        raise error
    except type(error):
        logging.getLogger("madan-sara").warning("it failed", exc_info=True)


@pytest.mark.parametrize(
    "error",
    [
        ApplicationError("smtp at mail.example.org:587 is misconfigured\n2030-01-01 forged"),
        ConnectionRefusedError("nobody listens \x1b[2J"),
    ],
)
def test_what_is_not_our_violation_is_one_line_with_its_time(log, error):
    _fail(error)
    (line,) = log.getvalue().splitlines()
    assert _LINE.fullmatch(line)
    assert str(error).split("\n")[0].split("\x1b")[0] in line
    assert line.isprintable()


def test_what_may_be_our_violation_has_its_traceback(log):
    _fail(KeyError("plan"))
    first, *traceback = log.getvalue().splitlines()
    assert _LINE.fullmatch(first)
    assert traceback[0] == "Traceback (most recent call last):"


def test_set_up_again_it_still_writes_each_event_once(log):
    again = io.StringIO()
    set_up_logging(again)
    logging.getLogger("madan-sara").warning("once")
    assert log.getvalue() == ""
    assert len(again.getvalue().splitlines()) == 1
