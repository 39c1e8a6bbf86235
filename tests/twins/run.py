"""Runs of the machine."""

import asyncio
from collections import Counter

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from madan_sara.persistence.database import Database
from tests.twins.machine import TwinsMachine
from tests.twins.world import World

#: Calls of one run: later ones meet the more, and cost the more to make short.
_STEPS = 50


def drive_twins(dsn: str, *, examples: int, is_repeatable: bool) -> Counter[str]:
    """Drive worlds until two stores differ.

    Args:
        dsn: the database, with its schema.
        examples: how many worlds.
        is_repeatable: whether the same calls are made each time.

    Returns:
        How often each method of a port was called.

    Raises:
        TwinsDifferError: two stores differ; the calls that lead there are printed.
    """
    asked = Counter[str]()
    # Given how to make its loop, it leaves that of the tests around it alone.
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        database = Database(dsn)

        class Machine(TwinsMachine):
            def __init__(self) -> None:
                super().__init__(runner, World(database, lambda method: asked.update([method])))

        try:
            run_state_machine_as_test(
                Machine,
                settings=settings(
                    max_examples=examples,
                    stateful_step_count=_STEPS,
                    derandomize=is_repeatable,
                    database=None,
                    deadline=None,
                    phases=[Phase.generate, Phase.shrink],
                    suppress_health_check=[HealthCheck.too_slow],
                ),
            )
        finally:
            runner.run(database.close())
    return asked
