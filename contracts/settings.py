"""The rules an orchestrator applies, per tenant with overrides per campaign."""

from datetime import time
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from madan_sara.contracts.base import ClosedContract, LocalTime, NotBool
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.money import Money


class ChannelDeduplication(StrEnum):
    """The effect on routing of a message on the same channel inside the look-back window."""

    OFF = "off"  #: Nothing.
    PREFER = "prefer"  #: The channel is used only when no other is viable.
    STRICT = "strict"  #: The channel is not used.


class AmbiguityPolicy(StrEnum):
    """The treatment of a provider's lost answer that cannot be looked up."""

    AT_MOST_ONCE = "at_most_once"  #: Never send again; the message counts as unknown.
    AT_LEAST_ONCE = "at_least_once"  #: Send again; the person may get it twice.


class QuietHours(ClosedContract):
    """Local hours in which no message goes out; may span midnight."""

    start: LocalTime = time(21, 0)
    end: LocalTime = time(8, 0)

    @model_validator(mode="after")
    def _leaves_time_to_send(self) -> Self:
        if self.start == self.end:
            raise ValueError("start and end are equal; set quiet_hours to null to have none")
        return self

    def cover(self, local: time) -> bool:
        """Whether a local wall-clock time lies inside (start included, end not)."""
        if self.start < self.end:
            return self.start <= local < self.end
        return local >= self.start or local < self.end


#: Price of one message; public list prices of 2024.
DEFAULT_PRICES: dict[Channel, Decimal] = {
    Channel.EMAIL: Decimal("0.001"),
    Channel.SMS: Decimal("0.0075"),
    Channel.WHATSAPP: Decimal("0.005"),
    Channel.INSTAGRAM: Decimal(0),
    Channel.FACEBOOK: Decimal(0),
    Channel.LINKEDIN: Decimal(0),
    Channel.TWITTER: Decimal(0),
    Channel.CHAT: Decimal(0),
}


class OrchestratorSettings(ClosedContract):
    """Deduplication, fallback, scheduling and price rules.

    A campaign keeps the settings it was saved with, so that a running campaign
    never changes its rules because a client was restarted.
    """

    #: A second message of a campaign to a person inside this window is a duplicate.
    dedup_lookback_hours: Annotated[int, NotBool, Field(ge=1, le=24 * 90)] = 24
    #: Cap over a rolling 24 hours, all campaigns together.
    max_messages_per_day: Annotated[int, NotBool, Field(ge=1, le=1000)] = 3
    #: Cap over a rolling 7 days, all campaigns together.
    max_messages_per_week: Annotated[int, NotBool, Field(ge=1, le=7000)] = 10
    #: Channels tried for one message, the first included.
    max_fallback_attempts: Annotated[int, NotBool, Field(ge=1, le=8)] = 3
    #: Plan in the recipient's zone; otherwise in the campaign's.
    respect_timezones: bool = True
    #: Spacing of batch sends that fall on the same minute at the same provider.
    min_spacing_minutes: Annotated[int, NotBool, Field(ge=0, le=24 * 60)] = 30
    channel_deduplication: ChannelDeduplication = ChannelDeduplication.PREFER
    quiet_hours: QuietHours | None = QuietHours()
    #: Trigram similarity at which a text counts as the same as one already sent.
    near_duplicate_threshold: Annotated[float, NotBool, Field(gt=0.0, le=1.0)] = 0.70
    near_duplicate_days: Annotated[int, NotBool, Field(ge=0, le=90)] = 7
    #: Per channel, where neither look-up nor idempotency keys can settle a lost answer.
    ambiguous_delivery: dict[Channel, AmbiguityPolicy] = Field(default_factory=dict)
    #: After acceptance, wait this long for a bounce and fall back on one; 0: do not wait.
    receipt_wait_minutes: Annotated[int, NotBool, Field(ge=0, le=7 * 24 * 60)] = 0
    #: How long a message waits for a channel whose provider, or whose recipient, takes nothing
    #: for the moment, before it takes the next channel; channels left out keep their
    #: default (e-mail a day, all others two hours).
    patience_minutes: dict[Channel, Annotated[int, NotBool, Field(ge=1, le=7 * 24 * 60)]] = Field(
        default_factory=dict
    )
    #: Go on with the next channel, where there is one, after this long instead; None: patience.
    fallback_after_minutes: Annotated[int, NotBool, Field(ge=1, le=7 * 24 * 60)] | None = None
    #: Price of one message per channel; channels left out keep their default.
    prices: dict[Channel, Money] = Field(default_factory=dict)

    def price_of(self, channel: Channel) -> Decimal:
        """Price of one message on a channel, in the campaign's currency."""
        return self.prices.get(channel, DEFAULT_PRICES[channel])

    def with_all_prices(self) -> Self:
        """These settings with every channel's price written out, defaults included."""
        return self.model_copy(update={"prices": {c: self.price_of(c) for c in Channel}})

    def ambiguity_policy(self, channel: Channel) -> AmbiguityPolicy:
        """The treatment of a lost answer on a channel; at most once unless set."""
        return self.ambiguous_delivery.get(channel, AmbiguityPolicy.AT_MOST_ONCE)
