"""Ending many messages of a campaign unsent, a page at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, Self
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from madan_sara.activities.campaign_stores import SweptPage
from madan_sara.contracts.campaign_run import CampaignRef, Sweep
from madan_sara.contracts.outreach import ExitReason, OutreachState
from madan_sara.persistence.database import Database
from madan_sara.persistence.ledger_sql import GIVE_BACK

#: Messages one statement of a sweep looks at; more would keep others from the accounts.
SWEPT_AT_ONCE: Final = 500

_BEFORE_ALL: Final = UUID(int=0)

# As one message is closed, so are many: each is locked, in the order of the key, before any
# account. What another transaction has locked is decided by what that leaves.
_LOCK_PAGE = text("""
WITH page AS (
    SELECT tenant_id, message_id FROM messages
     WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id
       AND message_id > CAST(:after AS uuid)
     ORDER BY message_id
     LIMIT :at_most
), locked AS MATERIALIZED (
    SELECT m.message_id, m.state FROM messages m JOIN page USING (tenant_id, message_id)
     WHERE m.state = ANY(CAST(:states AS text[]))
     ORDER BY m.message_id
       FOR NO KEY UPDATE OF m
)
SELECT (SELECT message_id FROM page ORDER BY message_id DESC LIMIT 1) AS last,
       ARRAY(SELECT message_id FROM locked) AS locked,
       ARRAY(SELECT message_id FROM locked WHERE state = 'scheduled') AS asleep
""")

# By the holds that pay for them, in the order in which they are due: few of a campaign's are
# behind its end. A message that was moved before the end has an older hold there. Each message
# is looked up by itself: joined, all of a campaign's might be read.
_LOCK_PAGE_BEHIND_END = text("""
WITH page AS (
    SELECT hold.due_at, hold.message_id
      FROM budget_entries hold
     CROSS JOIN LATERAL (
           SELECT state, scheduled_at FROM messages
            WHERE (tenant_id, message_id) = (hold.tenant_id, hold.message_id)
           OFFSET 0) m
     WHERE hold.tenant_id = :tenant_id AND hold.campaign_id = :campaign_id
       AND hold.due_at IS NOT NULL
       AND (hold.due_at, hold.message_id) > (CAST(:due_after AS timestamptz),
                                             CAST(:id_after AS uuid))
       AND m.state = 'scheduled'
       AND m.scheduled_at >= (
               SELECT ends_at FROM budget_accounts
                WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id
                  AND scope = 'campaign')
     ORDER BY hold.due_at, hold.message_id
     LIMIT :at_most
), locked AS MATERIALIZED (
    SELECT message_id FROM messages
     WHERE tenant_id = :tenant_id AND message_id IN (SELECT message_id FROM page)
       AND state = 'scheduled'
     ORDER BY message_id
       FOR NO KEY UPDATE
)
SELECT last.due_at, last.message_id, ARRAY(SELECT message_id FROM locked) AS locked
  FROM (SELECT due_at, message_id FROM page
         ORDER BY due_at DESC, message_id DESC LIMIT 1) last
""")

# A statement of its own: one that had waited for a lock would see neither the hold that was
# taken under it meanwhile nor the end the campaign has got. Nothing expires before the end.
_END_LOCKED = text(f"""
WITH ended AS (
    UPDATE messages m
       SET state = CAST(:state AS text), reason = CAST(:reason AS text), details = '{{}}',
           finished_at = CAST(:now AS timestamptz)
     WHERE m.tenant_id = CAST(:tenant_id AS uuid)
       AND m.message_id = ANY(CAST(:locked AS uuid[]))
       AND (CAST(:reason AS text) <> '{ExitReason.EXPIRED}' OR EXISTS (
               SELECT FROM budget_accounts a
                WHERE (a.tenant_id, a.campaign_id, a.scope)
                    = (m.tenant_id, m.campaign_id, 'campaign')
                  AND (a.ends_at <= CAST(:now AS timestamptz) OR a.ends_at <= m.scheduled_at)))
    RETURNING m.tenant_id, m.message_id
), unqueued AS (
    DELETE FROM campaign_queue q USING ended
     WHERE (q.tenant_id, q.campaign_id, q.message_id)
         = (CAST(:tenant_id AS uuid), CAST(:campaign_id AS uuid), ended.message_id)
), {GIVE_BACK}
SELECT message_id FROM ended
""")  # noqa: S608 - built from constants of ours


class Place(NamedTuple):
    """How far the sends behind an end were closed: by the time they are due, then by id."""

    due_at: datetime
    message_id: UUID

    @classmethod
    def at(cls, end: datetime) -> Self:
        """Where the sends behind an end begin."""
        return cls(end, _BEFORE_ALL)


@dataclass(frozen=True)
class PageBehindEnd:
    """What one step of closing the sends behind an end did."""

    closed: tuple[UUID, ...] = ()
    #: The last send it looked at; None: there was none.
    last: Place | None = None


async def sweep_page(
    database: Database,
    ref: CampaignRef,
    sweep: Sweep,
    after: UUID | None,
    now: datetime,
    *,
    at_most: int,
) -> SweptPage:
    """End the next page of messages unsent; see `CampaignRunStore`."""
    page = {
        **_key(ref),
        "after": after or _BEFORE_ALL,
        "at_most": at_most,
        "states": [state.value for state in sweep.states],
    }
    end = {"state": sweep.state.value, "reason": sweep.reason.value, "now": now}
    async with database.transaction() as connection:
        row = (await connection.execute(_LOCK_PAGE, page)).one()
        ended = await _end(connection, {**_key(ref), **end, "locked": row.locked})
    asleep = ended & set(row.asleep)
    return SweptPage(ended=len(ended), asleep=sorted(asleep), last=row.last)


async def close_page_behind_end(
    database: Database, ref: CampaignRef, after: Place, now: datetime, *, at_most: int
) -> PageBehindEnd:
    """Close the next page of sends behind an end; see `PostgresCampaignRuns`."""
    page = {
        **_key(ref),
        "due_after": after.due_at,
        "id_after": after.message_id,
        "at_most": at_most,
    }
    end = {"state": OutreachState.BLOCKED.value, "reason": ExitReason.EXPIRED.value, "now": now}
    async with database.transaction() as connection:
        row = (await connection.execute(_LOCK_PAGE_BEHIND_END, page)).one_or_none()
        if row is None:
            return PageBehindEnd()
        closed = await _end(connection, {**_key(ref), **end, "locked": row.locked})
    return PageBehindEnd(tuple(sorted(closed)), Place(row.due_at, row.message_id))


async def _end(connection: AsyncConnection, end: Mapping[str, object]) -> set[UUID]:
    """End the messages that are locked; which of them it were."""
    return set((await connection.execute(_END_LOCKED, end)).scalars())


def _key(ref: CampaignRef) -> dict[str, object]:
    return {"tenant_id": ref.tenant_id, "campaign_id": ref.campaign_id}
