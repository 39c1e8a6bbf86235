"""Campaigns as they run, as `persistence/campaign_runs.py` and `campaigns.py` keep them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from madan_sara.activities.campaign_stores import SweptPage, TakenPage
from madan_sara.contracts.campaign import FINAL_STATUSES, Campaign, CampaignStatus
from madan_sara.contracts.campaign_run import SHOWN_EVENTS, CampaignEvent, CampaignRef, Sweep, Wait
from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.contracts.outreach import FINAL_STATES, Details, ExitReason, OutreachState
from madan_sara.policy.budget import Account, AccountScope
from madan_sara.policy.campaign_days import campaign_day
from madan_sara.policy.campaign_progress import CampaignFacts
from madan_sara.policy.ledger import AccountKey
from madan_sara.policy.tallies import Tallies, Tally, TallyKind
from tests.simulation.stores.ledger import campaign_accounts, give_back
from tests.simulation.tables import CampaignRow, MessageRow, Tables

if TYPE_CHECKING:
    from tests.simulation.life import Life

#: Messages one step of a sweep looks at; few, so that some sweeps have several pages.
_SWEPT_AT_ONCE: Final = 2
_IN_MOTION = (OutreachState.DECIDING, OutreachState.SENDING)


class MemoryCampaigns:
    """`CampaignRunStore` in memory.

    Args:
        tables: the rows.
        life: whose network leads to them.
    """

    def __init__(self, tables: Tables, life: "Life") -> None:
        self._tables = tables
        self._network = life.network

    async def facts(self, ref: CampaignRef, now: datetime) -> CampaignFacts:
        return await self._network.call("read the campaign", lambda: self.facts_now(ref, now))

    async def note_wait(self, ref: CampaignRef, wait: Wait | None) -> None:
        def commit() -> None:
            self._row(ref).wait = wait

        await self._network.call("note the wait", commit)

    async def set_share(
        self, ref: CampaignRef, share: int | None, day: date, reason: str, now: datetime
    ) -> None:
        def commit() -> None:
            row = self._row(ref)
            if row.share_day != day:
                row.daily_share, row.share_day = share, day

        await self._network.call("choose the share", commit)

    async def events_after(
        self, ref: CampaignRef, event_no: int
    ) -> Sequence[tuple[int, CampaignEvent]]:
        def commit() -> Sequence[tuple[int, CampaignEvent]]:
            return [event for event in self._row(ref).events if event[0] > event_no][-SHOWN_EVENTS:]

        return await self._network.call("read the events", commit)

    async def take(self, ref: CampaignRef, at_most: int, *, only_taken: bool) -> TakenPage:
        return await self._network.call(
            "take from the queue", lambda: self._take(ref, at_most, only_taken=only_taken)
        )

    async def started(self, ref: CampaignRef, message_ids: Sequence[UUID]) -> None:
        def commit() -> None:
            for message_id in message_ids:
                if self._tables.messages[message_id].state is not OutreachState.QUEUED:
                    self._row(ref).queue.discard(message_id)

        await self._network.call("note the started", commit)

    async def requeue(self, ref: CampaignRef) -> None:
        await self._network.call("requeue", lambda: self._requeue(ref))

    async def in_motion(self, ref: CampaignRef) -> int:
        def commit() -> int:
            return sum(m.state in _IN_MOTION for m in self._messages(ref.campaign_id))

        return await self._network.call("count those in motion", commit)

    async def sweep(
        self, ref: CampaignRef, sweep: Sweep, after: UUID | None, now: datetime
    ) -> SweptPage:
        return await self._network.call("sweep", lambda: self._sweep(ref, sweep, after, now))

    async def change(
        self,
        ref: CampaignRef,
        change: Callable[[Campaign], Campaign],
        now: datetime,
        *,
        kind: str,
        details: Details,
    ) -> CampaignStatus:
        def commit() -> CampaignStatus:
            return self.change_now(ref, change, now, kind=kind, details=details)

        return await self._network.call("change the campaign", commit)

    # The statements

    def facts_now(self, ref: CampaignRef, now: datetime) -> CampaignFacts:
        """What the next step depends on."""
        row = self._row(ref)
        tallies = Tallies(
            [
                Tally(TallyKind.STATE, m.state, m.reason or "", m.channel or "", messages=1)
                for m in self._messages(ref.campaign_id)
            ]
        )
        return CampaignFacts.at(
            now,
            row.campaign,
            tallies,
            [a for key, a in self._tables.accounts.items() if key.campaign_id == ref.campaign_id],
            daily_share=row.daily_share,
            share_day=row.share_day,
            last_taken_at=row.last_taken_at,
        )

    def change_now(
        self,
        ref: CampaignRef,
        change: Callable[[Campaign], Campaign],
        now: datetime,
        *,
        kind: str,
        details: Details,
    ) -> CampaignStatus:
        """Change a campaign and the limits of its accounts, and note it; or refuse."""
        row = self._row(ref)
        present = row.campaign
        if present.status in FINAL_STATUSES:
            return present.status
        changed = change(present)
        if changed == present or self._ends_too_early(changed):
            return present.status
        limited = dict(self._limited(changed, campaign_day(changed, now).isoformat()))
        if any(_is_over_limit(account) for account in limited.values()):
            raise InvalidRequestError("a limit is below what is held or spent already")
        self._tables.accounts.update(limited)
        is_other = changed.with_status(present.status) != present
        self._tables.set_status(row, changed, now)
        if is_other:
            row.share_day = None
        self._requeue(ref)
        event = CampaignEvent(occurred_at=now, kind=kind, details=details)
        row.events.append((len(row.events) + 1, event))
        return changed.status

    def _limited(self, campaign: Campaign, today: str) -> Iterator[tuple[AccountKey, Account]]:
        """The accounts of a campaign with the limits it is to have; past days keep theirs."""
        as_saved = campaign_accounts(campaign)
        daily = campaign.daily_spend_limit
        for key, account in self._tables.accounts.items():
            if key in as_saved:
                yield key, replace(account, limit_micros=as_saved[key].limit_micros)
            elif key.campaign_id == campaign.id and key.key >= today:
                yield (
                    key,
                    replace(
                        account,
                        limit_micros=None if daily is None else int(daily * 1_000_000),
                        message_limit=campaign.daily_limit,
                    ),
                )

    def _ends_too_early(self, changed: Campaign) -> bool:
        if changed.status not in FINAL_STATUSES - {CampaignStatus.CANCELLED}:
            return False
        return any(m.state not in FINAL_STATES for m in self._messages(changed.id))

    def _take(self, ref: CampaignRef, at_most: int, *, only_taken: bool) -> TakenPage:
        row = self._row(ref)
        takes_new = row.campaign.status is CampaignStatus.ACTIVE and not only_taken
        page = []
        for message_id in sorted(row.queue):
            message = self._tables.messages[message_id]
            if message.state is OutreachState.DECIDING or (
                message.state is OutreachState.QUEUED and takes_new
            ):
                page.append(message)
        for message in page[:at_most]:
            message.state = OutreachState.DECIDING
        return TakenPage(row.campaign, [message.message_id for message in page[:at_most]])

    def _requeue(self, ref: CampaignRef) -> None:
        row = self._row(ref)
        for message in self._messages(ref.campaign_id):
            if message.state is OutreachState.QUEUED and message.reason is not None:
                message.reason, message.details = None, {}
                row.queue.add(message.message_id)

    def _sweep(
        self, ref: CampaignRef, sweep: Sweep, after: UUID | None, now: datetime
    ) -> SweptPage:
        behind = sorted(
            (m for m in self._messages(ref.campaign_id) if after is None or m.message_id > after),
            key=lambda m: m.message_id,
        )
        page, ended, asleep = behind[:_SWEPT_AT_ONCE], 0, []
        for message in page:
            if message.state not in sweep.states or not self._may_end(ref, message, sweep, now):
                continue
            if message.state is OutreachState.SCHEDULED:
                asleep.append(message.message_id)
            message.state, message.reason, message.details = sweep.state, sweep.reason, {}
            message.finished_at = now
            self._row(ref).queue.discard(message.message_id)
            give_back(self._tables, message)
            ended += 1
        return SweptPage(ended=ended, asleep=asleep, last=page[-1].message_id if page else None)

    def _may_end(self, ref: CampaignRef, message: MessageRow, sweep: Sweep, now: datetime) -> bool:
        """Whether a sweep is not too early: nothing expires before the campaign's end."""
        if sweep.reason is not ExitReason.EXPIRED:
            return True
        end, due_at = self._row(ref).campaign.end_date, message.scheduled_at
        return end is not None and (end <= now or (due_at is not None and end <= due_at))

    def _messages(self, campaign_id: UUID) -> Iterator[MessageRow]:
        return (m for m in self._tables.messages.values() if m.campaign_id == campaign_id)

    def _row(self, ref: CampaignRef) -> CampaignRow:
        return self._tables.campaigns[ref.campaign_id]


def _is_over_limit(account: Account) -> bool:
    used = account.held_micros + account.spent_micros
    return (account.limit_micros is not None and used > account.limit_micros) or (
        account.scope is AccountScope.DAY
        and account.message_limit is not None
        and account.message_count > account.message_limit
    )
