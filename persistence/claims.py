"""The rights to contact people, in PostgreSQL."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.stores import ClaimFacts, ClaimVerdict
from contracts.decision import RoutingDecision
from contracts.outreach import (
    FINAL_STATES,
    Block,
    ClaimResult,
    ExitReason,
    MessageRef,
    OutreachState,
    ReopenResult,
)
from persistence.database import Database
from persistence.rows import (
    RECENT_CLAIMS_OF_MESSAGE,
    REQUEST_COLUMNS,
    REQUEST_TABLES,
    SUPPRESSIONS_OF_MESSAGE,
    claims_from,
    request_from,
    suppressions_from,
)
from policy.frequency import RecentClaim

# Every claim on a person waits here for the one before it. The lock must be taken by a
# statement of its own: the next one then sees what the one before committed.
_LOCK_PERSON = text("""
SELECT pg_advisory_xact_lock(hashtextextended(tenant_id::text || '/' || recipient_id, 0))
  FROM messages
 WHERE tenant_id = :tenant_id AND message_id = :message_id
""")

_FACTS = text(f"""
SELECT {REQUEST_COLUMNS},
       m.reason, CAST(m.details AS text) AS details, CAST(m.warnings AS text) AS warnings,
       EXISTS (SELECT FROM recipient_claims r
                WHERE r.message_id = m.message_id AND r.released_at IS NULL) AS has_live_claim,
       {SUPPRESSIONS_OF_MESSAGE} AS suppressions,
       {RECENT_CLAIMS_OF_MESSAGE} AS recent
  FROM {REQUEST_TABLES}
 WHERE m.tenant_id = :tenant_id AND m.message_id = :message_id
