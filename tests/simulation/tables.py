"""Rows as the database would have them, and what its constraints refuse."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from madan_sara.activities.attempt_store import Attempt
from madan_sara.activities.stores import Suppression
from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.campaign_run import CampaignEvent, Wait
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.decision import RoutingDecision, SendPlan
from madan_sara.contracts.delivery import AttemptState, DeliveryEventKind
from madan_sara.contracts.money import to_micros
from madan_sara.contracts.outreach import Details, ExitReason, MessageRef, OutreachState
from madan_sara.policy.addresses import KINDS
from madan_sara.policy.budget import Account, AccountScope
from madan_sara.policy.ledger import AccountKey, EntryKind, LedgerEntry
from madan_sara.policy.selector import Engagement
from madan_sara.policy.templates import RenderedMessages


@dataclass(slots=True)
class CampaignRow:
    """A campaign, with what is kept beside its configuration."""

    campaign: Campaign
    #: When its status last changed.
    status_since: datetime
    daily_share: int | None = None
    share_day: date | None = None
    #: Whether its recipients were ever started.
    is_started: bool = False
    wait: Wait | None = None
    events: list[tuple[int, CampaignEvent]] = field(default_factory=list)
    #: Messages it has still to start, in the order of their ids.
    queue: set[UUID] = field(default_factory=set)
    last_taken_at: datetime | None = None


@dataclass(slots=True)
class MessageRow:
    """A message."""

    ref: MessageRef
    campaign_id: UUID
    recipient_id: str
    rendered: RenderedMessages
    #: By channel, in the form addresses are compared in.
    addresses: dict[str, str]
    force_send: bool
    state: OutreachState
    reason: ExitReason | None = None
    details: Details = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    routing: RoutingDecision | None = None
    plan: SendPlan | None = None
    channel: Channel | None = None
    scheduled_at: datetime | None = None
    #: How often it was put back into its campaign's queue.
    generation: int = 0
    #: When it came to its end.
    finished_at: datetime | None = None

    @property
    def message_id(self) -> UUID:
        """Its id."""
        return self.ref.message_id


@dataclass(slots=True)
class ClaimRow:
    """The right of a message to contact its person."""

    message_id: UUID
    campaign_id: UUID
    recipient_id: str
    identifiers: frozenset[str]
    claimed_at: datetime
    #: Until when it covers the person; None: until it is sent.
    covers_until: datetime | None
    sent_at: datetime | None
    is_released: bool
    forced: bool
    channel: Channel | None
    texts: tuple[str, ...]


@dataclass(slots=True)
class AttemptRow:
    """An attempt."""

    channel: Channel
    attempt: Attempt
    bounced: bool = False
    waiting_since: datetime | None = None
    waited: timedelta = timedelta(0)
    account: str | None = None


@dataclass(slots=True)
class SuppressionRow:
    """A person or an address that must not be contacted."""

    kind: str
    subject: str
    channel: Channel | None
    reason: str
    created_at: datetime
    #: What it came with: a message, or a request by hand.
    request: UUID | str


class ConstraintError(Exception):
    """The database refuses to store this; nothing was changed."""


class Tables:
    """All rows there are. Whatever changes them does so between two steps of the loop."""

    def __init__(self) -> None:
        self.campaigns: dict[UUID, CampaignRow] = {}
        self.messages: dict[UUID, MessageRow] = {}
        self.claims: dict[UUID, ClaimRow] = {}
        self.versions: dict[str, int] = {}
        self.accounts: dict[AccountKey, Account] = {}
        self.entries: list[LedgerEntry] = []
        self.holds: dict[tuple[UUID, int], LedgerEntry] = {}
        self.ends: dict[tuple[UUID, int], EntryKind] = {}
        self.attempts: dict[tuple[UUID, int], AttemptRow] = {}
        self.suppressions: list[SuppressionRow] = []
        #: By provider, and the provider's id of each.
        self.receipts: set[tuple[str, str]] = set()
        #: What was reported of a message, each kind once.
        self.reported: set[tuple[UUID, DeliveryEventKind]] = set()
        #: By recipient and channel.
        self.engagement: dict[tuple[str, Channel], Engagement] = {}

    def campaign_of(self, message: MessageRow) -> Campaign:
        """A message's campaign as it is now."""
        return self.campaigns[message.campaign_id].campaign

    def attempts_of(self, message_id: UUID) -> Iterator[tuple[int, AttemptRow]]:
        """The attempts of a message."""
        for (owner, attempt_no), row in self.attempts.items():
            if owner == message_id:
                yield attempt_no, row

    def identifiers_of(self, message: MessageRow) -> frozenset[str]:
        """What a message's person is known by to its campaign."""
        channels = self.campaign_of(message).channels
        known = {
            f"{KINDS[channel]}:{message.addresses[channel]}"
            for channel in channels
            if channel in message.addresses
        }
        return frozenset(known | {f"id:{message.recipient_id}"})

    def suppressions_of(self, message: MessageRow) -> Sequence[Suppression]:
        """The suppressions that a message meets, the newest first."""
        found = [row for row in self.suppressions if _concerns(row, message)]
        found.sort(key=lambda row: row.created_at, reverse=True)
        return [Suppression(channel=row.channel, reason=row.reason) for row in found]

    def suppress(self, row: SuppressionRow) -> None:
        """Keep a suppression, once for each request."""
        known = {(r.kind, r.subject, r.channel, r.request) for r in self.suppressions}
        if (row.kind, row.subject, row.channel, row.request) not in known:
            self.suppressions.append(row)

    def open_hold(self, message_id: UUID, attempt_no: int) -> LedgerEntry | None:
        """The hold of an attempt that has no end yet."""
        key = (message_id, attempt_no)
        return None if key in self.ends else self.holds.get(key)

    def count_engagement(self, recipient_id: str, channel: Channel, more: Engagement) -> None:
        """Add to what a person has got and answered on a channel."""
        before = self.engagement.get((recipient_id, channel), Engagement(0, 0, 0, 0))
        self.engagement[recipient_id, channel] = before + more

    def day_account(self, campaign: Campaign, day: str) -> AccountKey:
        """The account of a campaign's day, opened with the limits the campaign has now."""
        key = AccountKey(campaign.id, AccountScope.DAY, day)
        if key not in self.accounts:
            opened = new_account(key, campaign.daily_spend_limit)
            self.accounts[key] = replace(opened, message_limit=campaign.daily_limit)
        return key


def new_account(key: AccountKey, limit: Decimal | None) -> Account:
    """An account without a booking."""
    return Account(
        scope=key.scope,
        key=key.key,
        limit_micros=None if limit is None else to_micros(limit),
        held_micros=0,
        spent_micros=0,
        message_limit=None,
        message_count=0,
    )


def _concerns(row: SuppressionRow, message: MessageRow) -> bool:
    if row.kind == "recipient":
        return row.subject == message.recipient_id
    if row.channel is not None:
        return message.addresses.get(row.channel) == row.subject
    return row.subject in message.addresses.values()


#: What may be in the hands of a provider, or never was: not concluded.
OPEN_ATTEMPTS = (AttemptState.SENDING, AttemptState.NOT_SENT)
