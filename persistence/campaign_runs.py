"""Campaigns as they run, in PostgreSQL."""

import json
from collections.abc import Callable, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text

from madan_sara.activities.campaign_stores import SweptPage, TakenPage
from madan_sara.contracts.campaign import Campaign, CampaignStatus
from madan_sara.contracts.campaign_run import SHOWN_EVENTS, CampaignEvent, CampaignRef, Sweep, Wait
from madan_sara.contracts.errors import NotFoundError
from madan_sara.contracts.outreach import Details
from madan_sara.persistence.accounts import ACCOUNT_COLUMNS, account_from
from madan_sara.persistence.campaign_limits import requeue
from madan_sara.persistence.campaigns import PostgresCampaignStore
from madan_sara.persistence.channel_waits import CHANNEL_WAITS, channel_waits_from
from madan_sara.persistence.database import Database, Query
from madan_sara.persistence.ledger_sql import GIVE_BACK
from madan_sara.persistence.rows import campaign_from
from madan_sara.persistence.tallies import TALLIES, TALLIES_AS_JSON, tallies_from
from madan_sara.policy.campaign_progress import CampaignFacts

#: Messages one statement of a sweep looks at; more would keep others from the accounts.
_SWEPT_AT_ONCE = 500

_LOAD = Query("""
SELECT CAST(config AS text) AS config, status FROM campaigns
 WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id
""")

_FACTS = Query(f"""
SELECT CAST(c.config AS text) AS config, c.status, c.daily_share, c.share_day, c.batch_parts,
       {TALLIES_AS_JSON} AS tallies,
       {CHANNEL_WAITS} AS channel_waits,
       (SELECT max(e.created_at) FROM budget_entries e
         WHERE (e.tenant_id, e.campaign_id) = (c.tenant_id, c.campaign_id)
           AND e.kind = 'settle') AS last_taken_at,
       (SELECT json_agg(row_to_json(a)) FROM (
            SELECT {ACCOUNT_COLUMNS} FROM budget_accounts a
             WHERE (a.tenant_id, a.campaign_id) = (c.tenant_id, c.campaign_id)) a) AS accounts
  FROM campaigns c
 WHERE c.tenant_id = :tenant_id AND c.campaign_id = :campaign_id
""")  # noqa: S608 - built from constants of ours

# Noted only where the share is another: the same share was noted when it was chosen.
_SET_SHARE = Query("""
WITH before AS (
    SELECT tenant_id, campaign_id, daily_share FROM campaigns
     WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id
       AND share_day IS DISTINCT FROM CAST(:day AS date)
       FOR NO KEY UPDATE
), chosen AS (
    UPDATE campaigns c SET daily_share = CAST(:share AS bigint), share_day = CAST(:day AS date)
      FROM before
     WHERE (c.tenant_id, c.campaign_id) = (before.tenant_id, before.campaign_id)
)
INSERT INTO campaign_events (tenant_id, campaign_id, kind, details, occurred_at)
SELECT tenant_id, campaign_id, 'daily_share_chosen',
       jsonb_strip_nulls(jsonb_build_object('share', CAST(:share AS bigint),
                                            'before', daily_share,
                                            'reason', CAST(:reason AS text))),
       CAST(:now AS timestamptz)
  FROM before
 WHERE daily_share IS DISTINCT FROM CAST(:share AS bigint)
""")

#: A transaction that notes an event has locked the campaign, so they become visible in order.
_EVENTS_AFTER = Query(f"""
SELECT event_no, occurred_at, kind, details FROM (
    SELECT * FROM campaign_events
     WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id AND event_no > :event_no
     ORDER BY event_no DESC
     LIMIT {SHOWN_EVENTS}) last
 ORDER BY event_no
""")  # noqa: S608 - built from constants of ours

_NOTE_STARTED = Query("""
UPDATE campaigns SET is_started = true
 WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id AND NOT is_started
""")

# Its workflow says so: it was started, by whatever command.
_NOTE_WAIT = Query("""
UPDATE campaigns
   SET is_started = true,
       waits_for = CAST(:waits_for AS text), wakes_at = CAST(:wakes_at AS timestamptz)
 WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id
   AND (is_started, waits_for, wakes_at)
       IS DISTINCT FROM (true, CAST(:waits_for AS text), CAST(:wakes_at AS timestamptz))
""")

