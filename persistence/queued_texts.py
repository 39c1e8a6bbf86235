"""Texts of recipients in a campaign's queue, and their change."""

from collections.abc import Sequence
from typing import Final, NamedTuple
from uuid import UUID

from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.content import MessageContent
from madan_sara.contracts.naming import import_key
from madan_sara.persistence.database import Database, Query

# Those of the campaign's own templates only: a long batch brought its own text.
_WITH_ANOTHER: Final = Query("""
SELECT m.message_id, m.recipient_id, CAST(m.profile AS text) AS profile
  FROM campaign_queue q
  JOIN messages m USING (tenant_id, message_id)
 WHERE q.tenant_id = :tenant_id AND q.campaign_id = :campaign_id AND q.message_id > :after
   AND m.state = 'queued' AND m.content_digest <> :digest
   AND m.idempotency_key = CAST(:key_without_id AS text) || m.recipient_id
 ORDER BY q.message_id
 LIMIT :most
""")

# A recipient who is started meanwhile keeps the text that was read for the decision.
_CHANGE: Final = Query("""
WITH content AS (
    INSERT INTO contents (tenant_id, digest, body)
    VALUES (:tenant_id, :digest, CAST(CAST(:content AS text) AS jsonb)) ON CONFLICT DO NOTHING
), changed AS (
    UPDATE messages m
       SET content_digest = CAST(:digest AS text), request_digest = new.request_digest
      FROM (SELECT CAST(:tenant_id AS uuid) AS tenant_id, given.*
              FROM unnest(CAST(:message_ids AS uuid[]), CAST(:request_digests AS text[]))
                   AS given (message_id, request_digest)
            OFFSET 0) new
     WHERE (m.tenant_id, m.message_id) = (new.tenant_id, new.message_id) AND m.state = 'queued'
    RETURNING m.message_id
)
SELECT count(*) AS changed FROM changed
""")

_BEFORE_ALL: Final = UUID(int=0)


class QueuedRecipient(NamedTuple):
    """A recipient who waits with another text than the campaign has now."""

    message_id: UUID
    recipient_id: str
    #: As it is stored.
    profile: str


class PostgresQueuedTexts:
    """Finds and changes the texts of imported recipients who were not started yet.

    Args:
        database: where campaigns and messages are kept.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def with_another(
        self,
        campaign: Campaign,
        content: MessageContent,
        *,
        most: int,
        after: UUID | None = None,
    ) -> Sequence[QueuedRecipient]:
        """A page of recipients who wait with another text, in the order of the queue.

        Args:
            campaign: a saved campaign.
            content: the text they are to be sent.
            most: how many.
            after: the last one seen; None: from the beginning.
        """
        parameters = {
            "tenant_id": campaign.tenant_uuid,
            "campaign_id": campaign.id,
            "digest": content.digest(),
            "key_without_id": import_key(campaign.id, ""),
            "after": after or _BEFORE_ALL,
            "most": most,
        }
        rows = await self._database.fetch(_WITH_ANOTHER, parameters)
        return [QueuedRecipient(*row.values()) for row in rows]

    async def change(
        self,
        campaign: Campaign,
        content: MessageContent,
        request_digests: dict[UUID, str],
    ) -> int:
        """Give recipients a text.

        Args:
            campaign: a saved campaign.
            content: the text.
            request_digests: their requests' new fingerprints, by message.

        Returns:
            How many got it; the others were started meanwhile.
        """
        parameters = {
            "tenant_id": campaign.tenant_uuid,
            "digest": content.digest(),
            "content": content.model_dump_json(),
            "message_ids": list(request_digests),
            "request_digests": list(request_digests.values()),
        }
        row = await self._database.fetch_one(_CHANGE, parameters)
        return int(row["changed"]) if row else 0
