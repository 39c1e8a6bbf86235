"""The facts that the decision on a message depends on, in PostgreSQL."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from madan_sara.activities.stores import DecisionFacts, StoredDecision
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.errors import NotFoundError
from madan_sara.contracts.outreach import (
    UNSENT_STATES,
    Block,
    ClaimResult,
    ExitReason,
    MessageRef,
    OutreachState,
)
from madan_sara.persistence.database import Database, Query
from madan_sara.persistence.rows import (
    CLAIM_AS_JSON,
    IDENTIFIERS_OF_MESSAGE,
    REQUEST_COLUMNS,
    REQUEST_TABLES,
    SUPPRESSIONS_OF_MESSAGE,
    Row,
    claims_from,
    decision_from,
    request_from,
    suppressions_from,
)
from madan_sara.policy.selector import Engagement

# Messages asked for together, each at an instant of its own.
_ASKED_MESSAGES = """
    unnest(CAST(:tenant_id AS uuid[]), CAST(:message_id AS uuid[]), CAST(:now AS timestamptz[]))
    WITH ORDINALITY AS asked (tenant_id, message_id, now, nth)
"""

# Live claims of other messages on any identifier of the message's person that still matter at
# the instant `asked.now`: those not yet sent, and those sent within the widest window of the
# campaign's settings.
_RECENT_CLAIMS = f"""
    (SELECT coalesce(json_agg({CLAIM_AS_JSON.format(recipient_id="m.recipient_id")}), '[]')
       FROM recipient_claims r
      WHERE r.tenant_id = m.tenant_id
        AND r.message_id IN (SELECT k.message_id FROM claimed_identifiers k
                              WHERE k.tenant_id = m.tenant_id
                                AND k.identifier = ANY(person.identifiers))
        AND r.message_id <> m.message_id
        AND (r.sent_at IS NULL OR r.sent_at > asked.now - greatest(
                interval '7 days',
                make_interval(hours => c.dedup_lookback_hours),
                make_interval(days => c.near_duplicate_days))))
"""  # noqa: S608 - built from constants of ours

_HELD_STATES = ",".join((OutreachState.SCHEDULED, OutreachState.SENDING))

_FACTS = Query(f"""
SELECT asked.nth, {REQUEST_COLUMNS},
       m.reason, CAST(m.details AS text) AS details, CAST(m.warnings AS text) AS warnings,
       EXISTS (SELECT FROM recipient_claims r
                WHERE (r.tenant_id, r.message_id) = (m.tenant_id, m.message_id)
                  AND r.released_at IS NULL
               OFFSET 0) AS has_live_claim,
       (SELECT max(e.attempt_no) FROM budget_entries e
         WHERE (e.tenant_id, e.message_id) = (m.tenant_id, m.message_id)
           AND e.kind = 'hold' AND m.state = ANY ('{{{_HELD_STATES}}}')) AS held_attempt_no,
       CAST(m.routing AS text) AS routing, CAST(m.plan AS text) AS plan,
       (SELECT json_object_agg(known, coalesce((
                   SELECT t.version FROM recipient_versions t
                    WHERE (t.tenant_id, t.identifier) = (m.tenant_id, known)), 0))
          FROM unnest(person.identifiers) AS known) AS versions,
       {SUPPRESSIONS_OF_MESSAGE} AS suppressions,
       {_RECENT_CLAIMS} AS recent,
       (SELECT coalesce(json_agg(row_to_json(e)), '[]') FROM engagement_stats e
         WHERE e.tenant_id = m.tenant_id AND e.recipient_id = m.recipient_id) AS engagement
  FROM {_ASKED_MESSAGES}
  JOIN ({REQUEST_TABLES}) ON (m.tenant_id, m.message_id) = (asked.tenant_id, asked.message_id)
 CROSS JOIN LATERAL (SELECT {IDENTIFIERS_OF_MESSAGE} AS identifiers OFFSET 0) person
""")  # noqa: S608 - built from constants of ours


@dataclass(frozen=True)
class Reading:
    """A message's facts, as they stood at one instant."""

    facts: DecisionFacts
    #: Claims that were granted so far on each identifier of the person.
    versions: Mapping[str, int]
    #: The result an earlier run of the message's claim stored; None: it has no claim.
    claimed: ClaimResult | None
    #: What an earlier run of the decision has held; None: nothing.
    decided: StoredDecision | None


class DecisionReader:
    """Reads what the decision on a message depends on.

    Args:
        database: where it is.
    """

    def __init__(self, database: Database) -> None:
        self._facts = database.batcher(_FACTS)

    async def read(self, ref: MessageRef, now: datetime) -> Reading:
        """The facts as they stand, for a decision at an instant.

        Raises:
            NotFoundError: there is no such message.
        """
        key = {"tenant_id": ref.tenant_id, "message_id": ref.message_id, "now": now}
        row = await self._facts.ask(key)
        if row is None:
            raise NotFoundError.message(ref.message_id)
        return Reading(
            facts=_facts_from(row),
            versions=row["versions"],
            claimed=_claimed(row),
            decided=decision_from(row["held_attempt_no"], row["routing"], row["plan"]),
        )


def _facts_from(row: Row) -> DecisionFacts:
    return DecisionFacts(
        request=request_from(row),
        recent=claims_from(row["recent"]),
        suppressions=suppressions_from(row["suppressions"]),
        engagement=_engagement(row["engagement"]),
    )


def _claimed(row: Row) -> ClaimResult | None:
    """The result an earlier run of the claim stored; an ended message takes no new claim."""
    state, warnings = OutreachState(row["state"]), json.loads(row["warnings"])
    if state in UNSENT_STATES:
        block = Block(reason=ExitReason(row["reason"]), details=json.loads(row["details"]))
        return ClaimResult(block=block, end=state, warnings=warnings)
    if state is OutreachState.QUEUED:
        # A run of its workflow put it back, and ended before it knew.
        reason = ExitReason(row["reason"] or ExitReason.DAILY_LIMIT)
        block = Block(reason=reason, details=json.loads(row["details"]))
        return ClaimResult(block=block, is_queued=True, warnings=warnings)
    if row["has_live_claim"] or state is not OutreachState.DECIDING:
        return ClaimResult(warnings=warnings)
    return None


def _engagement(documents: Sequence[dict[str, Any]]) -> dict[Channel, Engagement]:
    """A person's engagement by channel."""
    return {
        Channel(stat["channel"]): Engagement(
            messages=stat["messages"],
            opens=stat["opens"],
            clicks=stat["clicks"],
            replies=stat["replies"],
        )
        for stat in documents
    }
