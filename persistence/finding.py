"""Searches for campaigns, messages and people, page by page, in PostgreSQL."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from madan_sara.activities.stores import Suppression
from madan_sara.contracts.campaign import CampaignStatus
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.found import FoundCampaign, FoundMessage, MessageFilter
from madan_sara.contracts.outreach import ExitReason, OutreachState
from madan_sara.persistence.database import Database, Query
from madan_sara.persistence.rows import (
    CLAIM_AS_JSON,
    IDENTIFIERS_OF_MESSAGE,
    SUPPRESSIONS_OF_MESSAGE,
    Row,
    claims_from,
    suppressions_from,
)
from madan_sara.policy.frequency import WEEK, RecentClaim


@dataclass(frozen=True)
class Contacts:
    """The suppressions of a person, and the claims that count against the caps."""

    suppressions: Sequence[Suppression]
    #: Live claims of messages still to be sent, or sent within the longest window of a cap.
    claims: Sequence[RecentClaim]


_CAMPAIGNS: Final = Query("""
SELECT c.campaign_id, c.name, c.status, c.created_at,
       (SELECT coalesce(json_object_agg(name, messages), '{}') FROM (
            SELECT name, sum(messages) AS messages FROM (
                SELECT name, messages FROM campaign_tallies t
                 WHERE (t.tenant_id, t.campaign_id) = (c.tenant_id, c.campaign_id)
                   AND kind = 'state'
                UNION ALL
                SELECT name, messages FROM campaign_tally_changes t
                 WHERE (t.tenant_id, t.campaign_id) = (c.tenant_id, c.campaign_id)
                   AND kind = 'state') changes
             GROUP BY name HAVING sum(messages) <> 0) states) AS by_state
  FROM campaigns c
 WHERE c.tenant_id = :tenant_id
   AND (CAST(:status AS text) IS NULL OR c.status = :status)
   AND (c.created_at, c.campaign_id) < (
           coalesce((SELECT created_at FROM campaigns
                      WHERE tenant_id = :tenant_id AND campaign_id = CAST(:after AS uuid)),
                    'infinity'),
           coalesce(CAST(:after AS uuid), 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
 ORDER BY c.created_at DESC, c.campaign_id DESC
 LIMIT :limit
""")

_COLUMNS: Final = """
    m.message_id, m.campaign_id, c.name AS campaign_name, m.recipient_id, m.state, m.reason,
    CAST(m.details AS text) AS details, m.channel, m.created_at, m.scheduled_at, m.sent_at
"""
_CHOSEN: Final = """
   AND (CAST(:state AS text) IS NULL OR m.state = :state)
   AND (CAST(:reason AS text) IS NULL OR m.reason = :reason)
   AND (CAST(:channel AS text) IS NULL OR m.channel = :channel)
"""

# In the order in which the campaign starts its recipients.
_MESSAGES: Final = Query(f"""
SELECT {_COLUMNS}
  FROM messages m JOIN campaigns c USING (tenant_id, campaign_id)
 WHERE m.tenant_id = :tenant_id AND m.campaign_id = :campaign_id {_CHOSEN}
   AND m.message_id > coalesce(CAST(:after AS uuid), '00000000-0000-0000-0000-000000000000')
 ORDER BY m.message_id
 LIMIT :limit
""")  # noqa: S608 - built from constants of ours

# The newest first.
_MESSAGES_OF_PERSON: Final = Query(f"""
SELECT {_COLUMNS}
  FROM messages m JOIN campaigns c USING (tenant_id, campaign_id)
 WHERE m.tenant_id = :tenant_id AND m.recipient_id = :recipient_id {_CHOSEN}
   AND (CAST(:campaign_id AS uuid) IS NULL OR m.campaign_id = :campaign_id)
   AND (m.created_at, m.message_id) < (
           coalesce((SELECT created_at FROM messages
                      WHERE tenant_id = :tenant_id AND message_id = CAST(:after AS uuid)),
                    'infinity'),
           coalesce(CAST(:after AS uuid), 'ffffffff-ffff-ffff-ffff-ffffffffffff'))
 ORDER BY m.created_at DESC, m.message_id DESC
 LIMIT :limit
""")  # noqa: S608 - built from constants of ours

# Of the person and of the addresses the last message for them may go to.
_CONTACTS: Final = Query(f"""
SELECT {SUPPRESSIONS_OF_MESSAGE} AS suppressions,
       (SELECT coalesce(json_agg({CLAIM_AS_JSON.format(recipient_id="m.recipient_id")}
                                 ORDER BY r.claimed_at), '[]')
          FROM recipient_claims r
         WHERE r.tenant_id = m.tenant_id
           AND r.message_id IN (SELECT k.message_id FROM claimed_identifiers k
                                 WHERE k.tenant_id = m.tenant_id
                                   AND k.identifier = ANY(person.identifiers))
           AND (r.sent_at IS NULL OR r.sent_at > CAST(:since AS timestamptz))) AS claims
  FROM (SELECT CAST(:tenant_id AS uuid) AS tenant_id,
               CAST(:recipient_id AS text) AS recipient_id) asked
  LEFT JOIN LATERAL (
       SELECT addresses, channels FROM messages JOIN campaigns USING (tenant_id, campaign_id)
        WHERE (tenant_id, recipient_id) = (asked.tenant_id, asked.recipient_id)
        ORDER BY messages.created_at DESC, message_id DESC LIMIT 1) last ON true
 CROSS JOIN LATERAL (SELECT asked.tenant_id, asked.recipient_id,
                            coalesce(last.addresses, '{{}}') AS addresses) m
 CROSS JOIN LATERAL (SELECT coalesce(last.channels, '[]') AS channels) c
 CROSS JOIN LATERAL (SELECT {IDENTIFIERS_OF_MESSAGE} AS identifiers OFFSET 0) person
""")  # noqa: S608 - built from constants of ours


class PostgresFinder:
    """Finds a tenant's campaigns, messages and people."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def campaigns(
        self, tenant_id: UUID, *, status: CampaignStatus | None, after: UUID | None, limit: int
    ) -> list[FoundCampaign]:
        """A page of campaigns, the newest first, after a given one."""
        parameters = {
            "tenant_id": tenant_id,
            "status": status and status.value,
            "after": after,
            "limit": limit,
        }
        return [_campaign(row) for row in await self._database.fetch(_CAMPAIGNS, parameters)]

    async def messages(
        self,
        tenant_id: UUID,
        campaign_id: UUID | None,
        chosen: MessageFilter,
        *,
        after: UUID | None,
        limit: int,
    ) -> list[FoundMessage]:
        """A page of messages after a given one.

        A person's come with the newest first, a campaign's in the order in which it starts
        its recipients.

        Args:
            tenant_id: their owner.
            campaign_id: the campaign; None: all, for which a person has to be chosen.
            chosen: which of them.
            after: the last message of the page before.
            limit: how many at most.
        """
        parameters = {
            "tenant_id": tenant_id,
            "campaign_id": campaign_id,
            "recipient_id": chosen.recipient_id,
            "state": chosen.state and chosen.state.value,
            "reason": chosen.reason and chosen.reason.value,
            "channel": chosen.channel and chosen.channel.value,
            "after": after,
            "limit": limit,
        }
        query = _MESSAGES if chosen.recipient_id is None else _MESSAGES_OF_PERSON
        return [_message(row) for row in await self._database.fetch(query, parameters)]

    async def contacts(self, tenant_id: UUID, recipient_id: str, now: datetime) -> Contacts:
        """A person's suppressions at an instant, and the claims that count against the caps."""
        key = {"tenant_id": tenant_id, "recipient_id": recipient_id}
        parameters = {**key, "since": now - WEEK}
        (row,) = await self._database.fetch(_CONTACTS, parameters)
        return Contacts(suppressions_from(row["suppressions"]), claims_from(row["claims"]))


def _campaign(row: Row) -> FoundCampaign:
    return FoundCampaign(
        campaign_id=row["campaign_id"],
        name=row["name"],
        status=CampaignStatus(row["status"]),
        created_at=row["created_at"],
        by_state=row["by_state"],
    )


def _message(row: Row) -> FoundMessage:
    return FoundMessage(
        message_id=row["message_id"],
        campaign_id=row["campaign_id"],
        campaign_name=row["campaign_name"],
        recipient_id=row["recipient_id"],
        state=OutreachState(row["state"]),
        reason=row["reason"] and ExitReason(row["reason"]),
        details=json.loads(row["details"]),
        channel=row["channel"] and Channel(row["channel"]),
        created_at=row["created_at"],
        scheduled_at=row["scheduled_at"],
        sent_at=row["sent_at"],
    )
