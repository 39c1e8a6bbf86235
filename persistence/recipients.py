"""A campaign's recipients, stored by the thousand."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

import asyncpg

from madan_sara.contracts.campaign import FINAL_STATUSES, Campaign, CampaignStatus
from madan_sara.contracts.content import MessageContent
from madan_sara.contracts.errors import FinalStatusError
from madan_sara.contracts.naming import batch_key, import_key
from madan_sara.persistence.database import Database, Query
from madan_sara.persistence.messages import NewMessage
from madan_sara.persistence.new_recipient import NewRecipient, new_recipient
from madan_sara.policy.message_price import least_parts

# A campaign completes of itself when every recipient has an outcome; with new ones it goes on.
_REOPEN: Final = Query("""
WITH reopened AS (
    UPDATE campaigns
       SET status = 'active', updated_at = CAST(:now AS timestamptz)
     WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id AND status = 'completed'
    RETURNING tenant_id, campaign_id
)
INSERT INTO campaign_events (tenant_id, campaign_id, kind, occurred_at)
SELECT tenant_id, campaign_id, 'reopened', CAST(:now AS timestamptz) FROM reopened
""")

# Held until the chunk is stored. A campaign that ends meanwhile waits, and then finds every
# recipient it has to close; a second import waits, so that two files that name the same
# people in another order cannot wait for each other.
_LOCK_CAMPAIGN: Final = Query("""
SELECT status FROM campaigns
 WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id
   FOR NO KEY UPDATE
""")

# The daily share depends on it: a batch may cost less than the campaign's own text.
_NOTE_BATCH: Final = Query("""
UPDATE campaigns SET batch_parts = CAST(:parts AS integer)
 WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id
   AND (batch_parts > CAST(:parts AS integer)) IS NOT FALSE