_IN_MOTION = Query(f"""
SELECT coalesce(sum(messages), 0)::bigint AS messages FROM ({TALLIES}) t
 WHERE kind = 'state' AND name IN ('deciding', 'sending')
""")  # noqa: S608 - built from constants of ours

# A message that is being decided already was taken by a dispatch that died before starting it:
# it is started in any status of its campaign, so that it comes to its end. One that has ended
# was withdrawn by itself, and is passed over.
_TAKE = Query("""
WITH page AS (
    SELECT q.tenant_id, q.message_id
      FROM campaign_queue q
      JOIN campaigns c USING (tenant_id, campaign_id)
     CROSS JOIN LATERAL (
           SELECT state FROM messages
            WHERE (tenant_id, message_id) = (q.tenant_id, q.message_id)
           OFFSET 0) m
     WHERE q.tenant_id = :tenant_id AND q.campaign_id = :campaign_id
       AND (m.state = 'deciding'
            OR (m.state = 'queued' AND c.status = 'active' AND NOT CAST(:only_taken AS boolean)))
     ORDER BY q.message_id
     LIMIT :at_most
), taken AS (
    UPDATE messages m SET state = 'deciding'
      FROM page
     WHERE (m.tenant_id, m.message_id) = (page.tenant_id, page.message_id)
       AND m.state = 'queued'
)
SELECT message_id FROM page ORDER BY message_id
""")

_STARTED = Query("""
DELETE FROM campaign_queue q USING messages m
 WHERE q.tenant_id = :tenant_id AND q.campaign_id = :campaign_id
   AND q.message_id = ANY(CAST(:message_ids AS uuid[]))
   AND (m.tenant_id, m.message_id) = (q.tenant_id, q.message_id) AND m.state <> 'queued'
""")

# Many messages are closed as one is: each is locked, in the order of the key, before any
# account. A message that another transaction has locked is decided by what that leaves.
_LOCK_PAGE = text("""
WITH page AS (
    SELECT tenant_id, message_id FROM messages
     WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id
       AND message_id > CAST(:after AS uuid)
     ORDER BY message_id
     LIMIT :at_most
), locked AS MATERIALIZED (
    SELECT m.message_id FROM messages m JOIN page USING (tenant_id, message_id)
     WHERE m.state = ANY(CAST(:states AS text[]))
       AND (m.scheduled_at >= CAST(:planned_from AS timestamptz)) IS NOT FALSE
     ORDER BY m.message_id
       FOR NO KEY UPDATE OF m
)
SELECT (SELECT message_id FROM page ORDER BY message_id DESC LIMIT 1) AS last,
       ARRAY(SELECT message_id FROM locked) AS locked
""")

# A statement of its own: one that had waited for a lock would not see the hold that the
# transaction before it took.
_END_LOCKED = text(f"""
WITH ended AS (
    UPDATE messages m
       SET state = CAST(:state AS text), reason = CAST(:reason AS text), details = '{{}}',
           finished_at = CAST(:now AS timestamptz)
     WHERE m.tenant_id = CAST(:tenant_id AS uuid)
       AND m.message_id = ANY(CAST(:locked AS uuid[]))
    RETURNING m.tenant_id, m.message_id
), unqueued AS (
    DELETE FROM campaign_queue q USING ended
     WHERE (q.tenant_id, q.campaign_id, q.message_id)
         = (CAST(:tenant_id AS uuid), CAST(:campaign_id AS uuid), ended.message_id)
), {GIVE_BACK}
SELECT count(*) FROM ended
""")  # noqa: S608 - built from constants of ours

_BEFORE_ALL = UUID(int=0)


