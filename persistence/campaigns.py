"""Campaigns as saved, in PostgreSQL."""

import json
from collections.abc import Callable
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from madan_sara.contracts.campaign import FINAL_STATUSES, CampaignStatus, OutreachCampaign
from madan_sara.contracts.campaign_run import LIMITS_SAVED
from madan_sara.contracts.errors import InvalidRequestError, NotFoundError
from madan_sara.contracts.limit_changes import limit_changes
from madan_sara.contracts.outreach import FINAL_STATES, OutreachState
from madan_sara.persistence.campaign_limits import explain_limits, save_limits
from madan_sara.persistence.database import Database, Query
from madan_sara.persistence.rows import campaign_from
from madan_sara.persistence.tallies import TALLIES
from madan_sara.policy.campaign_days import campaign_day

#: As the statements take them.
_FINAL = sorted(status.value for status in FINAL_STATUSES)
_OPEN_STATES = sorted(state.value for state in set(OutreachState) - FINAL_STATES)

# A share of the day is chosen anew when something it depends on has changed; saved again as
# it was, paused or resumed, a campaign keeps it, and its version. On the way of a send, only
# the version that the sender knows is replaced, and its status stays.
_SAVE = text("""
INSERT INTO campaigns (tenant_id, campaign_id, name, status, config, created_at, updated_at)
VALUES (:tenant_id, :campaign_id, :name, :status, CAST(:config AS jsonb), :now, :now)
    ON CONFLICT (tenant_id, campaign_id) DO UPDATE
   SET name = excluded.name, config = excluded.config,
       version = campaigns.version
               + (campaigns.config - 'status' <> excluded.config - 'status')::integer,
       share_day = CASE WHEN campaigns.config - 'status' = excluded.config - 'status'
                        THEN campaigns.share_day END,
       daily_share = CASE WHEN CAST(excluded.config -> 'auto_pacing' AS boolean)
                          THEN campaigns.daily_share END,
       status = CASE WHEN :by_send OR campaigns.status = ANY(CAST(:final AS text[]))
                     THEN campaigns.status ELSE excluded.status END,
       updated_at = excluded.updated_at
 WHERE NOT :by_send OR campaigns.version = CAST(:known_version AS bigint)
RETURNING version
""")

_LOAD = Query("""
SELECT CAST(config AS text) AS config, status, version FROM campaigns
 WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id
""")

_LOCKED = text("""
SELECT CAST(config AS text) AS config, status FROM campaigns
 WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id
   FOR NO KEY UPDATE
""")

_CHANGE = text("""
UPDATE campaigns
   SET name = :name, status = :status, config = CAST(:config AS jsonb),
       version = version
               + (config - 'status' <> CAST(:config AS jsonb) - 'status')::integer,
       share_day = CASE WHEN config - 'status' = CAST(:config AS jsonb) - 'status'
                        THEN share_day END,
       updated_at = :now
 WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id
""")

_COUNT_OPEN = text(f"""
SELECT coalesce(sum(messages), 0) FROM ({TALLIES}) t
 WHERE kind = 'state' AND name = ANY(CAST(:open AS text[]))
""")  # noqa: S608 - built from constants of ours

_NOTE = text("""
INSERT INTO campaign_events (tenant_id, campaign_id, kind, details, occurred_at)
VALUES (:tenant_id, :campaign_id, :kind, CAST(:details AS jsonb), :now)
""")


