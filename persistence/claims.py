"""The rights to contact people, in PostgreSQL."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
from sqlalchemy import text

from madan_sara.activities.stores import Claim, ClaimDecision, DecisionFacts
from madan_sara.contracts.decision import RoutingDecision
from madan_sara.contracts.errors import NotFoundError
from madan_sara.contracts.outreach import (
    FINAL_STATES,
    Block,
    ExitReason,
    MessageRef,
    OutreachState,
    ReopenResult,
)
from madan_sara.persistence.database import Database, Query
from madan_sara.persistence.decision_facts import DecisionReader, Reading
from madan_sara.persistence.rows import CLAIM_AS_JSON, IDENTIFIERS_OF_MESSAGE, claims_from
from madan_sara.persistence.stored import read_stored
from madan_sara.policy.frequency import RecentClaim

# The versions make racing claims on a person follow one another: each is stored only if none was
# granted on any of its identifiers since its facts were read. The others decide again, on newer
# facts. Of several claims here with an identifier in common, one at most has its version;
# identifiers come in one order everywhere, so that no two statements wait for each other. Before
# them come the messages: one that ends beside its claim waits, and then gives the claim back, or
# is waited for, and gets none.
_GRANT = Query("""
WITH asked AS (
    SELECT nth, m.message_id, m.tenant_id, m.campaign_id, m.recipient_id, m.force_send,
           asked.versions, asked.now, asked.texts, CAST(asked.warnings AS jsonb) AS warnings
      FROM unnest(CAST(:tenant_id AS uuid[]), CAST(:message_id AS uuid[]),
                  CAST(:versions AS text[]), CAST(:now AS timestamptz[]), CAST(:texts AS text[]),
                  CAST(:warnings AS text[]))
           WITH ORDINALITY AS asked (tenant_id, message_id, versions, now, texts, warnings, nth)
      JOIN messages m USING (tenant_id, message_id)
     WHERE m.state = 'deciding'
     ORDER BY m.tenant_id, m.message_id
       FOR NO KEY UPDATE OF m
), known AS (
    SELECT nth, tenant_id, read.key AS identifier, CAST(read.value AS bigint) AS version,
           row_number() OVER (PARTITION BY tenant_id, read.key
                              ORDER BY CAST(read.value AS bigint) DESC, nth) AS rank
      FROM asked CROSS JOIN LATERAL json_each_text(CAST(asked.versions AS json)) AS read
), next AS (
    SELECT * FROM known WHERE nth NOT IN (SELECT nth FROM known WHERE rank > 1)
), advanced AS (
    INSERT INTO recipient_versions AS t (tenant_id, identifier, version)
    SELECT tenant_id, identifier, version + 1 FROM next ORDER BY tenant_id, identifier
        ON CONFLICT (tenant_id, identifier) DO UPDATE
       SET version = excluded.version WHERE t.version = excluded.version - 1
    RETURNING t.tenant_id, t.identifier
), granted AS (
    SELECT asked.*, had.addresses
      FROM asked
      JOIN (SELECT nth, count(advanced.identifier) = count(*) AS all_of_them,
                   coalesce(array_agg(identifier)
                       FILTER (WHERE identifier NOT LIKE 'id:%'), '{}') AS addresses
              FROM next LEFT JOIN advanced USING (tenant_id, identifier)
             GROUP BY nth) had USING (nth)
     WHERE had.all_of_them
), claim AS (
    INSERT INTO recipient_claims (message_id, tenant_id, campaign_id, recipient_id, covers,
                                  claimed_at, forced, texts, addresses)
    SELECT message_id, tenant_id, campaign_id, recipient_id, tstzrange(now, NULL), now, force_send,
           ARRAY(SELECT json_array_elements_text(CAST(texts AS json))), addresses
      FROM granted
), noted AS (
    UPDATE messages m SET warnings = granted.warnings
      FROM granted
     WHERE (m.tenant_id, m.message_id) = (granted.tenant_id, granted.message_id)
       AND m.warnings <> granted.warnings
)
SELECT nth FROM granted
""")

# A window that was made shorter counts for messages sent before, too: their claims cover the
# window of their time.
_SHORTEN_WINDOWS = Query(f"""
UPDATE recipient_claims r
   SET covers = tstzrange(lower(r.covers), least(upper(r.covers), r.sent_at + make_interval(
                    hours => c.dedup_lookback_hours)))
  FROM messages m JOIN campaigns c USING (tenant_id, campaign_id)
 WHERE m.tenant_id = :tenant_id AND m.message_id = :message_id
   AND r.tenant_id = m.tenant_id
   AND r.message_id = ANY(ARRAY(
                         SELECT k.message_id FROM claimed_identifiers k
                         WHERE (k.tenant_id, k.campaign_id) = (m.tenant_id, m.campaign_id)
                           AND k.identifier = ANY({IDENTIFIERS_OF_MESSAGE})))
   AND r.sent_at IS NOT NULL
