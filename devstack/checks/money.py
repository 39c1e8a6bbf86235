"""Whether every account is the sum of its bookings, and never went beyond its limits."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Final
from uuid import UUID

from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.money import from_micros, to_micros
from madan_sara.contracts.outreach import OutreachState
from madan_sara.devstack.checks.books import TAKEN, Account, Books, Entry, Message
from madan_sara.devstack.checks.verdict import Verdict

#: What each kind of booking does to held money, spent money and the number of messages.
_EFFECTS: Final[Mapping[str, tuple[int, int, int]]] = {
    "hold": (1, 0, 1),
    "release": (-1, 0, -1),
    "settle": (-1, 1, 0),
    "spend": (0, 1, 0),
}

#: What keeps an account within its limits, whatever the code above does.
_GUARDS: Final = frozenset({"spend_within_limit", "messages_within_limit"})

#: A campaign's account: its scope, and which channel or day of it.
_Place = tuple[UUID, str, str]


@dataclass
class _Sums:
    """What stands on one account."""

    held: int = 0
    spent: int = 0
    messages: int = 0

    def book(self, entry: Entry) -> None:
        held, spent, messages = _EFFECTS[entry.kind]
        self.held += held * entry.amount_micros
        self.spent += spent * entry.amount_micros
        self.messages += messages


def check_accounts(books: Books) -> Verdict:
    """Every account must be the sum of its entries."""
    sums: dict[_Place, _Sums] = defaultdict(_Sums)
    for entry in books.entries:
        for place in _places(entry):
            sums[place].book(entry)
    faults = []
    for account in books.accounts:
        stands = _Sums(account.held_micros, account.spent_micros, account.message_count)
        due = sums.pop(_place(account), _Sums())
        faults += [
            f"{_named(books, _place(account))}: {figure} {here}, its entries say {there}"
            for figure, here, there in (
                ("held", stands.held, due.held),
                ("spent", stands.spent, due.spent),
                ("messages", stands.messages, due.messages),
            )
            if here != there
        ]
    faults += [f"{_named(books, place)}: entries without an account" for place in sums]
    return Verdict(
        f"the {len(books.accounts)} accounts are the sums of their {len(books.entries)} entries",
        faults,
    )


def check_prices(books: Books, campaigns: Iterable[OutreachCampaign]) -> Verdict:
    """What is spent must be the price of what was sent; what is held, of what is asleep."""
    prices = {campaign.id: campaign.resolved().settings.price_of for campaign in campaigns}

    def price(message: Message, channel: str) -> int:
        parts = message.parts if channel == message.channel else 1
        return parts * to_micros(prices[message.campaign_id](Channel(channel)))

    held: Counter[UUID] = Counter()
    spent: Counter[UUID] = Counter()
    for message in books.messages.values():
        if message.state == OutreachState.SCHEDULED:
            held[message.campaign_id] += price(message, message.channel)
    for attempt in books.attempts:
        # What a provider took is paid for, whatever became of it; and so is what it may have.
        if attempt.state in TAKEN or attempt.state == OutreachState.UNKNOWN:
            message = books.messages[attempt.message_id]
            spent[message.campaign_id] += price(message, attempt.channel)
    faults = [
        f"{_named(books, _place(account))}: {figure} {stands}, the prices sum to {due}"
        for account in books.accounts
        if account.scope == "campaign"
        for figure, stands, due in (
            ("held", account.held_micros, held[account.campaign_id]),
            ("spent", account.spent_micros, spent[account.campaign_id]),
        )
        if stands != due
    ]
    return Verdict(
        f"the ledger balances: {from_micros(spent.total()):f} spent on what was sent, "
        f"{from_micros(held.total()):f} held for what is asleep",
        faults,
    )


def check_limits(books: Books) -> Verdict:
    """Booked anew, commit by commit, no account may ever have been beyond a limit.

    The limits are those the accounts have now: a run that lowers or raises one on its way
    cannot be checked like this.
    """
    accounts = {_place(account): account for account in books.accounts}
    sums: dict[_Place, _Sums] = defaultdict(_Sums)
    faults = [f"the constraint {name} is not in force" for name in _GUARDS - books.constraints]
    if any(entry.committed_at is None for entry in books.entries):
        faults.append("the server notes no commits; start it with track_commit_timestamp=on")
    commits = 0
    for (at, _), together in groupby(books.entries, key=lambda e: (e.committed_at, e.commit)):
        commits += 1
        for place in _booked(together, sums):
            account, stands = accounts.get(place), sums[place]
            if account is not None:
                faults += [f"{_named(books, place)} at {at}: {w}" for w in _beyond(account, stands)]
    return Verdict(
        f"booked anew in the order of their {commits} commits, no account was ever beyond a limit "
        f"({', '.join(sorted(_GUARDS))})",
        faults,
    )


def _booked(entries: Iterable[Entry], sums: Mapping[_Place, _Sums]) -> set[_Place]:
    """Book the entries of one commit; the places they have moved."""
    touched = set()
    for entry in entries:
        for place in _places(entry):
            sums[place].book(entry)
            touched.add(place)
    return touched


def _beyond(account: Account, sums: _Sums) -> Iterator[str]:
    limit, most = account.limit_micros, account.message_limit
    if limit is not None and sums.held + sums.spent > limit:
        yield f"{sums.held} held and {sums.spent} spent of {limit}"
    if most is not None and sums.messages > most:
        yield f"{sums.messages} messages of {most}"
    if min(sums.held, sums.spent, sums.messages) < 0:
        yield f"{sums.held} held, {sums.spent} spent, {sums.messages} messages: below nothing"


def _places(entry: Entry) -> tuple[_Place, _Place, _Place]:
    return (
        (entry.campaign_id, "campaign", ""),
        (entry.campaign_id, "channel", entry.channel),
        (entry.campaign_id, "day", entry.day),
    )


def _place(account: Account) -> _Place:
    return (account.campaign_id, account.scope, account.key)


def _named(books: Books, place: _Place) -> str:
    campaign_id, scope, key = place
    return f"{books.campaigns.get(campaign_id, campaign_id)}, {scope} {key}".rstrip()
