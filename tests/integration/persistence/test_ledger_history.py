"""The ledger and the claims as the clients of four processes see them.

The long run is `tests/chaos/test_ledger_history.py`.
"""

from tests.ledger_history.database import noting_database
from tests.ledger_history.run import run_rounds


async def test_each_grant_and_each_refusal_is_right(postgres):
    async with noting_database(postgres) as (database, dsn):
        findings = await run_rounds(database, dsn, operations=640, per_round=640, seed=1)
    print(findings)
    assert not findings.violations, findings.first()
