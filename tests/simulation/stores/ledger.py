"""Accounts and entries, as `persistence/budget.py` and `reservations.py` keep them."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import NoReturn
from uuid import UUID

from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import AttemptState
from madan_sara.contracts.errors import NotFoundError
from madan_sara.contracts.outreach import (
    UNSENT_STATES,
    AttemptUnderWay,
    Block,
    ExitReason,
    HeldAttempt,
    MessageRef,
    OutreachState,
    ReleaseInput,
    ReleaseResult,
    ReserveInput,
    ReserveResult,
)
from madan_sara.policy.budget import Account, AccountScope, decide_due
from madan_sara.policy.ledger import AccountKey, Balance, EntryKind, LedgerEntry, accounts_of
from tests.simulation.stores.statements import Statements
from tests.simulation.tables import ConstraintError, MessageRow, Tables, new_account

_HAS_ENDED = Block(reason=ExitReason.CANCELLED, details={"message": "has ended"})
_CAN_BE_HELD_FOR = (OutreachState.DECIDING, OutreachState.SCHEDULED, OutreachState.SENDING)


class MemoryLedger:
    """`BudgetLedger` in memory.

    Args:
        tables: the rows.
        network: the way to them.
    """

    def __init__(self, tables: Tables, network: Statements) -> None:
        self._tables = tables
        self._network = network

    async def reserve(
        self,
        reservation: ReserveInput,
        day: date,
        decide: Callable[[Sequence[Account], int], Block | None],
    ) -> ReserveResult:
        def commit() -> ReserveResult:
            result = self._reserve(reservation, day.isoformat(), decide)
            if result.block is None:
                self._network.planned(reservation.plan.scheduled_at)
            return result

        return await self._network.call("reserve", commit)

    async def release(self, release: ReleaseInput) -> ReleaseResult:
        def commit() -> ReleaseResult:
            key = (release.ref.message_id, release.attempt_no)
            attempt = self._tables.attempts.get(key)
            if attempt is not None and attempt.attempt.state is AttemptState.SENDING:
                under_way = AttemptUnderWay(attempt_no=key[1], channel=attempt.channel)
                return ReleaseResult(under_way=under_way)
            hold = self._tables.open_hold(*key)
            if hold is not None:
                book(self._tables, ended(hold, EntryKind.RELEASE))
            return ReleaseResult()

        return await self._network.call("release", commit)

    async def days(self, ref: MessageRef, first: date) -> Sequence[Account]:
        def commit() -> Sequence[Account]:
            message = self._tables.messages.get(ref.message_id)
            days = [
                account
                for key, account in self._tables.accounts.items()
                if message is not None
                and (key.campaign_id, key.scope) == (message.campaign_id, AccountScope.DAY)
                and key.key >= first.isoformat()
            ]
            return sorted(days, key=lambda day: day.key)

        return await self._network.call("read the days", commit)

    def _reserve(
        self,
        asked: ReserveInput,
        day: str,
        decide: Callable[[Sequence[Account], int], Block | None],
    ) -> ReserveResult:
        tables, plan = self._tables, asked.plan
        message = tables.messages.get(asked.ref.message_id)
        if message is None:
            raise NotFoundError.message(asked.ref.message_id)
        key = (message.message_id, asked.attempt_no)
        if message.state in UNSENT_STATES:
            return ReserveResult(block=_HAS_ENDED)
        if key in tables.holds and message.routing is not None and message.plan is not None:
            newest = max(no for owner, no in tables.holds if owner == message.message_id)
            held = HeldAttempt(attempt_no=newest, plan=message.plan)
            return ReserveResult(held=held, routing=message.routing)
        if asked.generation not in (None, message.generation):
            return ReserveResult(is_outdated=True)
        campaign = tables.campaign_of(message)
        tables.day_account(campaign, day)
        hold = LedgerEntry(
            message_id=message.message_id,
            attempt_no=asked.attempt_no,
            kind=EntryKind.HOLD,
            campaign_id=campaign.id,
            channel=plan.channel.value,
            day=day,
            amount_micros=plan.price_micros,
        )
        replaced = self._replaced(message, asked.replaces_attempt_no)
        assert plan.scheduled_at is not None
        block = decide_due(campaign.end_date, plan.scheduled_at) or decide(
            self._accounts_without(hold, replaced), plan.price_micros
        )
        handed_over = tables.attempts.get((message.message_id, asked.replaces_attempt_no or 0))
        may_be_out = handed_over is not None and handed_over.attempt.state is AttemptState.SENDING
        if block is None and (may_be_out or message.state not in _CAN_BE_HELD_FOR):
            block = _HAS_ENDED
        if block is not None:
            return ReserveResult(block=block)
        if replaced is not None:
            book(tables, ended(replaced, EntryKind.RELEASE))
        book(tables, hold, due_at=plan.scheduled_at)
        _schedule(tables, message, asked)
        return ReserveResult(held=HeldAttempt(attempt_no=asked.attempt_no, plan=plan))

    def _replaced(self, message: MessageRow, attempt_no: int | None) -> LedgerEntry | None:
        if attempt_no is None:
            return None
        return self._tables.open_hold(message.message_id, attempt_no)

    def _accounts_without(
        self, hold: LedgerEntry, replaced: LedgerEntry | None
    ) -> Sequence[Account]:
        """The accounts of a hold, as they would be without the one it replaces."""
        given_back = set(accounts_of(replaced)) if replaced is not None else set()
        accounts = []
        for key in accounts_of(hold):
            account = self._tables.accounts[key]
            if key in given_back and replaced is not None:
                account = replace(
                    account,
                    held_micros=account.held_micros - replaced.amount_micros,
                    message_count=account.message_count - 1,
                )
            accounts.append(account)
        return accounts

    # What nothing in a simulated life asks for

    async def accounts(self, campaign: Campaign, channel: Channel, day: date) -> NoReturn:
        raise NotImplementedError

    async def balances(self, campaign: Campaign) -> NoReturn:
        raise NotImplementedError

    async def spend(
        self,
        campaign: Campaign,
        channel: Channel,
        day: date,
        amount_micros: int,
        spend_id: UUID,
        now: datetime,
        decide: Callable[[Sequence[Account], int], Block | None],
    ) -> NoReturn:
        raise NotImplementedError


def _schedule(tables: Tables, message: MessageRow, asked: ReserveInput) -> None:
    message.state = OutreachState.SCHEDULED
    message.channel = asked.plan.channel
    message.scheduled_at = asked.plan.scheduled_at
    message.routing, message.plan = asked.routing, asked.plan
    claim = tables.claims.get(message.message_id)
    if claim is not None:
        claim.channel = asked.plan.channel


def ended(hold: LedgerEntry, kind: EntryKind) -> LedgerEntry:
    """The entry that ends a hold."""
    return replace(hold, kind=kind)


def book(tables: Tables, entry: LedgerEntry, *, due_at: datetime | None = None) -> None:
    """Book an entry: accounts move with it, as far as their constraints let them."""
    key = (entry.message_id, entry.attempt_no)
    if entry.kind is EntryKind.HOLD:
        tables.holds[key] = entry
    elif key in tables.ends:
        raise ConstraintError("one_end_per_hold")
    else:
        tables.ends[key] = entry.kind
    tables.entries.append(entry)
    for account_key in accounts_of(entry):
        _move(tables, account_key, entry, due_at)


def _move(tables: Tables, key: AccountKey, entry: LedgerEntry, due_at: datetime | None) -> None:
    account = tables.accounts[key]
    balance = Balance(account.held_micros, account.spent_micros, account.message_count).after(entry)
    tables.accounts[key] = replace(
        account,
        held_micros=balance.held_micros,
        spent_micros=balance.spent_micros,
        message_count=balance.messages,
        last_due_at=max(account.last_due_at or due_at, due_at) if due_at else account.last_due_at,
    )


def give_back(tables: Tables, message: MessageRow) -> None:
    """Leave no hold and no claim of a message that ends unsent."""
    claim = tables.claims.get(message.message_id)
    if claim is not None:
        claim.is_released = True
    for (owner, attempt_no), hold in list(tables.holds.items()):
        if owner == message.message_id and tables.open_hold(owner, attempt_no):
            book(tables, ended(hold, EntryKind.RELEASE))


def campaign_accounts(campaign: Campaign) -> dict[AccountKey, Account]:
    """The accounts of a campaign as it is saved: its own, and those of its channels."""
    budgets = campaign.budget_per_channel or {}
    limits = {AccountKey(campaign.id, AccountScope.CAMPAIGN, ""): campaign.budget_total}
    for channel in campaign.channels:
        key = AccountKey(campaign.id, AccountScope.CHANNEL, channel.value)
        limits[key] = budgets[channel].total if channel in budgets else None
    return {key: new_account(key, limit) for key, limit in limits.items()}
