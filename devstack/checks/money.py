"""Whether every account is the sum of its bookings, and never went beyond its limits."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final
from uuid import UUID

from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.money import from_micros, to_micros
from madan_sara.contracts.outreach import OutreachState
from madan_sara.devstack.checks.records import TAKEN, Message, Records
from madan_sara.devstack.checks.results import CheckResult
from madan_sara.policy.budget import Account, AccountScope
from madan_sara.policy.ledger import (
    AccountKey,
    Balance,
    LedgerEntry,
    accounts_of,
    discrepancies,
)

#: Constraints that keep an account within its limits, whatever the code above does.
_GUARDS: Final = frozenset({"spend_within_limit", "messages_within_limit"})


def check_accounts(records: Records) -> CheckResult:
    """Every account must be the sum of its entries."""
    violations = []
    for key, stands, due in discrepancies(records.accounts, records.entries):
        if stands is None:
            violations.append(f"{_named(records, key)}: entries without an account")
            continue
        violations += [
            f"{_named(records, key)}: {figure} {here}, its entries say {there}"
            for figure, here, there in (
                ("held", stands.held_micros, due.held_micros),
                ("spent", stands.spent_micros, due.spent_micros),
                ("messages", stands.messages, due.messages),
            )
            if here != there
        ]
    return CheckResult(
        f"the {len(records.accounts)} accounts are the sums of their {len(records.entries)} "
        "entries",
        violations,
    )


def check_prices(records: Records, campaigns: Iterable[OutreachCampaign]) -> CheckResult:
    """Money spent must be the price of messages sent; money held, of messages asleep."""
    prices = {campaign.id: campaign.resolved().settings.price_of for campaign in campaigns}

    def price(message: Message, channel: str) -> int:
        parts = message.parts if channel == message.channel else 1
        return parts * to_micros(prices[message.campaign_id](Channel(channel)))

    held: Counter[UUID] = Counter()
    spent: Counter[UUID] = Counter()
    for message in records.messages.values():
        if message.state == OutreachState.SCHEDULED:
            held[message.campaign_id] += price(message, message.channel)
    for attempt in records.attempts:
        # A message that a provider took, or may have, is paid for, also after a bounce.
        if attempt.state in TAKEN or attempt.state == OutreachState.UNKNOWN:
            message = records.messages[attempt.message_id]
            spent[message.campaign_id] += price(message, attempt.channel)
    violations = [
        f"{_named(records, key)}: {figure} {stands}, the prices sum to {due}"
        for key, account in records.accounts.items()
        if account.scope is AccountScope.CAMPAIGN
        for figure, stands, due in (
            ("held", account.held_micros, held[key.campaign_id]),
            ("spent", account.spent_micros, spent[key.campaign_id]),
        )
        if stands != due
    ]
    return CheckResult(
        f"the ledger balances: {from_micros(spent.total()):f} spent on what was sent, "
        f"{from_micros(held.total()):f} held for what is asleep",
        violations,
    )


def check_limits(records: Records) -> CheckResult:
    """Booked anew, commit by commit, no account may ever have been beyond a limit.

    The limits are those the accounts have now: a run that lowers or raises one on its way
    cannot be checked like this.
    """
    sums: defaultdict[AccountKey, Balance] = defaultdict(Balance)
    violations = [
        f"the constraint {name} is not in force" for name in _GUARDS - records.constraints
    ]
    if any(entry.committed_at is None for entry in records.entries):
        violations.append("the server notes no commits; start it with track_commit_timestamp=on")
    commits = 0
    for (at, _), together in groupby(records.entries, key=lambda e: (e.committed_at, e.commit)):
        commits += 1
        for key in _booked(together, sums):
            if (account := records.accounts.get(key)) is not None:
                violations += [
                    f"{_named(records, key)} at {at}: {excess}"
                    for excess in _beyond(account, sums[key])
                ]
    return CheckResult(
        f"booked anew in the order of their {commits} commits, no account was ever beyond a limit "
        f"({', '.join(sorted(_GUARDS))})",
        violations,
    )


def _booked(
    entries: Iterable[LedgerEntry], sums: defaultdict[AccountKey, Balance]
) -> set[AccountKey]:
    """Book the entries of one commit; the accounts they have moved."""
    moved = set()
    for entry in entries:
        for key in accounts_of(entry):
            sums[key] = sums[key].after(entry)
            moved.add(key)
    return moved


def _beyond(account: Account, balance: Balance) -> Iterator[str]:
    limit, most = account.limit_micros, account.message_limit
    held, spent = balance.held_micros, balance.spent_micros
    if limit is not None and held + spent > limit:
        yield f"{held} held and {spent} spent of {limit}"
    if most is not None and balance.messages > most:
        yield f"{balance.messages} messages of {most}"
    if min(held, spent, balance.messages) < 0:
        yield f"{held} held, {spent} spent, {balance.messages} messages: below nothing"


def _named(records: Records, key: AccountKey) -> str:
    name = records.campaigns.get(key.campaign_id, key.campaign_id)
    return f"{name}, {key.scope} {key.key}".rstrip()
