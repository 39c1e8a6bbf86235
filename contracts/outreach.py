"""The life of one outreach: workflow input, activity messages, answers, status."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from madan_sara.contracts.base import Contract, Instant
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.decision import RoutingDecision, SendPlan
from madan_sara.contracts.delivery import AttemptSummary, DeliveryOutcome


class OutreachState(StrEnum):
    """The state of a message."""

    QUEUED = "queued"  #: Waits for its campaign to start it; with a reason, for a higher limit.
    DECIDING = "deciding"  #: Stored; claim, route, time and budget are being decided.
    SCHEDULED = "scheduled"  #: Decided; asleep until its time.
    SENDING = "sending"  #: Being handed to a provider.
    SENT = "sent"  #: Accepted by a provider.
    UNKNOWN = "unknown"  #: May have been sent; the answer was lost. Counts as contact and spend.
    BLOCKED = "blocked"  #: A rule forbade it.
    FAILED = "failed"  #: No channel could carry it.
    CANCELLED = "cancelled"  #: Withdrawn before a provider took it.


#: Started, without an outcome yet.
UNDER_WAY = (OutreachState.DECIDING, OutreachState.SCHEDULED, OutreachState.SENDING)

#: States in which nothing more will happen by itself.
FINAL_STATES = frozenset(
    {
        OutreachState.SENT,
        OutreachState.UNKNOWN,
        OutreachState.BLOCKED,
        OutreachState.FAILED,
        OutreachState.CANCELLED,
    }
)

#: Final states at which no message has gone out.
UNSENT_STATES = FINAL_STATES - {OutreachState.SENT, OutreachState.UNKNOWN}


class ExitReason(StrEnum):
    """Why a message was not sent."""

    DUPLICATE = "duplicate"  #: blocked: contacted by this campaign, or with this text, lately.
    FREQUENCY_CAP = "frequency_cap"  #: blocked: the person has had enough messages.
    BUDGET_EXCEEDED = "budget_exceeded"  #: blocked: the campaign cannot pay for it.
    DAILY_LIMIT = "daily_limit"  #: blocked: the campaign's messages of that day are used up.
    CAMPAIGN_NOT_ACTIVE = "campaign_not_active"  #: blocked: the campaign does not send now.
    SUPPRESSED = "suppressed"  #: blocked: the person must not be contacted.
    EXPIRED = "expired"  #: blocked: no allowed moment is left before the campaign ends.
    NO_VIABLE_CHANNEL = "no_viable_channel"  #: failed: no channel can reach the person.
    ALL_CHANNELS_FAILED = "all_channels_failed"  #: failed: every channel tried refused.
    INTERNAL_ERROR = "internal_error"  #: failed: its row cannot be read.
    CANCELLED = "cancelled"  #: cancelled: it was withdrawn.


#: Figures behind a reason, by name: counts, amounts as decimal strings, instants.
Details = dict[str, str | int | float | bool | None]


class MessageRef(Contract):
    """The message of an activity. Ids only: histories never hold people."""

    tenant_id: UUID
    message_id: UUID


class OutreachInput(Contract):
    """Input of `OutreachWorkflow`."""

    ref: MessageRef
    #: The message was sent and bounced after its workflow ended: go on with the next channel.
    resume: bool = False
    #: Its number among its campaign's recipients, from 0: their sends are spread by it, and
    #: one whose day is full takes the next day. None: a caller waits for the answer.
    sequence_number: int | None = None


class OutreachResult(Contract):
    """Outcome of `OutreachWorkflow`."""

    message_id: UUID
    state: OutreachState
    reason: ExitReason | None = None
    channel: Channel | None = None
    attempts: int = 0


class Block(Contract):
    """A rule's refusal: its reason and figures."""

    reason: ExitReason
    details: Details = Field(default_factory=dict)


