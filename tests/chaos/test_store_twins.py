"""The simulation's stores and PostgreSQL's, asked the same for as long as one likes.

Run by hand: `EXAMPLES=5000 .venv/bin/python -m pytest -s tests/chaos/test_store_twins.py`, or with
all of `make chaos`. What differs is printed with the fewest calls that lead there.
"""

import os

import pytest

from tests.twins.run import drive_twins

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(0)]

EXAMPLES = int(os.environ.get("EXAMPLES", "500"))


def test_stores_in_memory_answer_as_those_in_postgresql(dsn):
    for method, times in drive_twins(dsn, examples=EXAMPLES, is_repeatable=False).most_common():
        print(f"{times:9,} {method}")
