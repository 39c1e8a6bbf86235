"""Whether a run left the books in order."""

from dataclasses import dataclass

from sqlalchemy import text

from madan_sara.persistence.database import Database

# What every account should hold by its entries, against what it holds.
_UNBALANCED = text("""
SELECT count(*)
  FROM budget_accounts a
  LEFT JOIN LATERAL (
       SELECT sum(CASE e.kind WHEN 'hold' THEN e.amount_micros ELSE -e.amount_micros END) AS held,
              sum(e.amount_micros) FILTER (WHERE e.kind = 'settle') AS spent,
              sum(CASE e.kind WHEN 'hold' THEN 1 WHEN 'release' THEN -1 ELSE 0 END) AS messages
         FROM budget_entries e
        WHERE (e.tenant_id, e.campaign_id) = (a.tenant_id, a.campaign_id)
          AND (a.scope, a.key) IN (('campaign', ''), ('channel', e.channel),
                                   ('day', e.day::text))) e ON true
 WHERE (a.held_micros, a.spent_micros, a.message_count)
       IS DISTINCT FROM (coalesce(e.held, 0), coalesce(e.spent, 0), coalesce(e.messages, 0))
""")

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


@dataclass(frozen=True)
class Books:
    """What the database says about every message of a run."""

    stored: int
    scheduled: int
    sent: int
    #: Attempts a provider took.
    accepted: int
    held_micros: int
    spent_micros: int


async def read_books(database: Database) -> Books:
    """Count messages and money.

    Raises:
        AssertionError: an account differs from the sum of its entries.
    """
    async with database.statement() as connection:
        unbalanced = (await connection.execute(_UNBALANCED)).scalar_one()
        row = (await connection.execute(_MESSAGES)).mappings().one()
    assert unbalanced == 0, f"{unbalanced} accounts differ from the sum of their entries"
    return Books(**row)
