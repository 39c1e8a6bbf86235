"""Ports to the facts in PostgreSQL, and the facts as the components see them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.decision import RoutingDecision
from madan_sara.contracts.outreach import (
    Block,
    ClaimResult,
    ConcludeInput,
    ConcludeResult,
    HeldAttempt,
    MessageRef,
    OutreachState,
    ReleaseInput,
    ReleaseResult,
    ReopenResult,
    ReserveInput,
    ReserveResult,
)
from madan_sara.contracts.recipient import RecipientProfile
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.policy.budget import Account
from madan_sara.policy.frequency import RecentClaim
from madan_sara.policy.returns import CampaignBalances
from madan_sara.policy.selector import Engagement
from madan_sara.policy.templates import RenderedMessages


@dataclass(frozen=True)
class StoredRequest:
    """One message as it was asked for, with its campaign as it is now."""

    ref: MessageRef
    campaign: Campaign
    #: The recipient's profile and the texts, which never change.
    rendered: RenderedMessages
    force_send: bool
    state: OutreachState
    #: When it is to be sent, once that is decided.
    scheduled_at: datetime | None
    #: How often it was put back into its campaign's queue.
    generation: int

    @property
    def profile(self) -> RecipientProfile:
        """The person it is for."""
        return self.rendered.profile

    @property
    def settings(self) -> OrchestratorSettings:
        """The rules in force for this message."""
        return self.campaign.settings


@dataclass(frozen=True)
class Suppression:
    """A person must not be contacted: on one channel, or (None) on any."""

    channel: Channel | None
    reason: str


@dataclass(frozen=True)
class DecisionFacts:
    """The facts that the decision on a message depends on."""

    request: StoredRequest
    #: Live claims of the person that can still matter; not this message's own.
    recent: Sequence[RecentClaim]
    suppressions: Sequence[Suppression]
    engagement: Mapping[Channel, Engagement]


@dataclass(frozen=True)
class StoredDecision:
    """What an earlier run of a decision has held money for."""

    routing: RoutingDecision
    held: HeldAttempt


@dataclass(frozen=True)
class Claim:
    """The answer to a claim, and what the decision goes on by."""

    result: ClaimResult
    facts: DecisionFacts
    #: The whole decision where an earlier run has made it; None: it is still to be made.
    decided: StoredDecision | None = None


@dataclass(frozen=True)
class ClaimDecision:
    """A decision on a claim, with the texts stored with it."""

    result: ClaimResult
    texts: Sequence[str] = ()


class ClaimStore(Protocol):
    """The rights to contact people."""

    async def claim(
        self, ref: MessageRef, now: datetime, decide: Callable[[DecisionFacts], ClaimDecision]
    ) -> Claim:
        """Decide and store a claim; decided again if another was granted on the person meanwhile.

        Run again for the same message, it returns the first answer.

        Args:
            ref: the message.
            now: the instant to decide at.
            decide: may be called more than once, each time with the present facts.
        """
        ...

    async def reopen(self, ref: MessageRef) -> ReopenResult:
        """Take up the claim of a message that bounced, to carry it on another channel."""
        ...

    async def recent_claims(
        self, tenant_id: UUID, recipient_id: str, since: datetime
    ) -> Sequence[RecentClaim]:
        """Live claims of a person: all unsent ones and those sent since an instant."""
        ...


class RequestStore(Protocol):
    """Messages as they were asked for, and their ends."""

    async def request(self, ref: MessageRef) -> StoredRequest:
        """One message, as it stands.

        Raises:
            NotFoundError: there is no such message.
        """
        ...

    async def put_back(self, ref: MessageRef, block: Block, generation: int) -> bool:
        """Have a campaign's recipient wait until a limit is raised; its claim is gone.

        Run again, it changes nothing, whatever has come of the recipient since.

        Args:
            ref: the message.
            block: what leaves no room.
            generation: the message's generation that ends so.

        Returns:
            False when the message has ended, or money was held for it in this generation.
        """
        ...

    async def conclude(self, conclusion: ConcludeInput) -> ConcludeResult:
        """End an unsent message: release its hold and claim, store state and reason.

        A message that has ended already is left as it is; the answer gives its end.
        """
        ...


class BudgetLedger(Protocol):
    """Accounts and their append-only entries."""

    async def reserve(
        self,
        reservation: ReserveInput,
        day: date,
        decide: Callable[[Sequence[Account], int], Block | None],
    ) -> ReserveResult:
        """Hold one attempt's price, or let `decide` say why not; the message is scheduled.

        Nothing is held for a message that has ended, or was put back since it was decided.
        """
        ...

    async def release(self, release: ReleaseInput) -> ReleaseResult:
        """Give a hold back, but not of an attempt that a provider may have.

        Nothing to give back is fine.
        """
        ...

    async def days(self, ref: MessageRef, first: date) -> Sequence[Account]:
        """The days of a message's campaign from one on, of those that have an account."""
        ...

    async def accounts(self, campaign: Campaign, channel: Channel, day: date) -> Sequence[Account]:
        """The accounts a send on a channel and day would be booked on.

        Raises:
            InvalidRequestError: the saved campaign has no such channel.
            NotFoundError: the campaign is not saved.
        """
        ...

    async def balances(self, campaign: Campaign) -> CampaignBalances:
        """A campaign's money and counts at one instant, at the same cost for any audience.

        Raises:
            NotFoundError: the campaign is not saved.
        """
        ...

    async def spend(
        self,
        campaign: Campaign,
        channel: Channel,
        day: date,
        amount_micros: int,
        spend_id: UUID,
        now: datetime,
        decide: Callable[[Sequence[Account], int], Block | None],
    ) -> None:
        """Book money spent outside any attempt, once per id; refused, `decide` says why.

        Raises:
            InvalidRequestError: the saved campaign has no such channel.
            NotFoundError: the campaign is not saved.
            OverLimitError: a limit forbids it; nothing was booked.
        """
        ...


@dataclass(frozen=True)
class SendTimeCell:
    """The counts of one channel in one local hour."""

    channel: Channel
    local_hour: int
    weekend: bool
    messages: int
    engagement: Engagement = field(repr=False)


class AnalyticsStore(Protocol):
    """Figures over past messages."""

    async def send_time_cells(
        self, tenant_id: UUID, campaign_id: UUID | None, zone: str
    ) -> Sequence[SendTimeCell]:
        """Messages and reactions by channel and local hour of the send."""
        ...