class DecideInput(Contract):
    """Ask whether, on which channel and when a message is sent, and hold its price."""

    ref: MessageRef
    now: datetime
    #: Which of its campaign's recipients it is: see `OutreachInput`.
    sequence_number: int | None = None

    @property
    def is_recipient_of_campaign(self) -> bool:
        """Whether a campaign has started it: it waits for a resume, and for a day with room."""
        return self.sequence_number is not None


class HeldAttempt(Contract):
    """An attempt money is held for, as it was decided."""

    attempt_no: int
    plan: SendPlan


class ClaimResult(Contract):
    """The right to contact a person, or the block."""

    block: Block | None = None
    #: With a block: whether the message waits in its campaign's queue; else it has ended.
    is_queued: bool = False
    #: With a block: the state it has ended in, by this claim or by another command before.
    end: OutreachState = OutreachState.BLOCKED
    #: A note that does not block, like a similar text.
    warnings: list[str] = Field(default_factory=list)


class Decision(Contract):
    """What was decided about a message; each part is missing where one before it says no."""

    claim: ClaimResult
    routing: RoutingDecision | None = None
    #: Why the first channel cannot be paid for, or not before the campaign's end.
    block: Block | None = None
    held: HeldAttempt | None = None
    #: The message's generation it was made in: see `PutBackInput`.
    generation: int = 0


class ReopenInput(Contract):
    """Ask to carry a bounced message on, on another channel."""

    ref: MessageRef


class ReopenResult(Contract):
    """The state of a bounced message, or the block against carrying it on."""

    block: Block | None = None
    #: The message's state; unchanged by a block.
    state: OutreachState = OutreachState.SENT
    routing: RoutingDecision
    tried_channels: list[Channel]
    last_attempt_no: int


class PlanInput(Contract):
    """Ask when to send on a channel."""

    ref: MessageRef
    channel: Channel
    now: datetime
    #: This time was asked for on another channel: not before it.
    not_before: datetime | None = None
    #: Its number among its campaign's recipients: see `OutreachInput`.
    sequence_number: int | None = None
    #: The campaign's day of this instant is full, and so are those before it.
    after_day_of: datetime | None = None


class CatchUpInput(Contract):
    """Ask for the next moment of a send that missed its own, at or after `not_before`."""

    ref: MessageRef
    channel: Channel
    now: datetime
    not_before: datetime
    #: Skip the rest of the campaign's day `not_before` falls on: its limit is used up.
    skip_day: bool = False
    #: Its number among its campaign's recipients: see `OutreachInput`.
    sequence_number: int | None = None


class RescheduleCheck(Contract):
    """Ask whether a requested time is allowed."""

    ref: MessageRef
    channel: Channel
    now: datetime
    at: datetime


class ReserveInput(Contract):
    """Ask to hold the price of one attempt on the day it will be sent."""

    ref: MessageRef
    attempt_no: Annotated[int, Field(ge=1)]
    plan: SendPlan
    routing: RoutingDecision
    now: datetime
    #: The attempt whose hold this one replaces, in the same transaction.
    replaces_attempt_no: int | None = None
    #: The message's generation it was decided in: see `PutBackInput`. None: money was held before,
    #: and the message is not put back any more.
    generation: int | None = None


class ReserveResult(Contract):
    """A hold, or why there is none."""

    block: Block | None = None
    #: What is held: what was asked for, or what an earlier run of the step has held.
    held: HeldAttempt | None = None
    #: Set with what an earlier run has held: the routing it was held with.
    routing: RoutingDecision | None = None
    #: Nothing was held, because the message was put back since it was decided: to be decided anew.
    is_outdated: bool = False


class AttemptUnderWay(Contract):
    """An attempt that a provider may have."""

    attempt_no: int
    channel: Channel


class ReleaseInput(Contract):
    """Give back the hold of one attempt."""

    ref: MessageRef
    attempt_no: int
    now: datetime


class ReleaseResult(Contract):
    """Whether a hold could be given back."""

    #: It is kept, because a task that was lost has handed this attempt over.
    under_way: AttemptUnderWay | None = None


