"""Whether a run left its messages and its money in order."""

import asyncio
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text

from madan_sara.contracts.outreach import OutreachState
from madan_sara.devstack.checks.records import read_ledger
from madan_sara.persistence.database import Database
from madan_sara.policy.ledger import discrepancies

_MESSAGES = text("""
SELECT count(*) AS stored,
       count(*) FILTER (WHERE state = 'scheduled') AS scheduled,
       count(*) FILTER (WHERE state = 'sent') AS sent,
       (SELECT count(*) FROM attempts WHERE state = 'accepted') AS accepted,
       (SELECT coalesce(sum(held_micros), 0)::bigint FROM budget_accounts
         WHERE scope = 'campaign') AS held_micros,
       (SELECT coalesce(sum(spent_micros), 0)::bigint FROM budget_accounts
         WHERE scope = 'campaign') AS spent_micros
  FROM messages
""")

_IN_STATE = text("""
SELECT count(*) FROM messages WHERE state = :state AND recipient_id LIKE :recipients
""")
_LOOK_SECONDS: Final = 0.25


@dataclass(frozen=True)
class RunTotals:
    """The rows of every message of a run."""

    stored: int
    scheduled: int
    sent: int
    #: Attempts a provider took.
    accepted: int
    held_micros: int
    spent_micros: int


async def read_totals(database: Database) -> RunTotals:
    """Count messages and money.

    Raises:
        AssertionError: an account differs from the sum of its entries.
    """
    unbalanced = list(discrepancies(*await read_ledger(database)))
    async with database.statement() as connection:
        row = (await connection.execute(_MESSAGES)).mappings().one()
    assert not unbalanced, f"accounts differ from the sum of their entries: {unbalanced}"
    return RunTotals(**row)


async def wait_for_messages(
    database: Database, messages: int, state: OutreachState, *, label: str = ""
) -> None:
    """Wait until so many are in a state, of those whose recipients' ids begin with a label."""
    parameters = {"state": state, "recipients": f"{label}%"}
    seen = 0
    while seen < messages:
        await asyncio.sleep(_LOOK_SECONDS)
        async with database.statement() as connection:
            seen = (await connection.execute(_IN_STATE, parameters)).scalar_one()
