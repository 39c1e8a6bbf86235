"""Messages as they were asked for, and their ends, in PostgreSQL."""

import json
from typing import Final

from sqlalchemy import text

from madan_sara.activities.stores import StoredRequest
from madan_sara.contracts.errors import NotFoundError
from madan_sara.contracts.outreach import (
    AttemptUnderWay,
    Block,
    ConcludeInput,
    ConcludeResult,
    MessageRef,
)
from madan_sara.persistence.database import Database, Query
from madan_sara.persistence.ledger_sql import GIVE_BACK, LOCK_MESSAGE
from madan_sara.persistence.rows import REQUEST_COLUMNS, REQUEST_TABLES, request_from

_REQUEST = Query(f"""
SELECT {REQUEST_COLUMNS}
  FROM {REQUEST_TABLES}
 WHERE m.tenant_id = :tenant_id AND m.message_id = :message_id
""")  # noqa: S608 - built from constants of ours

_NOT_ENDED: Final = "m.state NOT IN ('sent', 'unknown', 'cancelled', 'failed', 'blocked')"

# One statement, so that no reader can see the hold gone and the claim still there; but not the
# one that may have waited for the message, which would not see the hold or the claim that the
# transaction before it took. A sent message is left alone: a late cancel must not undo what a
# person has already got. So is one that a provider may have: a task that was lost has handed it
# over, and its attempt ends first.
_CONCLUDE = text(f"""
WITH ended AS (
    UPDATE messages m
       SET state = :state, reason = :reason, details = CAST(:details AS jsonb),
           routing = coalesce(CAST(:routing AS jsonb), routing),
           finished_at = CAST(:now AS timestamptz)
     WHERE tenant_id = :tenant_id AND message_id = :message_id
       AND {_NOT_ENDED} AND generation = coalesce(CAST(:generation AS integer), generation)
       AND NOT EXISTS (SELECT FROM attempts a
                        WHERE a.tenant_id = :tenant_id AND a.message_id = :message_id
                          AND a.state = 'sending')
    RETURNING tenant_id, message_id
), {GIVE_BACK}
SELECT m.state, m.reason, a.attempt_no, a.channel
  FROM messages m
  LEFT JOIN attempts a
    ON (a.tenant_id, a.message_id) = (m.tenant_id, m.message_id) AND a.state = 'sending'
   AND {_NOT_ENDED}
 WHERE m.tenant_id = :tenant_id AND m.message_id = :message_id
   AND NOT EXISTS (SELECT FROM ended)
 ORDER BY a.attempt_no LIMIT 1
""")  # noqa: S608 - built from constants of ours


# As it was before its campaign started it: no claim, no decision, and out of the queue until a
# limit is raised. A message that money was held for once is never carried anew, as its attempts
# are counted from the first. One that was put back in this generation already stays as it is: it
# may be in the queue again, or with another run. A statement of its own, behind the lock: one that
# had waited would not see what the run before it did.
_PUT_BACK = text(f"""
WITH back AS (
    UPDATE messages m
       SET state = 'queued', reason = CAST(:reason AS text), details = CAST(:details AS jsonb),
           generation = generation + 1
     WHERE tenant_id = :tenant_id AND message_id = :message_id AND state = 'deciding'
       AND generation = :generation
       AND NOT EXISTS (SELECT FROM budget_entries e
                        WHERE (e.tenant_id, e.message_id) = (m.tenant_id, m.message_id))
    RETURNING tenant_id, campaign_id, message_id
), unclaimed AS (
    DELETE FROM recipient_claims r USING back
     WHERE (r.tenant_id, r.message_id) = (back.tenant_id, back.message_id)
), unqueued AS (
    DELETE FROM campaign_queue q USING back
     WHERE (q.tenant_id, q.campaign_id, q.message_id)
         = (back.tenant_id, back.campaign_id, back.message_id)
)
SELECT EXISTS (SELECT FROM back) OR EXISTS (
           SELECT FROM messages m
            WHERE tenant_id = :tenant_id AND message_id = :message_id
              AND generation > :generation AND {_NOT_ENDED}) AS is_back
""")  # noqa: S608 - built from constants of ours


class PostgresRequestStore:
    """`RequestStore` on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def request(self, ref: MessageRef) -> StoredRequest:
        """One message; see `RequestStore`."""
        key = {"tenant_id": ref.tenant_id, "message_id": ref.message_id}
        row = await self._database.fetch_one(_REQUEST, key)
        if row is None:
            raise NotFoundError.message(ref.message_id)
        return request_from(row)

    async def put_back(self, ref: MessageRef, block: Block, generation: int) -> bool:
        """Have a campaign's recipient wait; see `RequestStore`."""
        parameters = {
            "tenant_id": ref.tenant_id,
            "message_id": ref.message_id,
            "reason": block.reason.value,
            "details": json.dumps(block.details),
            "generation": generation,
        }
        async with self._database.transaction() as connection:
            await connection.execute(LOCK_MESSAGE, parameters)
            return bool((await connection.execute(_PUT_BACK, parameters)).scalar_one())

    async def conclude(self, conclusion: ConcludeInput) -> ConcludeResult:
        """End an unsent message; see `RequestStore`."""
        routing = conclusion.routing
        parameters = {
            "tenant_id": conclusion.ref.tenant_id,
            "message_id": conclusion.ref.message_id,
            "state": conclusion.state.value,
            "reason": conclusion.reason.value,
            "details": json.dumps(conclusion.details),
            "routing": routing.model_dump_json() if routing else None,
            "now": conclusion.now,
            "generation": conclusion.generation,
        }
        async with self._database.transaction() as connection:
            await connection.execute(LOCK_MESSAGE, parameters)
            found = await connection.execute(_CONCLUDE, parameters)
            row = found.mappings().one_or_none()
        if row is None:
            return ConcludeResult(state=conclusion.state, reason=conclusion.reason)
        under_way = None
        if row["attempt_no"] is not None:
            under_way = AttemptUnderWay(attempt_no=row["attempt_no"], channel=row["channel"])
        return ConcludeResult(state=row["state"], reason=row["reason"], under_way=under_way)