class PostgresCampaignStore:
    """Saves, loads and changes campaigns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, campaign: OutreachCampaign, today: date, now: datetime) -> int:
        """Store a campaign and the limits of its accounts, new or changed, as it is.

        Limits that are others than before are noted.

        Args:
            campaign: with its settings filled in.
            today: the campaign's day; limits of past days stay as they were.
            now: the instant of the change.

        Returns:
            The version it has then; a final status stays in any case.

        Raises:
            InvalidRequestError: a limit is below what is held or spent already.
        """
        version = await self._save(campaign, today, now, by_send=False, known_version=None)
        assert version is not None  # noqa: S101 - nothing was asked of the saved one
        return version

    async def save_for_send(
        self, campaign: OutreachCampaign, today: date, now: datetime, *, known_version: int | None
    ) -> int | None:
        """Store a campaign that is new, or that the sender knows as it is saved.

        Its status stays. The rest as for `save`.

        Args:
            campaign: with its settings filled in.
            today: the campaign's day.
            now: the instant of the change.
            known_version: what the sender saved or loaded; None: nothing.

        Returns:
            The version it has then; None: another is saved, which stands.

        Raises:
            InvalidRequestError: a limit is below what is held or spent already.
        """
        return await self._save(campaign, today, now, by_send=True, known_version=known_version)

    async def _save(
        self,
        campaign: OutreachCampaign,
        today: date,
        now: datetime,
        *,
        by_send: bool,
        known_version: int | None,
    ) -> int | None:
        row = {**_row(campaign, now), "by_send": by_send, "known_version": known_version}
        try:
            async with self._database.transaction() as connection:
                before = (await connection.execute(_LOCKED, row)).mappings().one_or_none()
                saved = await connection.execute(_SAVE, {**row, "final": _FINAL})
                version: int | None = saved.scalar_one_or_none()
                if version is not None:
                    await save_limits(connection, campaign, today)
                    if before is not None:
                        present = campaign_from(before["config"], before["status"])
                        await _note_limits(connection, present, campaign, now)
        except IntegrityError:
            raise InvalidRequestError(
                await explain_limits(self._database, campaign, today)
            ) from None
        return version

    async def load(self, tenant_id: UUID, campaign_id: UUID) -> OutreachCampaign | None:
        """A saved campaign, which knows its version, or None."""
        key = {"tenant_id": tenant_id, "campaign_id": campaign_id}
        row = await self._database.fetch_one(_LOAD, key)
        if row is None:
            return None
        campaign = campaign_from(row["config"], row["status"]).model_copy(deep=True)
        campaign.note_saved(row["version"])
        return campaign

    async def change(
        self,
        tenant_id: UUID,
        campaign_id: UUID,
        change: Callable[[OutreachCampaign], OutreachCampaign],
        now: datetime,
        *,
        kind: str,
        details: str,
    ) -> CampaignStatus:
        """Change a campaign as it is at this moment, and note it.

        One that is over stays so; one that ends of itself does so only while everybody has
        an outcome, whoever was added the moment before included. A change that changes
        nothing is not noted.

        Args:
            tenant_id: its owner.
            campaign_id: the campaign.
            change: from the campaign as it is to a copy as it becomes.
            now: the instant of the change.
            kind: what the note is called.
            details: the note's figures, as JSON.

        Returns:
            The status it has now.

        Raises:
            InvalidRequestError: a limit is below what is held or spent already; nothing
                was changed.
            NotFoundError: there is no such campaign.
        """
        key = {"tenant_id": tenant_id, "campaign_id": campaign_id}
        try:
            async with self._database.transaction() as connection:
                row = (await connection.execute(_LOCKED, key)).mappings().one_or_none()
                if row is None:
                    raise NotFoundError.campaign(campaign_id)
                present = campaign_from(row["config"], row["status"])
                if present.status in FINAL_STATUSES:
                    return present.status
                changed = change(present)
                if changed == present or await _ends_too_early(connection, changed):
                    return present.status
                await connection.execute(_CHANGE, _row(changed, now))
                await save_limits(connection, changed, campaign_day(changed, now))
                await connection.execute(
                    _NOTE, {**key, "kind": kind, "details": details, "now": now}
                )
        except IntegrityError:
            raise InvalidRequestError(
                await explain_limits(self._database, changed, campaign_day(changed, now))
            ) from None
        return changed.status


async def _note_limits(
    connection: AsyncConnection, before: OutreachCampaign, saved: OutreachCampaign, now: datetime
) -> None:
    """Note the limits a campaign was saved with, where they are others than it had."""
    changes = limit_changes(before, saved)
    if not changes:
        return
    note = {
        "tenant_id": saved.tenant_uuid,
        "campaign_id": saved.id,
        "kind": LIMITS_SAVED,
        "details": json.dumps({name: str(change) for name, change in changes.items()}),
        "now": now,
    }
    await connection.execute(_NOTE, note)


async def _ends_too_early(connection: AsyncConnection, changed: OutreachCampaign) -> bool:
    """Whether a campaign would end of itself while somebody has no outcome."""
    if changed.status not in FINAL_STATUSES - {CampaignStatus.CANCELLED}:
        return False
    key = {"tenant_id": changed.tenant_uuid, "campaign_id": changed.id, "open": _OPEN_STATES}
    return bool((await connection.execute(_COUNT_OPEN, key)).scalar_one())


def _row(campaign: OutreachCampaign, now: datetime) -> dict[str, object]:
    return {
        "tenant_id": campaign.tenant_uuid,
        "campaign_id": campaign.id,
        "name": campaign.name,
        "status": campaign.status.value,
        "config": campaign.model_dump_json(),
        "now": now,
    }
