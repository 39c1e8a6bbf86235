"""Campaigns as saved, in PostgreSQL."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from madan_sara.contracts.campaign import FINAL_STATUSES, Campaign, CampaignStatus
from madan_sara.contracts.campaign_run import LIMITS_SAVED
from madan_sara.contracts.errors import InvalidRequestError, NotFoundError
from madan_sara.contracts.limit_changes import limit_changes
from madan_sara.contracts.outreach import FINAL_STATES, OutreachState
from madan_sara.persistence.campaign_limits import explain_limits, save_limits
from madan_sara.persistence.database import Database, Query
from madan_sara.persistence.kept_fields import unknown_fields
from madan_sara.persistence.rows import Row, campaign_from
from madan_sara.persistence.tallies import TALLIES
from madan_sara.policy.campaign_days import campaign_day
from madan_sara.policy.campaign_versions import CampaignChange, StoredCampaign

#: As the statements take them.
_FINAL = sorted(status.value for status in FINAL_STATUSES)
_OPEN_STATES = sorted(state.value for state in set(OutreachState) - FINAL_STATES)

_ADD = text("""
INSERT INTO campaigns (tenant_id, campaign_id, name, status, config, created_at, updated_at)
VALUES (:tenant_id, :campaign_id, :name, :status, CAST(:config AS jsonb), :now, :now)
    ON CONFLICT DO NOTHING
RETURNING version
""")

_LOAD = Query("""
SELECT CAST(config AS text) AS config, status, version FROM campaigns
 WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id
""")

_LOCKED = text("""
SELECT CAST(config AS text) AS config, status, version FROM campaigns
 WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id
   FOR NO KEY UPDATE
""")

# A share of the day is chosen anew when something it depends on has changed; saved again as
# it was, paused or resumed, a campaign keeps it, and its version. What only a newer version
# knows is copied where it stands.
_CHANGE = """
UPDATE campaigns c
   SET name = :name, status = :status, config = written.config,
       version = c.version + (c.config <> written.config)::integer,
       share_day = CASE WHEN c.config = written.config THEN c.share_day END,
       daily_share = CASE WHEN :auto_pacing THEN c.daily_share END,
       updated_at = :now
  FROM (SELECT tenant_id, campaign_id, {config} AS config FROM campaigns
         WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id) written
 WHERE (c.tenant_id, c.campaign_id) = (written.tenant_id, written.campaign_id)
