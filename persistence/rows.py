"""From rows to facts."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol
from uuid import UUID

from pydantic import TypeAdapter

from madan_sara.activities.stores import StoredDecision, StoredRequest, Suppression
from madan_sara.contracts.campaign import Campaign, CampaignStatus
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.content import MessageContent
from madan_sara.contracts.decision import RoutingDecision, SendPlan
from madan_sara.contracts.outreach import HeldAttempt, MessageRef, OutreachState
from madan_sara.contracts.recipient import STORED, RecipientProfile
from madan_sara.persistence.stored import read_stored
from madan_sara.policy.addresses import KINDS
from madan_sara.policy.frequency import RecentClaim
from madan_sara.policy.templates import RenderedMessages

_INSTANT = TypeAdapter(datetime)


class Row(Protocol):
    """A row of an answer, by the names of its columns."""

    def __getitem__(self, column: str, /) -> Any: ...  # noqa: ANN401 - the column says it


@lru_cache(maxsize=256)
def campaign_from(config: str, status: str) -> Campaign:
    """A stored campaign. Cached: a campaign's thousands of messages share it.

    Raises:
        UnreadableRowError: it is not valid by the rules of this version.
    """
    return read_stored(Campaign, config).with_status(CampaignStatus(status))


@lru_cache(maxsize=256)
def content_from(body: str) -> MessageContent:
    """Stored content. Cached: a campaign's thousands of messages share it.

    Raises:
        UnreadableRowError: it is not valid by the rules of this version.
    """
    return read_stored(MessageContent, body)


@lru_cache(maxsize=1024)
def rendered_from(content: str, profile: str) -> RenderedMessages:
    """Stored content for a stored person. Cached: the steps of a message share it.

    Raises:
        UnreadableRowError: it is not valid by the rules of this version.
    """
    person = read_stored(RecipientProfile, profile, context=STORED)
    return RenderedMessages(content_from(content), person)


def decision_from(
    attempt_no: int | None, routing: str | None, plan: str | None
) -> StoredDecision | None:
    """What money is held for, as it was stored; None: there is no hold.

    Args:
        attempt_no: the attempt of the hold, if there is one.
        routing: JSON, as stored with it.
        plan: JSON, as stored with it.

    Raises:
        UnreadableRowError: it is not valid by the rules of this version.
    """
    if attempt_no is None or routing is None or plan is None:
        return None
    held = HeldAttempt(attempt_no=attempt_no, plan=read_stored(SendPlan, plan))
    return StoredDecision(read_stored(RoutingDecision, routing), held)


#: Columns a `StoredRequest` is made of, for a query over messages m, campaigns c, contents t.
REQUEST_COLUMNS = """
    m.tenant_id, m.message_id, m.state, m.force_send, m.scheduled_at, m.generation,
    CAST(m.profile AS text) AS profile, CAST(c.config AS text) AS config, c.status,
    CAST(t.body AS text) AS content
"""

REQUEST_TABLES = """
    messages m
    JOIN campaigns c USING (tenant_id, campaign_id)
    JOIN contents t ON (t.tenant_id, t.digest) = (m.tenant_id, m.content_digest)
"""


#: Suppressions of a message's person, by recipient or by an address the message may go to. One
#: for a channel counts where it is that channel's address. Each subject is looked up by itself:
#: joined, all of a tenant's might be read.
SUPPRESSIONS_OF_MESSAGE = """
    (SELECT coalesce(json_agg(json_build_object('channel', s.channel, 'reason', s.reason)
                              ORDER BY s.created_at DESC), '[]')
       FROM (SELECT 'recipient' AS kind, m.recipient_id AS subject
              UNION SELECT 'address', a.value FROM jsonb_each_text(m.addresses) a) known
      CROSS JOIN LATERAL (
            SELECT * FROM suppressions
             WHERE (tenant_id, subject_kind, suppressions.subject)
                 = (m.tenant_id, known.kind, known.subject)
            OFFSET 0) s
      WHERE s.subject_kind = 'recipient' OR s.channel IS NULL
         OR s.subject = m.addresses ->> s.channel)
"""

_KIND = "".join(f" WHEN '{channel}' THEN '{kind}'" for channel, kind in KINDS.items())

#: The identifiers of the person of a message m of a campaign c: the id, and each address the
#: message may go to, as `kind:address`. The number of a recipient who is written to by e-mail
#: only does not count: a whole company may have it.
IDENTIFIERS_OF_MESSAGE = f"""
    (ARRAY(SELECT DISTINCT CASE a.key{_KIND} END || ':' || a.value
             FROM jsonb_each_text(m.addresses) a
            WHERE jsonb_exists(c.channels, a.key)) || ('id:' || m.recipient_id))
"""  # noqa: S608 - built from constants of ours

#: The columns of a `RecentClaim`, as a JSON object, for a query over recipient_claims r and the
#: id of the person it is read for.
CLAIM_AS_JSON = """
    json_build_object(
        'message_id', r.message_id, 'campaign_id', r.campaign_id, 'channel', r.channel,
        'claimed_at', r.claimed_at, 'sent_at', r.sent_at, 'texts', r.texts,
        'same_id', r.recipient_id = {recipient_id})
"""


def request_from(row: Row) -> StoredRequest:
    """A message with its campaign and content, from `REQUEST_COLUMNS`."""
    return StoredRequest(
        ref=MessageRef(tenant_id=row["tenant_id"], message_id=row["message_id"]),
        campaign=campaign_from(row["config"], row["status"]),
        rendered=rendered_from(row["content"], row["profile"]),
        force_send=row["force_send"],
        state=OutreachState(row["state"]),
        scheduled_at=row["scheduled_at"],
        generation=row["generation"],
    )


def suppressions_from(documents: Sequence[dict[str, Any]]) -> Sequence[Suppression]:
    """Suppressions from `SUPPRESSIONS_OF_MESSAGE`."""
    return [
        Suppression(channel=s["channel"] and Channel(s["channel"]), reason=s["reason"])
        for s in documents
    ]


def claims_from(documents: Sequence[dict[str, Any]]) -> Sequence[RecentClaim]:
    """Claims from `CLAIM_AS_JSON`."""
    return [
        RecentClaim(
            message_id=UUID(claim["message_id"]),
            campaign_id=UUID(claim["campaign_id"]),
            channel=claim["channel"] and Channel(claim["channel"]),
            claimed_at=_INSTANT.validate_python(claim["claimed_at"]),
            sent_at=claim["sent_at"] and _INSTANT.validate_python(claim["sent_at"]),
            texts=tuple(claim["texts"]),
            same_id=claim["same_id"],
        )
        for claim in documents
    ]