""")  # noqa: S608 - built from constants of ours

_GRANT = text("""
WITH claim AS (
    INSERT INTO recipient_claims (message_id, tenant_id, campaign_id, recipient_id, covers,
                                  claimed_at, forced, texts)
    SELECT message_id, tenant_id, campaign_id, recipient_id,
           tstzrange(CAST(:now AS timestamptz), NULL), CAST(:now AS timestamptz), force_send,
           CAST(:texts AS text[])
      FROM messages
     WHERE message_id = :message_id
)
UPDATE messages SET warnings = CAST(:warnings AS jsonb) WHERE message_id = :message_id
""")

# A window that was made shorter counts for the messages sent before, too: their claims
# cover what it was when they were sent.
_SHORTEN_WINDOWS = text("""
UPDATE recipient_claims r
   SET covers = tstzrange(lower(r.covers), least(upper(r.covers), r.sent_at + make_interval(
                    hours => (c.config #>> '{settings,dedup_lookback_hours}')::int)))
  FROM messages m JOIN campaigns c USING (tenant_id, campaign_id)
 WHERE m.tenant_id = :tenant_id AND m.message_id = :message_id
   AND (r.tenant_id, r.recipient_id, r.campaign_id)
     = (m.tenant_id, m.recipient_id, m.campaign_id)
   AND r.released_at IS NULL AND r.sent_at IS NOT NULL
""")

_BLOCK = text("""
UPDATE messages
   SET state = 'blocked', reason = :reason, details = CAST(:details AS jsonb),
       warnings = CAST(:warnings AS jsonb), finished_at = :now
 WHERE message_id = :message_id
""")

_RECENT = text("""
SELECT json_build_object(
           'message_id', message_id, 'campaign_id', campaign_id, 'channel', channel,
           'claimed_at', claimed_at, 'sent_at', sent_at, 'texts', texts) AS claim
  FROM recipient_claims
 WHERE tenant_id = :tenant_id AND recipient_id = :recipient_id AND released_at IS NULL
   AND (sent_at IS NULL OR sent_at > :since)
""")

# A bounced message is carried again: its claim covers everything from its start anew. One
# that was reopened already (the same step, run again) stays open.
_REOPEN = text("""
WITH message AS (
    UPDATE messages SET state = 'deciding', finished_at = NULL
     WHERE tenant_id = :tenant_id AND message_id = :message_id AND state IN ('sent', 'unknown')
    RETURNING message_id
)
UPDATE recipient_claims r
   SET covers = tstzrange(lower(covers), NULL), sent_at = NULL, released_at = NULL
  FROM message WHERE r.message_id = message.message_id
""")

_PROGRESS = text("""
SELECT CAST(m.routing AS text) AS routing,
       (SELECT coalesce(array_agg(DISTINCT a.channel), '{}') FROM attempts a
         WHERE a.message_id = m.message_id) AS tried_channels,
       (SELECT coalesce(max(e.attempt_no), 0) FROM budget_entries e
         WHERE e.message_id = m.message_id) AS last_attempt_no
  FROM messages m
 WHERE m.tenant_id = :tenant_id AND m.message_id = :message_id
""")


class PostgresClaimStore:
    """`ClaimStore` on PostgreSQL: an advisory lock per person, a constraint behind it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(
        self, ref: MessageRef, now: datetime, judge: Callable[[ClaimFacts], ClaimVerdict]
    ) -> ClaimResult:
        """Judge and store a claim; see `ClaimStore`."""
        try:
            return await self._claim(ref, now, judge)
        except IntegrityError:
            key = {"tenant_id": ref.tenant_id, "message_id": ref.message_id}
            async with self._database.statement() as connection:
                await connection.execute(_SHORTEN_WINDOWS, key)
            return await self._claim(ref, now, judge)

    async def _claim(
        self, ref: MessageRef, now: datetime, judge: Callable[[ClaimFacts], ClaimVerdict]
    ) -> ClaimResult:
        async with self._database.transaction() as connection:
            row = await self._facts_under_lock(connection, ref, now)
            answered = _first_answer(row)
            if answered is not None:
                return answered
            verdict = judge(
                ClaimFacts(
                    request=request_from(row),
                    recent=claims_from(row["recent"]),
                    suppressions=suppressions_from(row["suppressions"]),
                )
            )
            await _store(connection, ref, now, verdict)
            return verdict.result

    async def recent_claims(
        self, tenant_id: UUID, recipient_id: str, since: datetime
    ) -> Sequence[RecentClaim]:
        """Live claims of a person, unsent or sent since an instant."""
        parameters = {
            "tenant_id": tenant_id,
            "recipient_id": recipient_id,
            "since": since,
        }
        async with self._database.statement() as connection:
            found = await connection.execute(_RECENT, parameters)
            return claims_from(found.scalars().all())

    async def reopen(self, ref: MessageRef) -> ReopenResult:
        """Take up the claim of a bounced message; see `ClaimStore`.

        Blocked when the campaign has claimed the person for another message since.
        """
        key = {"tenant_id": ref.tenant_id, "message_id": ref.message_id}
        block = None
        try:
            async with self._database.transaction() as connection:
                await connection.execute(_REOPEN, key)
        except IntegrityError:
            block = Block(reason=ExitReason.DUPLICATE, details={"kind": "claimed_since"})
        async with self._database.statement() as connection:
            row = (await connection.execute(_PROGRESS, key)).mappings().one()
        return ReopenResult(
            block=block,
            routing=RoutingDecision.model_validate_json(row["routing"]),
            tried_channels=row["tried_channels"],
            last_attempt_no=row["last_attempt_no"],
        )

    async def _facts_under_lock(
        self, connection: AsyncConnection, ref: MessageRef, now: datetime
    ) -> RowMapping:
        key = {"tenant_id": ref.tenant_id, "message_id": ref.message_id}
        await connection.execute(_LOCK_PERSON, key)
        found = await connection.execute(_FACTS, {**key, "now": now})
        row = found.mappings().one_or_none()
        if row is None:
            raise LookupError(f"there is no message {ref.message_id}")
        return row


def _first_answer(row: RowMapping) -> ClaimResult | None:
    """What an earlier run of the same claim stored; an ended message takes no new claim."""
    warnings = json.loads(row["warnings"])
    if row["state"] == OutreachState.BLOCKED:
        block = Block(reason=ExitReason(row["reason"]), details=json.loads(row["details"]))
        return ClaimResult(block=block, warnings=warnings)
    if row["has_live_claim"] or row["state"] in FINAL_STATES:
        return ClaimResult(warnings=warnings)
    return None


async def _store(
    connection: AsyncConnection, ref: MessageRef, now: datetime, verdict: ClaimVerdict
) -> None:
    parameters = {
        "message_id": ref.message_id,
        "now": now,
        "warnings": json.dumps(verdict.result.warnings),
    }
    block = verdict.result.block
    if block is None:
        await connection.execute(_GRANT, {**parameters, "texts": list(verdict.texts)})
    else:
        blocked = {"reason": block.reason.value, "details": json.dumps(block.details)}
        await connection.execute(_BLOCK, {**parameters, **blocked})
