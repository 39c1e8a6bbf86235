"""The record of one message, for people: no profile, no address, no text."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.decision import RoutingDecision, SendPlan
from madan_sara.contracts.delivery import AttemptState, ChannelWait
from madan_sara.contracts.outreach import Details, ExitReason, OutreachState


@dataclass(frozen=True)
class AttemptRecord:
    """One attempt, for people."""

    attempt_no: int
    channel: Channel
    provider: str
    state: AttemptState
    #: How often its provider was called, or was about to be.
    calls: int
    #: Calls that were answered about this message, or whose answers were lost.
    tries: int
    code: str | None
    provider_message_id: str | None
    price_micros: int
    #: Until when it waits; None: it does not.
    retry_at: datetime | None = None
    #: Its wait, if it waits.
    wait: ChannelWait | None = None


@dataclass(frozen=True)
class MessageRecord:
    """The record of one message, for people; no profile, no text."""

    message_id: UUID
    campaign_id: UUID
    campaign_name: str
    recipient_id: str
    state: OutreachState
    reason: ExitReason | None
    details: Details
    warnings: Sequence[str]
    routing: RoutingDecision | None
    plan: SendPlan | None
    channel: Channel | None
    force_send: bool
    created_at: datetime
    scheduled_at: datetime | None
    sent_at: datetime | None
    attempts: Sequence[AttemptRecord]
    events: Sequence[str]


class BookingState(StrEnum):
    """The state of the money held for an attempt."""

    HELD = "held"  #: Promised; becomes spend when a provider takes the message.
    SPENT = "spent"  #: A provider took the message, or may have.
    GIVEN_BACK = "given back"  #: The attempt ended unsent; the money is free again.


@dataclass(frozen=True)
class Booking:
    """The money of one attempt."""

    attempt_no: int
    channel: Channel
    #: The campaign's day it counts for, as YYYY-MM-DD.
    day: str
    amount_micros: int
    state: BookingState
