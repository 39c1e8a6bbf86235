"""Providers' receipts of attempts, in PostgreSQL."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text

from madan_sara.contracts.delivery import DeliveryEvent, DeliveryEventKind
from madan_sara.persistence.database import Database, Query
from madan_sara.policy.receipts import RULES, suppressed_by
from madan_sara.policy.tallies import ENGAGED

# The receipt and all effects that `policy/receipts.py` gives it: counts of the campaign and of
# the person, its attempt's state, and suppressions. In one statement, and once, however often
# the receipt is repeated and whatever else is reported at the same moment.
_RECEIVE = text("""
WITH received AS (
    INSERT INTO delivery_events (provider, provider_event_id, tenant_id, message_id, attempt_no,
                                 kind, code, occurred_at, received_at)
    SELECT :provider, :provider_event_id, tenant_id, message_id, :attempt_no, CAST(:kind AS text),
           :code, :occurred_at, :now
      FROM messages
     WHERE tenant_id = :tenant_id AND message_id = :message_id
       FOR NO KEY UPDATE
        ON CONFLICT DO NOTHING
    RETURNING tenant_id, message_id, attempt_no, kind
), first AS (
    INSERT INTO counted_once (tenant_id, message_id, name)
    SELECT tenant_id, message_id, name
      FROM received CROSS JOIN LATERAL unnest(CAST(:counted_as AS text[])) AS counted (name)
        ON CONFLICT DO NOTHING
    RETURNING tenant_id, message_id, name
), turned AS (
    UPDATE attempts a
       SET bounced = true, code = coalesce(:code, a.code),
           state = coalesce(CAST(:transitions AS jsonb) ->> a.state, a.state)
      FROM received r
     WHERE CAST(:transitions AS jsonb) <> '{}'
       AND (a.tenant_id, a.message_id, a.attempt_no)
         = (r.tenant_id, r.message_id, r.attempt_no)
    RETURNING a.tenant_id, a.message_id, old.state AS before, a.state
), known_after_all AS (
    UPDATE messages m SET state = 'sent'
      FROM turned
     WHERE (m.tenant_id, m.message_id) = (turned.tenant_id, turned.message_id)
       AND m.state = 'unknown' AND turned.before = 'unknown' AND turned.state <> 'unknown'
), tallied AS (
    INSERT INTO campaign_tally_changes (tenant_id, campaign_id, kind, name, channel, messages)
    SELECT m.tenant_id, m.campaign_id, 'receipt', f.name, coalesce(a.channel, m.channel, ''), 1
      FROM first f
      JOIN received r USING (tenant_id, message_id)
      JOIN messages m USING (tenant_id, message_id)
      LEFT JOIN attempts a
        ON (a.tenant_id, a.message_id, a.attempt_no) = (r.tenant_id, r.message_id, r.attempt_no)
), learned AS (
    INSERT INTO engagement_stats AS s (tenant_id, recipient_id, channel, opens, clicks, replies)
    SELECT m.tenant_id, m.recipient_id, a.channel, CAST(:opens AS integer),
           CAST(:clicks AS integer), CAST(:replies AS integer)
      FROM first f
      JOIN received r ON (r.tenant_id, r.message_id, r.kind) = (f.tenant_id, f.message_id, f.name)
      JOIN messages m ON (m.tenant_id, m.message_id) = (r.tenant_id, r.message_id)
      JOIN attempts a
        ON (a.tenant_id, a.message_id, a.attempt_no) = (r.tenant_id, r.message_id, r.attempt_no)
     WHERE CAST(:engages AS boolean)
        ON CONFLICT (tenant_id, recipient_id, channel) DO UPDATE
       SET opens = s.opens + excluded.opens, clicks = s.clicks + excluded.clicks,
           replies = s.replies + excluded.replies
), request AS (
    SELECT m.tenant_id, m.message_id, m.recipient_id, r.kind, place.channel,
           m.addresses ->> place.channel AS address
      FROM received r
      JOIN messages m USING (tenant_id, message_id)
      LEFT JOIN attempts a
        ON (a.tenant_id, a.message_id, a.attempt_no) = (r.tenant_id, r.message_id, r.attempt_no)
     CROSS JOIN LATERAL (SELECT coalesce(a.channel, m.channel)) AS place (channel)
), suppressed AS (
    INSERT INTO suppressions (tenant_id, subject_kind, subject, channel, reason, created_at,
                              request_id)
    SELECT tenant_id, subject_kind, subject, channel, kind, CAST(:now AS timestamptz), message_id
      FROM request
     CROSS JOIN LATERAL (VALUES ('address', address), ('recipient', recipient_id))
                AS meant (subject_kind, subject)
     WHERE subject_kind = ANY(CAST(:suppresses AS text[])) AND subject IS NOT NULL
     ORDER BY subject_kind
        ON CONFLICT DO NOTHING
)
SELECT count(*) FROM received
""")


_OF_ATTEMPT: Final = Query("""
SELECT provider, provider_event_id, kind
  FROM delivery_events
 WHERE tenant_id = :tenant_id AND message_id = :message_id AND attempt_no = :attempt_no
""")


@dataclass(frozen=True)
class KeptReceipt:
    """A receipt that is kept, by its provider's id."""

    provider: str
    provider_event_id: str
    kind: DeliveryEventKind


class PostgresReceiptStore:
    """Keeps receipts, each once, with their effects.

    Args:
        database: where they are kept.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def receive(self, tenant_id: UUID, event: DeliveryEvent, now: datetime) -> bool:
        """Keep a receipt; False when it is known already or its message is not the tenant's."""
        facts = {**event.model_dump(), "kind": event.kind.value}
        parameters = {**facts, **_effects(event), "tenant_id": tenant_id, "now": now}
        async with self._database.statement() as connection:
            return bool((await connection.execute(_RECEIVE, parameters)).scalar_one())

    async def of_attempt(self, tenant_id: UUID, event: DeliveryEvent) -> Sequence[KeptReceipt]:
        """The receipts that are kept of the attempt a receipt is about."""
        attempt = {"message_id": event.message_id, "attempt_no": event.attempt_no}
        rows = await self._database.fetch(_OF_ATTEMPT, {"tenant_id": tenant_id, **attempt})
        return [
            KeptReceipt(row["provider"], row["provider_event_id"], DeliveryEventKind(row["kind"]))
            for row in rows
        ]


def _effects(event: DeliveryEvent) -> dict[str, object]:
    """The policy's effects of a receipt, as the statement's parameters."""
    rule = RULES[event.kind]
    return {
        "counted_as": [event.kind.value, ENGAGED] if rule.engages else [event.kind.value],
        "engages": rule.engages,
        "opens": int(event.kind is DeliveryEventKind.OPENED),
        "clicks": int(event.kind is DeliveryEventKind.CLICKED),
        "replies": int(event.kind is DeliveryEventKind.REPLIED),
        "transitions": json.dumps(rule.transitions),
        "suppresses": sorted(suppressed_by(event.kind, event.code)),
    }
