"""Four processes of eight clients each hold, move, release, settle, claim, close and change limits.

Each writes down its calls; then it is proved that no grant passed a limit or a cap in the order
of commits, that this order is that of real time, and that each refusal was right at some instant
of its call. Rounds follow one another, each with campaigns and people of its own.

Run by hand: `.venv/bin/python -m pytest -s tests/chaos/test_ledger_history.py`, or with all of
`make chaos`. `OPERATIONS=1000000` makes the run long; `CHAOS_SEED` draws the same operations
again, which then meet in another way.
"""

import os
import random

import pytest

from tests.ledger_history.database import noting_database
from tests.ledger_history.run import run_rounds

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(0)]

OPERATIONS = int(os.environ.get("OPERATIONS", "60000"))
#: A small round keeps limits tight, as settled messages never give their room back.
PER_ROUND = 3_200


async def test_each_grant_and_each_refusal_is_right(postgres):
    seed = int(os.environ.get("CHAOS_SEED", random.randrange(10**6)))
    print(f"CHAOS_SEED={seed}")
    async with noting_database(postgres) as (database, dsn):
        findings = await run_rounds(
            database, dsn, operations=OPERATIONS, per_round=PER_ROUND, seed=seed
        )
    print(findings)
    assert not findings.violations, findings.first()