class PostgresCampaignRuns:
    """`CampaignRunStore` on PostgreSQL."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._campaigns = PostgresCampaignStore(database)

    async def facts(self, ref: CampaignRef, now: datetime) -> CampaignFacts:
        """The facts the next step of a campaign depends on; see `CampaignRunStore`."""
        row = await self._database.fetch_one(_FACTS, _key(ref))
        if row is None:
            raise NotFoundError.campaign(ref.campaign_id)
        return CampaignFacts.at(
            now,
            campaign_from(row["config"], row["status"]),
            tallies_from(row["tallies"]),
            [account_from(account) for account in row["accounts"]],
            daily_share=row["daily_share"],
            share_day=row["share_day"],
            last_taken_at=row["last_taken_at"],
            channel_waits=channel_waits_from(row["channel_waits"]),
            batch_parts=row["batch_parts"],
        )

    async def note_started(self, ref: CampaignRef) -> None:
        """Keep that a campaign was started, for its status."""
        await self._database.fetch(_NOTE_STARTED, _key(ref))

    async def note_wait(self, ref: CampaignRef, wait: Wait | None) -> None:
        """Keep what a campaign waits for; see `CampaignRunStore`."""
        waits_for = wait and wait.reason.value
        await self._database.fetch(
            _NOTE_WAIT,
            {**_key(ref), "waits_for": waits_for, "wakes_at": wait and wait.until},
        )

    async def set_share(
        self, ref: CampaignRef, share: int | None, day: date, reason: str, now: datetime
    ) -> None:
        """Keep what a campaign allows itself a day; see `CampaignRunStore`."""
        chosen = {"share": share, "day": day, "reason": reason, "now": now}
        await self._database.fetch(_SET_SHARE, {**_key(ref), **chosen})

    async def events_after(
        self, ref: CampaignRef, event_no: int
    ) -> Sequence[tuple[int, CampaignEvent]]:
        """The events noted since; see `CampaignRunStore`."""
        rows = await self._database.fetch(_EVENTS_AFTER, {**_key(ref), "event_no": event_no})
        return [(row["event_no"], CampaignEvent.model_validate(dict(row))) for row in rows]

    async def take(self, ref: CampaignRef, at_most: int, *, only_taken: bool) -> TakenPage:
        """The first messages of the queue; see `CampaignRunStore`."""
        parameters = {**_key(ref), "at_most": at_most, "only_taken": only_taken}
        rows = await self._database.fetch(_TAKE, parameters)
        return TakenPage(await self._load(ref), [row["message_id"] for row in rows])

    async def started(self, ref: CampaignRef, message_ids: Sequence[UUID]) -> None:
        """Take messages out of the queue; see `CampaignRunStore`."""
        await self._database.fetch(_STARTED, {**_key(ref), "message_ids": list(message_ids)})

    async def requeue(self, ref: CampaignRef) -> None:
        """Queue recipients again for whom a limit had no room; see `CampaignRunStore`."""
        async with self._database.transaction() as connection:
            await requeue(connection, ref.tenant_id, ref.campaign_id)

    async def in_motion(self, ref: CampaignRef) -> int:
        """Messages being decided or handed over at this moment."""
        (row,) = await self._database.fetch(_IN_MOTION, _key(ref))
        return int(row["messages"])

    async def sweep(
        self, ref: CampaignRef, sweep: Sweep, after: UUID | None, now: datetime
    ) -> SweptPage:
        """End the next page of messages unsent; see `CampaignRunStore`."""
        page = {
            **_key(ref),
            "after": after or _BEFORE_ALL,
            "at_most": _SWEPT_AT_ONCE,
            "states": [state.value for state in sweep.states],
            "planned_from": sweep.planned_from,
        }
        end = {
            **_key(ref),
            "state": sweep.state.value,
            "reason": sweep.reason.value,
            "now": now,
        }
        async with self._database.transaction() as connection:
            row = (await connection.execute(_LOCK_PAGE, page)).one()
            await connection.execute(_END_LOCKED, {**end, "locked": row.locked})
        return SweptPage(ended=row.locked, last=row.last)

    async def change(
        self,
        ref: CampaignRef,
        change: Callable[[Campaign], Campaign],
        now: datetime,
        *,
        kind: str,
        details: Details,
    ) -> CampaignStatus:
        """Change a campaign, with its limits and a note of it; see `CampaignRunStore`."""
        return await self._campaigns.change(
            ref.tenant_id, ref.campaign_id, change, now, kind=kind, details=json.dumps(details)
        )

    async def _load(self, ref: CampaignRef) -> Campaign:
        row = await self._database.fetch_one(_LOAD, _key(ref))
        if row is None:
            raise NotFoundError.campaign(ref.campaign_id)
        return campaign_from(row["config"], row["status"])


def _key(ref: CampaignRef) -> dict[str, object]:
    return {"tenant_id": ref.tenant_id, "campaign_id": ref.campaign_id}