""")

_STAGING: Final = "imported_recipients"
_STAGED_COLUMNS: Final = (*NewRecipient._fields, "idempotency_key", "position")

# Gone with the transaction: nothing may be left on a connection of the pool.
_CREATE_STAGING: Final = f"""
CREATE TEMPORARY TABLE {_STAGING} (
    recipient_id text, request_digest text, profile text, addresses text, idempotency_key text,
    position integer
) ON COMMIT DROP
"""

# In the order of the file: of two rows for one person the first counts, and the ids, which
# grow, have the campaign start its recipients in that order.
_ADD: Final = Query(f"""
WITH content AS (
    INSERT INTO contents (tenant_id, digest, body)
    VALUES (:tenant_id, :content_digest, CAST(CAST(:content AS text) AS jsonb))
        ON CONFLICT DO NOTHING
), added AS (
    INSERT INTO messages (message_id, tenant_id, campaign_id, recipient_id, idempotency_key,
                          request_digest, profile, addresses, content_digest, force_send, state,
                          created_at)
    SELECT uuidv7(), CAST(:tenant_id AS uuid), CAST(:campaign_id AS uuid), recipient_id,
           idempotency_key, request_digest, CAST(profile AS jsonb), CAST(addresses AS jsonb),
           CAST(:content_digest AS text), CAST(:force_send AS boolean), 'queued',
           CAST(:now AS timestamptz)
      FROM {_STAGING}
     ORDER BY position
        ON CONFLICT (tenant_id, idempotency_key) DO NOTHING
    RETURNING tenant_id, campaign_id, message_id, recipient_id
), queued AS (
    INSERT INTO campaign_queue (tenant_id, campaign_id, message_id)
    SELECT tenant_id, campaign_id, message_id FROM added
)
SELECT recipient_id FROM added
""")  # noqa: S608 - built from constants of ours


@dataclass(frozen=True)
class StoredRecipients:
    """The result of adding recipients."""

    #: The positions of recipients the campaign had already.
    known: Sequence[int] = ()
    #: Whether the campaign had completed, and goes on with the new ones.
    reopened: bool = False


class PostgresRecipients:
    """Adds recipients to campaigns.

    Args:
        database: where campaigns and messages are kept.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, campaign: Campaign, messages: Sequence[NewMessage], now: datetime) -> int:
        """Queue a list of requests with one content; see `add_rows`.

        Their own idempotency keys do not count: each recipient gets the content once.
        """
        if not messages:
            return 0
        rows = [
            new_recipient(message.recipient_id, message.request_digest, message.profile)
            for message in messages
        ]
        first = messages[0]
        stored = await self.add_rows(
            campaign,
            first.content,
            rows,
            now,
            key=partial(batch_key, campaign.id, first.content.digest()),
            force_send=first.force_send,
        )
        return len(rows) - len(stored.known)

    async def add_rows(
        self,
        campaign: Campaign,
        content: MessageContent,
        recipients: Sequence[NewRecipient],
        now: datetime,
        *,
        key: Callable[[str], str] | None = None,
        force_send: bool = False,
    ) -> StoredRecipients:
        """Queue the recipients that are new to the campaign, all of them or none.

        A completed campaign that gets a recipient is active again by the same transaction.

        Args:
            campaign: a saved campaign.
            content: the text they are sent.
            recipients: the recipients to add.
            now: the instant of the request.
            key: idempotency key by recipient; `import_key` unless given.
            force_send: as in `send_outreach`.

        Returns:
            The recipients added, and those known from an earlier call or from this one.

        Raises:
            FinalStatusError: the campaign is over for good.
        """
        if not recipients:
            return StoredRecipients()
        parameters = {
            "tenant_id": campaign.tenant_uuid,
            "campaign_id": campaign.id,
            "content_digest": content.digest(),
            "content": content.model_dump_json(),
            "force_send": force_send,
            "now": now,
        }
        async with self._database.bulk() as connection:
            status = await connection.fetchval(
                _LOCK_CAMPAIGN.sql, *_LOCK_CAMPAIGN.arguments(parameters)
            )
            require_open(campaign, status, now)
            await connection.execute(_CREATE_STAGING)
            await connection.copy_records_to_table(
                _STAGING,
                columns=_STAGED_COLUMNS,
                records=_staged(recipients, key or partial(import_key, campaign.id)),
            )
            rows = await connection.fetch(_ADD.sql, *_ADD.arguments(parameters))
            is_batch = key is not None
            if is_batch and (parts := least_parts(content)) is not None:
                await _execute(connection, _NOTE_BATCH, {**parameters, "parts": parts})
            reopened = bool(rows) and status == CampaignStatus.COMPLETED
            if reopened:
                await _execute(connection, _REOPEN, parameters)
        return StoredRecipients(
            known=_known(recipients, {row["recipient_id"] for row in rows}), reopened=reopened
        )


async def _execute(
    connection: asyncpg.Connection, query: Query, parameters: Mapping[str, object]
) -> None:
    await connection.execute(query.sql, *query.arguments(parameters))


def require_open(campaign: Campaign, status: str, now: datetime) -> None:
    """Refuse to add recipients to a campaign that is over for good.

    One that has completed because every recipient had an outcome may go on before its end date.

    Raises:
        FinalStatusError: it is; no recipient would ever be sent anything.
    """
    may_go_on = status == CampaignStatus.COMPLETED and not campaign.is_over(now)
    if status in FINAL_STATUSES and not may_go_on:
        raise FinalStatusError(
            f"campaign {campaign.id} is {status}, which is final; import into another one"
        )


def _known(recipients: Sequence[NewRecipient], added: set[str]) -> Sequence[int]:
    """The positions of recipients not added; of two with one id, the first was."""
    known = []
    for position, recipient in enumerate(recipients):
        if recipient.recipient_id in added:
            added.remove(recipient.recipient_id)
        else:
            known.append(position)
    return known


def _staged(
    recipients: Sequence[NewRecipient], key: Callable[[str], str]
) -> Iterator[tuple[str | int, ...]]:
    for position, recipient in enumerate(recipients):
        yield *recipient, key(recipient.recipient_id), position