""")  # noqa: S608 - built from constants of ours

_LOCK_MESSAGE = text("""
SELECT FROM messages WHERE tenant_id = :tenant_id AND message_id = :message_id FOR NO KEY UPDATE
""")

# Another run of this claim may have been granted it: then the claim is given back with the
# message that this run blocks, and stays where the other run has held money on it already, or has
# put the message back. A statement of its own, behind the lock: one that had waited would not see
# that claim.
_BLOCK = text("""
WITH ended AS (
    UPDATE messages
       SET state = 'blocked', reason = :reason, details = CAST(:details AS jsonb),
           warnings = CAST(:warnings AS jsonb), finished_at = CAST(:now AS timestamptz)
     WHERE tenant_id = :tenant_id AND message_id = :message_id AND state = 'deciding'
       AND generation = :generation
    RETURNING tenant_id, message_id
), unclaimed AS (
    UPDATE recipient_claims r SET released_at = CAST(:now AS timestamptz)
      FROM ended
     WHERE (r.tenant_id, r.message_id) = (ended.tenant_id, ended.message_id)
       AND r.released_at IS NULL
)
SELECT message_id FROM ended
""")

_RECENT = Query(f"""
SELECT {CLAIM_AS_JSON.format(recipient_id="CAST(:recipient_id AS text)")} AS claim
  FROM claimed_identifiers k JOIN recipient_claims r USING (tenant_id, message_id)
 WHERE k.tenant_id = :tenant_id AND k.identifier = 'id:' || CAST(:recipient_id AS text)
   AND (r.sent_at IS NULL OR r.sent_at > :since)
""")  # noqa: S608 - built from constants of ours

# A bounced message is carried again: its claim covers everything from its start anew. One
# that was reopened already (the same step, run again) stays open; one that a provider has
# taken and not reported back is never carried again.
_REOPEN = Query("""
WITH message AS (
    UPDATE messages SET state = 'deciding', finished_at = NULL
     WHERE tenant_id = :tenant_id AND message_id = :message_id AND state IN ('sent', 'unknown')
       AND NOT EXISTS (SELECT FROM attempts a
                        WHERE a.tenant_id = :tenant_id AND a.message_id = :message_id
                          AND a.state IN ('accepted', 'unknown'))
    RETURNING tenant_id, message_id
), advanced AS (
    INSERT INTO recipient_versions AS t (tenant_id, identifier, version)
    SELECT r.tenant_id, known, 1
      FROM message JOIN recipient_claims r USING (tenant_id, message_id)
     CROSS JOIN LATERAL unnest(r.addresses || ('id:' || r.recipient_id)) AS known
     ORDER BY r.tenant_id, known
        ON CONFLICT (tenant_id, identifier) DO UPDATE SET version = t.version + 1
)
UPDATE recipient_claims r
   SET covers = tstzrange(lower(covers), NULL), sent_at = NULL, released_at = NULL
  FROM message WHERE (r.tenant_id, r.message_id) = (message.tenant_id, message.message_id)
""")

_PROGRESS = Query("""
SELECT m.state, CAST(m.routing AS text) AS routing,
       (SELECT coalesce(array_agg(DISTINCT a.channel), '{}') FROM attempts a
         WHERE (a.tenant_id, a.message_id) = (m.tenant_id, m.message_id)) AS tried_channels,
       (SELECT coalesce(max(e.attempt_no), 0) FROM budget_entries e
         WHERE (e.tenant_id, e.message_id) = (m.tenant_id, m.message_id)) AS last_attempt_no
  FROM messages m
 WHERE m.tenant_id = :tenant_id AND m.message_id = :message_id
