"""A campaign's status, in PostgreSQL: one statement, at the same cost for any audience."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from uuid import UUID

from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.campaign_run import CampaignEvent, Wait
from madan_sara.contracts.delivery import ChannelWait
from madan_sara.contracts.errors import NotFoundError
from madan_sara.persistence.accounts import ACCOUNT_COLUMNS, account_from
from madan_sara.persistence.channel_waits import CHANNEL_WAITS, channel_waits_from
from madan_sara.persistence.database import Database, Query
from madan_sara.persistence.rows import Row, campaign_from
from madan_sara.persistence.tallies import TALLIES_AS_JSON, tallies_from
from madan_sara.policy.budget import Account, AccountScope
from madan_sara.policy.forecast import RATE_SAMPLE, RATE_WINDOW, RecentSends
from madan_sara.policy.tallies import Tallies

#: Events of a campaign that are shown, the newest first.
_EVENTS_SHOWN: Final = 5


@dataclass(frozen=True)
class CampaignSnapshot:
    """A campaign's state, money and counts at one instant."""

    campaign: Campaign
    #: Messages it allows itself a day, within its daily limit; None: the limit.
    daily_share: int | None
    #: Whether its recipients were ever started; single messages need no start.
    is_started: bool
    #: Those of the campaign, of its channels, of its present day and later ones, and perhaps of
    #: the day before.
    accounts: Sequence[Account]
    tallies: Tallies
    recent: RecentSends
    events: Sequence[CampaignEvent]
    #: Messages that are due and wait for their channel.
    channel_waits: Sequence[ChannelWait] = ()
    #: The last wait its workflow reported; None: it does not wait, or none runs.
    wait: Wait | None = None
    #: The fewest segments of a text message that a long batch brought; None: there was none.
    batch_parts: int | None = None

    def account(self, scope: AccountScope, key: str = "") -> Account | None:
        """One account; None: it has no bookings."""
        found = (a for a in self.accounts if (a.scope, a.key) == (scope, key))
        return next(found, None)

    @property
    def whole(self) -> Account:
        """The account of the campaign as a whole."""
        return next(a for a in self.accounts if a.scope is AccountScope.CAMPAIGN)


# Reads counts, accounts, the last few events and sends; never the messages themselves, nor
# their receipts.
SNAPSHOT: Final = Query(f"""
WITH recent AS (
    SELECT created_at FROM budget_entries
     WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id AND kind = 'settle'
       AND created_at > CAST(:since AS timestamptz)
     ORDER BY created_at DESC
     LIMIT {RATE_SAMPLE}
)
SELECT CAST(c.config AS text) AS config, c.status, c.daily_share, c.is_started, c.waits_for,
       c.wakes_at, c.batch_parts,
       (SELECT json_agg(row_to_json(a)) FROM (
            SELECT {ACCOUNT_COLUMNS} FROM budget_accounts a
             WHERE a.tenant_id = :tenant_id AND a.campaign_id = :campaign_id
               AND (a.scope <> 'day' OR a.key >= CAST(:first_day AS text))) a) AS accounts,
       {TALLIES_AS_JSON} AS tallies,
       {CHANNEL_WAITS} AS channel_waits,
       (SELECT coalesce(json_agg(row_to_json(e)), '[]') FROM (
            SELECT occurred_at, kind, details FROM campaign_events
             WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id
             ORDER BY event_no DESC
             LIMIT {_EVENTS_SHOWN}) e) AS events,
       (SELECT count(*) FROM recent) AS recent_count,
       (SELECT min(created_at) FROM recent) AS recent_since,
       (SELECT created_at FROM budget_entries
         WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id AND kind = 'settle'
         ORDER BY created_at LIMIT 1) AS first_sent_at
  FROM campaigns c
 WHERE c.tenant_id = :tenant_id AND c.campaign_id = :campaign_id
""")  # noqa: S608 - built from constants of ours


class PostgresCampaignStatus:
    """Reads the status of campaigns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def snapshot(self, tenant_id: UUID, campaign_id: UUID, now: datetime) -> CampaignSnapshot:
        """The state, money and counts of a saved campaign.

        Args:
            tenant_id: its owner.
            campaign_id: the campaign.
            now: the present, for the days' accounts and the rate.

        Raises:
            NotFoundError: there is no such campaign.
        """
        parameters = {
            "tenant_id": tenant_id,
            "campaign_id": campaign_id,
            "since": now - RATE_WINDOW,
            "first_day": _first_day(now).isoformat(),
        }
        row = await self._database.fetch_one(SNAPSHOT, parameters)
        if row is None:
            raise NotFoundError.campaign(campaign_id)
        return _snapshot(row)


def _first_day(now: datetime) -> date:
    """The first day it can be anywhere: only the campaign itself says in which zone it counts."""
    return now.astimezone(UTC).date() - timedelta(days=1)


def _snapshot(row: Row) -> CampaignSnapshot:
    return CampaignSnapshot(
        campaign=campaign_from(row["config"], row["status"]),
        daily_share=row["daily_share"],
        is_started=row["is_started"],
        accounts=[account_from(account) for account in row["accounts"]],
        tallies=tallies_from(row["tallies"]),
        recent=RecentSends(
            count=row["recent_count"],
            since=row["recent_since"],
            first_ever=row["first_sent_at"],
        ),
        events=[CampaignEvent.model_validate(event) for event in row["events"]],
        channel_waits=channel_waits_from(row["channel_waits"]),
        wait=row["waits_for"] and Wait(reason=row["waits_for"], until=row["wakes_at"]),
        batch_parts=row["batch_parts"],
    )
