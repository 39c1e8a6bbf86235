"""The decision on one message, with all that explains it."""

from datetime import date, datetime
from enum import StrEnum

from pydantic import ConfigDict, Field

from madan_sara.contracts.base import Contract
from madan_sara.contracts.channels import Channel


class RoutingReason(StrEnum):
    """The rule that chose the channel; the rules apply in this order."""

    USER_PREFERENCE = "user_preference"  #: The recipient asked for it.
    CAMPAIGN_PRIORITY = "campaign_priority"  #: The campaign's order for this customer type.
    PERFORMANCE = "performance"  #: Best score, with engagement data behind it.
    BEST_PRACTICE = "best_practice"  #: Best score, no engagement data.


class RuledOut(StrEnum):
    """Why a channel cannot carry this message."""

    NO_CONTACT = "no_contact"  #: No address of this person for it.
    NO_CONTENT = "no_content"  #: Neither content of its own nor a default.
    SUPPRESSED = "suppressed"  #: The person or the address must not be contacted on it.
    RECENTLY_MESSAGED = "recently_messaged"  #: Used inside the look-back window (strict).
    TOO_LONG = "too_long"  #: The text exceeds what the provider takes.
    NO_PROVIDER = "no_provider"  #: No provider is configured for it.
    NO_SEND_TIME = "no_send_time"  #: No allowed moment before the campaign ends.


class FactorScores(Contract):
    """The five factors of the channel selector, each from 0 to 1."""

    customer_type: float
    engagement: float
    device: float
    urgency: float
    time_of_day: float


class ChannelAssessment(Contract):
    """One channel of the campaign, assessed for one message."""

    # The selector's callers bring them, too.
    model_config = ConfigDict(revalidate_instances="always")

    channel: Channel
    ruled_out: RuledOut | None = None
    #: The exact reason that rules it out, in words.
    detail: str | None = None
    factors: FactorScores | None = None
    #: Weighted sum of the factors, 0 to 1; None when ruled out.
    total: float | None = None
    #: Whether the score rests on engagement data of this person.
    has_evidence: bool = False
    #: The person's last message on it inside the look-back window; None: there is none.
    last_used_at: datetime | None = None
    #: Local hour (0 to 23) the time-of-day factor was taken at.
    local_hour: int | None = None

    @property
    def safe(self) -> bool:
        """Whether the person got nothing on it inside the look-back window."""
        return self.last_used_at is None


class RoutingDecision(Contract):
    """The channel of a message, its fallbacks, and why."""

    #: None when no channel is viable.
    channel: Channel | None
    fallback_channels: list[Channel] = Field(default_factory=list)
    reason: RoutingReason | None = None
    assessments: list[ChannelAssessment]
    policy_version: str

    def reason_for(self, channel: Channel | None) -> str | None:
        """Why a message goes by a channel; `fallback` when the chosen one was given up."""
        if channel is None or channel is self.channel:
            return self.reason
        return "fallback"

    def channel_order(self) -> list[Channel]:
        """Every channel that will be tried, in order."""
        return [self.channel, *self.fallback_channels] if self.channel else []


class TimingReason(StrEnum):
    """The rule that chose the send time."""

    IMMEDIATE = "immediate"  #: Forced, or optimisation is off.
    CAMPAIGN_OPTIMAL = "campaign_optimal"  #: The campaign's optimal_send_times.
    BEST_PRACTICE = "best_practice"  #: Best practice of the channel and customer type.
    REQUESTED = "requested"  #: It was rescheduled.


class ZoneSource(StrEnum):
    """The owner of the time zone the local time was taken in."""

    RECIPIENT = "recipient"  #: The recipient's own.
    CAMPAIGN = "campaign"  #: The campaign's: the recipient's is unknown or not to count.
    UTC = "utc"  #: Neither is known.


class SendPlan(Contract):
    """When a message is to be sent on a channel, and why then."""

    channel: Channel
    #: None: no allowed moment before the campaign ends.
    scheduled_at: datetime | None
    reason: TimingReason
    zone: str
    zone_source: ZoneSource
    #: The campaign's day it counts for; None without a time.
    campaign_day: date | None = None
    #: Price of the message on this channel, in micro-units of the campaign's currency.
    price_micros: int = 0
    #: Segments of a text message, each of which is paid; else 1.
    parts: int = 1
    #: The reasons that moved the send from the ideal slot, in words, in order.
    adjustments: list[str] = Field(default_factory=list)