RETURNING c.version
"""
_STAYS: Final = "config"
_WRITTEN: Final = "CAST(:config AS jsonb)"
_KEPT: Final = "jsonb_set({config}, CAST(:kept_{n} AS text[]), config #> CAST(:kept_{n} AS text[]))"

_NAMESAKE = Query("""
SELECT campaign_id FROM campaigns
 WHERE tenant_id = :tenant_id AND name = :name AND campaign_id <> :campaign_id
   AND status <> ALL(CAST(:final AS text[]))
 ORDER BY created_at DESC
 LIMIT 1
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

    async def save(
        self, campaign: Campaign, now: datetime, *, over: Callable[[StoredCampaign], Campaign]
    ) -> CampaignChange:
        """Store a campaign and the limits of its accounts.

        Changed limits are noted.

        Args:
            campaign: stored where there is none of its id.
            now: the instant of the change; limits of past days stay as they were.
            over: where there is one, makes the new campaign of the stored one. Called while
                nothing else can change it; if it raises, nothing changes. A final status stays.

        Returns:
            The campaign as it was stored so far, and as it is stored now.

        Raises:
            InvalidRequestError: a limit is below what is held or spent already.
        """
        becomes = campaign
        try:
            async with self._database.transaction() as connection:
                locked = await _locked(connection, _key(campaign))
                if locked is None:
                    added = await connection.execute(_ADD, _row(campaign, now))
                    if (version := added.scalar_one_or_none()) is not None:
                        await save_limits(connection, campaign, campaign_day(campaign, now))
                        return CampaignChange(None, StoredCampaign(campaign, version))
                    # Another transaction has added it since; none is ever deleted.
                    locked = await _locked(connection, _key(campaign))
                assert locked is not None  # noqa: S101 - it is there and locked
                present = locked.stored
                becomes = over(present)
                if present.campaign.status in FINAL_STATUSES:
                    becomes = becomes.with_status(present.campaign.status)
                version = await _change(connection, locked, becomes, now)
                await save_limits(connection, becomes, campaign_day(becomes, now))
                await _note_limits(connection, present.campaign, becomes, now)
                return CampaignChange(present.campaign, StoredCampaign(becomes, version))
        except IntegrityError:
            raise InvalidRequestError(
                await explain_limits(self._database, becomes, campaign_day(becomes, now))
            ) from None

    async def load(self, tenant_id: UUID, campaign_id: UUID) -> StoredCampaign | None:
        """A stored campaign, or None."""
        key = {"tenant_id": tenant_id, "campaign_id": campaign_id}
        row = await self._database.fetch_one(_LOAD, key)
        return None if row is None else _stored(row)

    async def namesake(self, campaign: Campaign) -> UUID | None:
        """The newest other campaign of the same name that is not over, or None."""
        asked = {
            "tenant_id": campaign.tenant_uuid,
            "campaign_id": campaign.id,
            "name": campaign.name,
            "final": _FINAL,
        }
        row = await self._database.fetch_one(_NAMESAKE, asked)
        return None if row is None else row["campaign_id"]

    async def change(
        self,
        tenant_id: UUID,
        campaign_id: UUID,
        change: Callable[[Campaign], Campaign],
        now: datetime,
        *,
        kind: str,
        details: str,
    ) -> CampaignStatus:
        """Change a campaign as it is at this moment, and note it.

        A campaign that is over stays so; one that ends of itself does so only while every
        recipient has an outcome, also one added the moment before. A change without effect is
        not noted.

        Args:
            tenant_id: its owner.
            campaign_id: the campaign.
            change: from the campaign as it is to a copy as it becomes.
            now: the instant of the change.
            kind: the name of the note.
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
                locked = await _locked(connection, key)
                if locked is None:
                    raise NotFoundError.campaign(campaign_id)
                present = locked.stored.campaign
                if present.status in FINAL_STATUSES:
                    return present.status
                changed = change(present)
                if changed == present or await _ends_too_early(connection, changed):
                    return present.status
                await _change(connection, locked, changed, now)
                await save_limits(connection, changed, campaign_day(changed, now))
                await connection.execute(
                    _NOTE, {**key, "kind": kind, "details": details, "now": now}
                )
        except IntegrityError:
            raise InvalidRequestError(
                await explain_limits(self._database, changed, campaign_day(changed, now))
            ) from None
        return changed.status


class _Locked(NamedTuple):
    """A stored campaign that nothing else changes until the transaction ends."""

    stored: StoredCampaign
    #: As its row has it.
    config: str


async def _locked(connection: AsyncConnection, key: Mapping[str, object]) -> _Locked | None:
    row = (await connection.execute(_LOCKED, key)).mappings().one_or_none()
    return None if row is None else _Locked(_stored(row), row["config"])


async def _change(
    connection: AsyncConnection, present: _Locked, becomes: Campaign, now: datetime
) -> int:
    """Write what a campaign becomes, but for what this version does not know; its version then."""
    before = present.stored.campaign
    if becomes == before.with_status(becomes.status):
        config, kept = _STAYS, []
    else:
        config, kept = _WRITTEN, unknown_fields(present.config, becomes)
    for n in range(len(kept)):
        config = _KEPT.format(config=config, n=n)
    row = {**_row(becomes, now), **{f"kept_{n}": path for n, path in enumerate(kept)}}
    return int((await connection.execute(text(_CHANGE.format(config=config)), row)).scalar_one())


def _stored(row: Row) -> StoredCampaign:
    return StoredCampaign(campaign_from(row["config"], row["status"]), row["version"])


async def _note_limits(
    connection: AsyncConnection, before: Campaign, saved: Campaign, now: datetime
) -> None:
    """Note the limits a campaign was saved with, where they have changed."""
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


async def _ends_too_early(connection: AsyncConnection, changed: Campaign) -> bool:
    """Whether a campaign would end of itself while a recipient has no outcome."""
    if changed.status not in FINAL_STATUSES - {CampaignStatus.CANCELLED}:
        return False
    key = {"tenant_id": changed.tenant_uuid, "campaign_id": changed.id, "open": _OPEN_STATES}
    return bool((await connection.execute(_COUNT_OPEN, key)).scalar_one())


def _key(campaign: Campaign) -> dict[str, object]:
    return {"tenant_id": campaign.tenant_uuid, "campaign_id": campaign.id}


def _row(campaign: Campaign, now: datetime) -> dict[str, object]:
    return {
        **_key(campaign),
        "name": campaign.name,
        "status": campaign.status.value,
        "config": campaign.model_dump_json(exclude={"status"}),
        "auto_pacing": campaign.auto_pacing,
        "now": now,
    }
