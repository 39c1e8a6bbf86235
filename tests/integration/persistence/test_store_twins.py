"""The simulation's stores answer as PostgreSQL does, and every method of theirs is asked.

The long run is `tests/chaos/test_store_twins.py`.
"""

from tests.twins.run import drive_twins


def test_stores_in_memory_answer_as_postgresql(dsn):
    asked = drive_twins(dsn, examples=30, is_repeatable=True)
    print(asked)