""")


class PostgresClaimStore:
    """`ClaimStore` on PostgreSQL: racing claims on a person; a constraint stands behind."""

    def __init__(self, database: Database, decisions: DecisionReader) -> None:
        self._database = database
        self._decisions = decisions
        self._grants = database.batcher(_GRANT)

    async def claim(
        self, ref: MessageRef, now: datetime, decide: Callable[[DecisionFacts], ClaimDecision]
    ) -> Claim:
        """Decide and store a claim; see `ClaimStore`.

        A claim that meets a newer version decides again; each time, another claim has won.
        """
        try:
            return await self._claim_once(ref, now, decide)
        except asyncpg.ExclusionViolationError:
            key = {"tenant_id": ref.tenant_id, "message_id": ref.message_id}
            await self._database.fetch(_SHORTEN_WINDOWS, key)
            return await self._claim_once(ref, now, decide)

    async def recent_claims(
        self, tenant_id: UUID, recipient_id: str, since: datetime
    ) -> Sequence[RecentClaim]:
        """Live claims of a person, unsent or sent since an instant."""
        parameters = {"tenant_id": tenant_id, "recipient_id": recipient_id, "since": since}
        rows = await self._database.fetch(_RECENT, parameters)
        return claims_from([row["claim"] for row in rows])

    async def reopen(self, ref: MessageRef) -> ReopenResult:
        """Take up the claim of a bounced message; see `ClaimStore`.

        Blocked when the campaign has claimed the person for another message since.
        """
        key = {"tenant_id": ref.tenant_id, "message_id": ref.message_id}
        block = None
        try:
            await self._database.fetch(_REOPEN, key)
        except asyncpg.ExclusionViolationError:
            block = Block(reason=ExitReason.DUPLICATE, details={"kind": "claimed_since"})
        row = await self._database.fetch_one(_PROGRESS, key)
        if row is None:
            raise NotFoundError.message(ref.message_id)
        if block is None and row["state"] in FINAL_STATES:
            block = Block(reason=ExitReason.DUPLICATE, details={"kind": "not_bounced"})
        return ReopenResult(
            block=block,
            state=OutreachState(row["state"]),
            routing=read_stored(RoutingDecision, row["routing"]),
            tried_channels=row["tried_channels"],
            last_attempt_no=row["last_attempt_no"],
        )

    async def _claim_once(
        self, ref: MessageRef, now: datetime, decide: Callable[[DecisionFacts], ClaimDecision]
    ) -> Claim:
        while True:
            reading = await self._decisions.read(ref, now)
            if reading.claimed is not None:
                return Claim(reading.claimed, reading.facts, reading.decided)
            decision = decide(reading.facts)
            if await self._store(ref, now, decision, reading):
                return Claim(decision.result, reading.facts)

    async def _store(
        self, ref: MessageRef, now: datetime, decision: ClaimDecision, reading: Reading
    ) -> bool:
        """Store a decision; False when the facts may have changed, or another run has decided."""
        parameters = {
            "tenant_id": ref.tenant_id,
            "message_id": ref.message_id,
            "now": now,
            "warnings": json.dumps(decision.result.warnings),
        }
        block = decision.result.block
        if block is not None:
            blocked = {
                "reason": block.reason.value,
                "details": json.dumps(block.details),
                "generation": reading.facts.request.generation,
            }
            async with self._database.transaction() as connection:
                await connection.execute(_LOCK_MESSAGE, parameters)
                ended = await connection.execute(_BLOCK, {**parameters, **blocked})
                return ended.one_or_none() is not None
        grant = {
            **parameters,
            "texts": json.dumps(decision.texts),
            "versions": json.dumps(reading.versions),
        }
        try:
            return await self._grants.ask(grant) is not None
        except asyncpg.UniqueViolationError:
            return False  # A run of the same claim beside this one was first.