class ConcludeInput(Contract):
    """End a message that was not sent: no hold and no claim is left."""

    ref: MessageRef
    state: OutreachState
    reason: ExitReason
    details: Details = Field(default_factory=dict)
    routing: RoutingDecision | None = None
    now: datetime
    #: The message's generation in which its end was decided: see `PutBackInput`. None: any.
    generation: int | None = None


class DeliveryWait(Contract):
    """Why a delivery is run again, and when."""

    #: As the Web UI shows it; ids and codes only.
    why: str
    kind: str
    until: datetime


class DeliverInput(Contract):
    """Hand one attempt to the channel's provider."""

    ref: MessageRef
    attempt_no: int
    channel: Channel
    #: No channel is left after this one: an outage is waited for longer.
    is_last_channel: bool = False
    #: What the first try waits for; None: it was not made, or is under way.
    wait: DeliveryWait | None = None


class DeliverAtOnceInput(Contract):
    """Try to deliver an attempt while its workflow's task is open."""

    delivery: DeliverInput
    now: datetime


class DeliverResult(Contract):
    """The result of an attempt."""

    outcome: DeliveryOutcome
    #: Provider's or our own code for a refusal or withdrawal.
    code: str | None = None
    #: Set with `withdrawn`: the rule that forbids the send now.
    block: Block | None = None
    #: Set with `not_due`: the earliest moment the send is allowed, or an interrupted call
    #: can be asked about.
    not_before: datetime | None = None
    #: Set with `accepted`: how long after the answer to wait for a bounce before the message is
    #: done, and when the answer came.
    receipt_wait_minutes: int = 0
    answered_at: datetime | None = None
    #: Set with `not_due`: money is held for this attempt, which a lost task has put in place of
    #: the one that was to be delivered.
    held: HeldAttempt | None = None


class DeliveredAtOnce(Contract):
    """The result of a first try, or why it goes on as an activity of its own."""

    #: None: it is not over.
    result: DeliverResult | None = None
    #: What it waits for; None: it was not made here, or is under way.
    wait: DeliveryWait | None = None


class ResolveInput(Contract):
    """Ask for the result of an attempt whose delivery was interrupted."""

    ref: MessageRef
    attempt_no: int
    channel: Channel
    now: datetime


class PutBackInput(Contract):
    """Put a campaign's recipient back: a limit leaves no room, and may be raised."""

    ref: MessageRef
    block: Block
    #: The message's generation that ends so: how often it was put back before. A step of an earlier
    #: generation, run again or late, changes nothing.
    generation: int = 0


class PutBackResult(Contract):
    """Whether the recipient waits again."""

    #: False: the message has ended meanwhile, or money was held for it in this generation.
    is_back: bool


class ConcludeResult(Contract):
    """The state of a message after it was to be ended."""

    state: OutreachState
    reason: ExitReason | None = None
    #: The message was left as it is, because a task that was lost has handed this attempt over.
    under_way: AttemptUnderWay | None = None


class DecisionAnswer(Contract):
    """Answer to the `decision` update and to `send_outreach`."""

    status: OutreachState
    message_id: UUID
    channel: Channel | None = None
    scheduled_at: datetime | None = None
    fallback_channels: list[Channel] = Field(default_factory=list)
    routing_reason: str | None = None
    reason: ExitReason | None = None
    details: Details = Field(default_factory=dict)
    warnings: list[str] = Field(default_factory=list)


class RescheduleInput(Contract):
    """Argument of the `reschedule` update."""

    at: Instant


class OutreachStatus(Contract):
    """Answer to the `status` query."""

    message_id: UUID
    state: OutreachState
    reason: ExitReason | None = None
    details: Details = Field(default_factory=dict)
    routing: RoutingDecision | None = None
    plan: SendPlan | None = None
    attempts: list[AttemptSummary] = Field(default_factory=list)
    next_wake_at: datetime | None = None
