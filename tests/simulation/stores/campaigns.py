"""Campaigns as they run, as `persistence/campaign_runs.py` and `campaigns.py` keep them."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Final
from uuid import UUID

from madan_sara.activities.campaign_stores import SweptPage, TakenPage
from madan_sara.contracts.campaign import FINAL_STATUSES, Campaign, CampaignStatus
from madan_sara.contracts.campaign_run import SHOWN_EVENTS, CampaignEvent, CampaignRef, Sweep, Wait
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import ChannelWait
from madan_sara.contracts.errors import InvalidRequestError, NotFoundError
from madan_sara.contracts.outreach import FINAL_STATES, Details, ExitReason, OutreachState
from madan_sara.policy.budget import Account, AccountScope
from madan_sara.policy.campaign_days import campaign_day
from madan_sara.policy.campaign_progress import CampaignFacts
from madan_sara.policy.ledger import AccountKey
from madan_sara.policy.tallies import Tallies, Tally, TallyKind
from tests.simulation.stores.ledger import campaign_accounts, give_back
from tests.simulation.stores.provider_accounts import MemoryProviderAccounts
from tests.simulation.stores.statements import Statements
from tests.simulation.tables import AttemptRow, CampaignRow, MessageRow, Tables, new_account

#: Messages one step of a sweep looks at; few, so that some sweeps have several pages.
SWEPT_AT_ONCE: Final = 2
_IN_MOTION = (OutreachState.DECIDING, OutreachState.SENDING)
_UNDER_WAY = (OutreachState.SCHEDULED, OutreachState.SENDING)

#: A channel, the account that is out of service, and whether it is a turn that is waited for.
_Waiting = tuple[Channel, str | None, bool]


class MemoryCampaigns:
    """`CampaignRunStore` in memory.

    Args:
        tables: the rows.
        accounts: the accounts that do not work.
        network: the way to them.
    """

    def __init__(
        self, tables: Tables, accounts: MemoryProviderAccounts, network: Statements
    ) -> None:
        self._tables = tables
        self._accounts = accounts
        self._network = network

    async def facts(self, ref: CampaignRef, now: datetime) -> CampaignFacts:
        return await self._network.call("read the campaign", lambda: self.facts_now(ref, now))

    async def note_wait(self, ref: CampaignRef, wait: Wait | None) -> None:
        def commit() -> None:
            if (row := self._tables.campaigns.get(ref.campaign_id)) is not None:
                row.is_started, row.wait = True, wait

        await self._network.call("note the wait", commit)

    async def set_share(
        self, ref: CampaignRef, share: int | None, day: date, reason: str, now: datetime
    ) -> None:
        def commit() -> None:
            row = self._tables.campaigns.get(ref.campaign_id)
            if row is None or row.share_day == day:
                return
            if row.daily_share != share:
                figures: Details = {"share": share, "before": row.daily_share, "reason": reason}
                _note(row, "daily_share_chosen", _without_none(figures), now)
            row.daily_share, row.share_day = share, day

        await self._network.call("choose the share", commit)

    async def events_after(
        self, ref: CampaignRef, event_no: int
    ) -> Sequence[tuple[int, CampaignEvent]]:
        def commit() -> Sequence[tuple[int, CampaignEvent]]:
            row = self._tables.campaigns.get(ref.campaign_id)
            events = [] if row is None else row.events
            return [event for event in events if event[0] > event_no][-SHOWN_EVENTS:]

        return await self._network.call("read the events", commit)

    async def take(self, ref: CampaignRef, at_most: int, *, only_taken: bool) -> TakenPage:
        return await self._network.call(
            "take from the queue", lambda: self._take(ref, at_most, only_taken=only_taken)
        )

    async def started(self, ref: CampaignRef, message_ids: Sequence[UUID]) -> None:
        def commit() -> None:
            row = self._tables.campaigns.get(ref.campaign_id)
            if row is not None:
                row.queue -= {m for m in row.queue.intersection(message_ids) if self._left(m)}

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
            channel_waits=self._channel_waits(ref.campaign_id),
        )

    def _channel_waits(self, campaign_id: UUID) -> list[ChannelWait]:
        """What messages that are due wait for."""
        waiting: defaultdict[_Waiting, list[AttemptRow]] = defaultdict(list)
        for (message_id, _), row in self._tables.attempts.items():
            message = self._tables.messages[message_id]
            is_open = message.campaign_id == campaign_id and message.state in _UNDER_WAY
            if is_open and row.attempt.retry_at is not None:
                waiting[row.channel, row.account, row.attempt.awaits_turn].append(row)
        return [
            self._channel_wait(waits_for, rows)
            for waits_for, rows in sorted(waiting.items(), key=_by_name)
        ]

    def _channel_wait(self, waits_for: _Waiting, rows: Sequence[AttemptRow]) -> ChannelWait:
        channel, account, awaits_turn = waits_for
        health = None if account is None else self._accounts.health(account)
        failing_since = None if health is None else health.failing_since
        since = [failing_since or row.waiting_since or row.attempt.put_off_at for row in rows]
        return ChannelWait(
            channel=channel,
            account=account,
            code=min(row.attempt.code or "" for row in rows),
            since=min(each for each in since if each is not None),
            refuses_settings=health is not None and health.refuses_settings,
            awaits_turn=awaits_turn,
            messages=len(rows),
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
        limited = self._limited(changed, campaign_day(changed, now).isoformat())
        if any(_is_over_limit(account) for account in limited.values()):
            raise InvalidRequestError("a limit is below what is held or spent already")
        self._tables.accounts.update(limited)
        row.share_day = row.share_day if changed.with_status(present.status) == present else None
        row.daily_share = row.daily_share if changed.auto_pacing else None
        row.status_since = now if changed.status is not present.status else row.status_since
        row.campaign = changed
        self._requeue(ref)
        _note(row, kind, details, now)
        return changed.status

    def _limited(self, campaign: Campaign, today: str) -> dict[AccountKey, Account]:
        """The accounts of a campaign with the limits it is to have; past days keep theirs."""
        limited = {
            key: replace(self._tables.accounts.get(key, saved), limit_micros=saved.limit_micros)
            for key, saved in campaign_accounts(campaign).items()
        }
        for key, account in self._tables.accounts.items():
            is_day = (key.campaign_id, key.scope) == (campaign.id, AccountScope.DAY)
            if is_day and key.key >= today:
                limit = new_account(key, campaign.daily_spend_limit).limit_micros
                limited[key] = replace(
                    account, limit_micros=limit, message_limit=campaign.daily_limit
                )
        return limited

    def _ends_too_early(self, changed: Campaign) -> bool:
        if changed.status not in FINAL_STATUSES - {CampaignStatus.CANCELLED}:
            return False
        return any(m.state not in FINAL_STATES for m in self._messages(changed.id))

    def _left(self, message_id: UUID) -> bool:
        """Whether a message waits in its queue no longer."""
        return self._tables.messages[message_id].state is not OutreachState.QUEUED

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
        for message in self._messages(ref.campaign_id):
            if message.state is OutreachState.QUEUED and message.reason is not None:
                message.reason, message.details = None, {}
                self._row(ref).queue.add(message.message_id)

    def _sweep(
        self, ref: CampaignRef, sweep: Sweep, after: UUID | None, now: datetime
    ) -> SweptPage:
        behind = sorted(
            (m for m in self._messages(ref.campaign_id) if after is None or m.message_id > after),
            key=lambda m: m.message_id,
        )
        page, ended, asleep = behind[:SWEPT_AT_ONCE], 0, []
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
        row = self._tables.campaigns.get(ref.campaign_id)
        if row is None:
            raise NotFoundError.campaign(ref.campaign_id)
        return row


def _note(row: CampaignRow, kind: str, details: Details, now: datetime) -> None:
    event = CampaignEvent(occurred_at=now, kind=kind, details=details)
    row.events.append((len(row.events) + 1, event))


def _without_none(figures: Details) -> Details:
    return {name: figure for name, figure in figures.items() if figure is not None}


def _by_name(waiting: tuple[_Waiting, object]) -> tuple[str, bool, str, bool]:
    """In the order of names, those without an account last."""
    (channel, account, awaits_turn), _ = waiting
    return channel, account is None, account or "", awaits_turn


def _is_over_limit(account: Account) -> bool:
    used = account.held_micros + account.spent_micros
    return (account.limit_micros is not None and used > account.limit_micros) or (
        account.scope is AccountScope.DAY
        and account.message_limit is not None
        and account.message_count > account.message_limit
    )
