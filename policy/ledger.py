"""The rule by which the ledger's entries move budget accounts.

PostgreSQL moves the accounts by a statement of its own (`persistence/ledger_sql.py`). That
statement is checked against this module: after each run, in the tests and in the benchmarks.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from madan_sara.policy.budget import Account, AccountScope


class EntryKind(StrEnum):
    """The kind of an entry."""

    HOLD = "hold"  #: The price of an attempt is promised.
    SETTLE = "settle"  #: A hold ends: a provider took the message, or may have.
    RELEASE = "release"  #: A hold ends: the attempt was not sent.
    SPEND = "spend"  #: Money went outside any message.


@dataclass(frozen=True)
class LedgerEntry:
    """One booking."""

    message_id: UUID
    attempt_no: int
    kind: EntryKind
    campaign_id: UUID
    channel: str
    #: The campaign's day it counts for, as YYYY-MM-DD.
    day: str
    amount_micros: int


class AccountKey(NamedTuple):
    """Names one account of all campaigns."""

    campaign_id: UUID
    scope: AccountScope
    #: The channel or day; empty: the campaign's own account.
    key: str


class _Effect(NamedTuple):
    """The multiples of its amount, and the messages, by which an entry moves an account."""

    held: int
    spent: int
    messages: int


_EFFECTS: Final[Mapping[EntryKind, _Effect]] = {
    EntryKind.HOLD: _Effect(held=1, spent=0, messages=1),
    EntryKind.SETTLE: _Effect(held=-1, spent=1, messages=0),
    EntryKind.RELEASE: _Effect(held=-1, spent=0, messages=-1),
    EntryKind.SPEND: _Effect(held=0, spent=1, messages=0),
}


@dataclass(frozen=True)
class Balance:
    """The balance of one account."""

    held_micros: int = 0
    spent_micros: int = 0
    #: Held or sent.
    messages: int = 0

    def after(self, entry: LedgerEntry) -> "Balance":
        """The balance once an entry is booked."""
        effect = _EFFECTS[entry.kind]
        return Balance(
            held_micros=self.held_micros + effect.held * entry.amount_micros,
            spent_micros=self.spent_micros + effect.spent * entry.amount_micros,
            messages=self.messages + effect.messages,
        )


class Discrepancy(NamedTuple):
    """An account that is not the sum of its entries."""

    key: AccountKey
    #: Its balance; None: there is no such account.
    stands: Balance | None
    #: The sum of its entries.
    due: Balance


def accounts_of(entry: LedgerEntry) -> tuple[AccountKey, AccountKey, AccountKey]:
    """The accounts an entry is booked on."""
    return (
        AccountKey(entry.campaign_id, AccountScope.CAMPAIGN, ""),
        AccountKey(entry.campaign_id, AccountScope.CHANNEL, entry.channel),
        AccountKey(entry.campaign_id, AccountScope.DAY, entry.day),
    )


def balances(entries: Iterable[LedgerEntry]) -> dict[AccountKey, Balance]:
    """The sums of entries, by the accounts they are booked on."""
    sums: defaultdict[AccountKey, Balance] = defaultdict(Balance)
    for entry in entries:
        for key in accounts_of(entry):
            sums[key] = sums[key].after(entry)
    return dict(sums)


def balance_of(account: Account) -> Balance:
    """The stored balance of an account."""
    return Balance(account.held_micros, account.spent_micros, account.message_count)


def discrepancies(
    accounts: Mapping[AccountKey, Account], entries: Iterable[LedgerEntry]
) -> Iterator[Discrepancy]:
    """Every account that is not the sum of its entries, in the order of the accounts.

    Args:
        accounts: all accounts, also those without an entry.
        entries: all entries booked on them.
    """
    due = balances(entries)
    for key, account in accounts.items():
        stands, sum_of_entries = balance_of(account), due.pop(key, Balance())
        if stands != sum_of_entries:
            yield Discrepancy(key, stands, sum_of_entries)
    for key, balance in due.items():
        yield Discrepancy(key, None, balance)


def open_holds(entries: Iterable[LedgerEntry]) -> set[tuple[UUID, int]]:
    """The holds that have no end, as the id and attempt number of their messages."""
    held, ended = set(), set()
    for entry in entries:
        attempt = (entry.message_id, entry.attempt_no)
        if entry.kind is EntryKind.HOLD:
            held.add(attempt)
        elif entry.kind in (EntryKind.SETTLE, EntryKind.RELEASE):
            ended.add(attempt)
    return held - ended
