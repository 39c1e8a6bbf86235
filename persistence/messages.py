"""Requests in, records out: the messages, in PostgreSQL."""

import json
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, text

from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.content import MessageContent
from madan_sara.contracts.decision import RoutingDecision, SendPlan
from madan_sara.contracts.delivery import AttemptState, ChannelWait
from madan_sara.contracts.outreach import ExitReason, OutreachState
from madan_sara.contracts.recipient import RecipientProfile
from madan_sara.contracts.records import AttemptRecord, MessageRecord
from madan_sara.persistence.database import Database, Query
from madan_sara.persistence.rows import Row
from madan_sara.persistence.stored import read_stored
from madan_sara.policy.addresses import addresses_of


@dataclass(frozen=True)
class NewMessage:
    """A request to store."""

    message_id: UUID
    campaign: Campaign
    recipient_id: str
    profile: RecipientProfile
    content: MessageContent
    force_send: bool
    idempotency_key: str
    #: Fingerprint of the whole request: one key must not stand for two of them.
    request_digest: str


@dataclass(frozen=True)
class StoredMessage:
    """The message an idempotency key stands for."""

    message_id: UUID
    request_digest: str


_STORE = Query("""
WITH content AS (
    INSERT INTO contents (tenant_id, digest, body)
    VALUES (:tenant_id, :content_digest, CAST(:content AS jsonb)) ON CONFLICT DO NOTHING
)
INSERT INTO messages (message_id, tenant_id, campaign_id, recipient_id, idempotency_key,
                      request_digest, profile, addresses, content_digest, force_send, created_at)
VALUES (:message_id, :tenant_id, :campaign_id, :recipient_id, :idempotency_key,
        :request_digest, CAST(:profile AS jsonb), CAST(:addresses AS jsonb), :content_digest,
        :force_send, :now)
    ON CONFLICT (tenant_id, idempotency_key) DO NOTHING
RETURNING message_id
""")

_BY_KEY = Query("""
SELECT message_id, request_digest FROM messages
 WHERE tenant_id = :tenant_id AND idempotency_key = :idempotency_key
""")

_RECORD = text("""
SELECT m.message_id, m.campaign_id, c.name AS campaign_name, m.recipient_id, m.state, m.reason,
       CAST(m.details AS text) AS details, CAST(m.warnings AS text) AS warnings,
       CAST(m.routing AS text) AS routing, CAST(m.plan AS text) AS plan, m.channel, m.force_send,
       m.created_at, m.scheduled_at, m.sent_at,
       (SELECT coalesce(json_agg(json_build_object(
                   'attempt_no', a.attempt_no, 'channel', a.channel, 'provider', a.provider,
                   'state', a.state, 'calls', a.openings,
                   'tries', a.tries, 'code', a.code,
                   'provider_message_id', a.provider_message_id,
                   'retry_at', a.retry_at, 'account', a.account,
                   'since', coalesce(p.failing_since, a.waiting_since, a.put_off_at),
                   'awaits_turn', a.awaits_turn,
                   'refuses_settings', coalesce(p.refuses_settings, false),
                   'price_micros', coalesce(e.amount_micros, 0)) ORDER BY a.attempt_no), '[]')
          FROM attempts a
          LEFT JOIN budget_entries e
            ON (e.tenant_id, e.message_id, e.attempt_no, e.kind)
             = (a.tenant_id, a.message_id, a.attempt_no, 'hold')
          LEFT JOIN provider_accounts p ON p.account = a.account
         WHERE (a.tenant_id, a.message_id) = (m.tenant_id, m.message_id)) AS attempts,
       (SELECT coalesce(json_agg(d.kind ORDER BY d.occurred_at), '[]')
          FROM delivery_events d
         WHERE (d.tenant_id, d.message_id) = (m.tenant_id, m.message_id)) AS events
  FROM messages m JOIN campaigns c USING (tenant_id, campaign_id)
 WHERE m.tenant_id = :tenant_id AND m.message_id = :message_id
""")


class PostgresMessageStore:
    """Stores requests, and reads the records of their messages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def store(self, message: NewMessage, now: datetime) -> StoredMessage:
        """Store a request, in one statement; a known key answers with its message."""
        parameters = _message_row(message, now)
        if await self._database.fetch_one(_STORE, parameters) is not None:
            return StoredMessage(message.message_id, message.request_digest)
        (row,) = await self._database.fetch(_BY_KEY, parameters)
        return StoredMessage(row["message_id"], row["request_digest"])

    async def find(self, message: NewMessage) -> StoredMessage | None:
        """The message a request's key stands for, if it is known."""
        key = {
            "tenant_id": message.campaign.tenant_uuid,
            "idempotency_key": message.idempotency_key,
        }
        row = await self._database.fetch_one(_BY_KEY, key)
        return StoredMessage(row["message_id"], row["request_digest"]) if row else None

    async def record(self, tenant_id: UUID, message_id: UUID) -> MessageRecord | None:
        """Everything kept about a message, or None."""
        key = {"tenant_id": tenant_id, "message_id": message_id}
        async with self._database.statement() as connection:
            row = (await connection.execute(_RECORD, key)).mappings().one_or_none()
        return _message_record(row) if row else None


def _message_row(message: NewMessage, now: datetime) -> dict[str, object]:
    return {
        "message_id": message.message_id,
        "tenant_id": message.campaign.tenant_uuid,
        "campaign_id": message.campaign.id,
        "recipient_id": message.recipient_id,
        "idempotency_key": message.idempotency_key,
        "request_digest": message.request_digest,
        "profile": message.profile.model_dump_json(exclude_none=True),
        "addresses": json.dumps(addresses_of(message.profile.contact_info)),
        "content_digest": message.content.digest(),
        "content": message.content.model_dump_json(),
        "force_send": message.force_send,
        "now": now,
    }


def _message_record(row: RowMapping) -> MessageRecord:
    return MessageRecord(
        message_id=row["message_id"],
        campaign_id=row["campaign_id"],
        campaign_name=row["campaign_name"],
        recipient_id=row["recipient_id"],
        state=OutreachState(row["state"]),
        reason=row["reason"] and ExitReason(row["reason"]),
        details=json.loads(row["details"]),
        warnings=json.loads(row["warnings"]),
        routing=row["routing"] and read_stored(RoutingDecision, row["routing"]),
        plan=row["plan"] and read_stored(SendPlan, row["plan"]),
        channel=row["channel"] and Channel(row["channel"]),
        force_send=row["force_send"],
        created_at=row["created_at"],
        scheduled_at=row["scheduled_at"],
        sent_at=row["sent_at"],
        attempts=[_attempt_record(attempt) for attempt in row["attempts"]],
        events=row["events"],
    )


def _attempt_record(attempt: Row) -> AttemptRecord:
    channel, retry_at = Channel(attempt["channel"]), attempt["retry_at"]
    columns = ("channel", "account", "code", "since", "refuses_settings", "awaits_turn")
    wait = {name: attempt[name] for name in columns}
    return AttemptRecord(
        attempt_no=attempt["attempt_no"],
        channel=channel,
        provider=attempt["provider"],
        state=AttemptState(attempt["state"]),
        calls=attempt["calls"],
        tries=attempt["tries"],
        code=attempt["code"],
        provider_message_id=attempt["provider_message_id"],
        price_micros=attempt["price_micros"],
        retry_at=retry_at and datetime.fromisoformat(retry_at),
        wait=ChannelWait.model_validate(wait) if retry_at else None,
    )
