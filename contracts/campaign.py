"""A campaign as its owner writes it down."""

from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, Literal
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationInfo,
    field_validator,
)

from madan_sara.contracts.base import ClosedContract, Instant, LocalTime, NotBool, ShortText, as_day
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.content import MessageContent
from madan_sara.contracts.instants import end_of_day, start_of_day
from madan_sara.contracts.money import Money
from madan_sara.contracts.recipient import CustomerType, ZoneName
from madan_sara.contracts.settings import OrchestratorSettings

#: The tenant of an installation that has only one.
DEFAULT_TENANT: Final = UUID("00000000-0000-4000-8000-000000000001")


class CampaignStatus(StrEnum):
    """Whether a campaign may send."""

    DRAFT = "draft"  #: Not started; nothing is accepted.
    ACTIVE = "active"  #: Accepts and sends.
    PAUSED = "paused"  #: Accepts nothing new; what is asleep waits for the resume.
    COMPLETED = "completed"  #: Every recipient has an outcome; accepts nothing.
    EXPIRED = "expired"  #: Its end came first; who was left gets nothing.
    BUDGET_EXHAUSTED = "budget_exhausted"  #: Nothing more could be paid; who was left gets nothing.
    CANCELLED = "cancelled"  #: Withdrawn; what is not sent yet never is.


#: Statuses a campaign never leaves.
FINAL_STATUSES: Final = frozenset(
    {
        CampaignStatus.COMPLETED,
        CampaignStatus.EXPIRED,
        CampaignStatus.BUDGET_EXHAUSTED,
        CampaignStatus.CANCELLED,
    }
)


class Urgency(StrEnum):
    """How soon a message should be seen; one of the channel selector's factors."""

    HIGH = "high"  #: Should be seen within the hour.
    NORMAL = "normal"  #: Should be seen today.
    LOW = "low"  #: Can wait.


def _bound(day: date, zone: str | None, *, is_end: bool) -> datetime:
    """The instant a campaign starts with a day, or ends with it."""
    of_day = end_of_day if is_end else start_of_day
    try:
        return of_day(day, ZoneInfo(zone or "UTC"))
    except OverflowError:
        raise ValueError("is beyond the calendar in UTC; give another day") from None


class ChannelBudget(ClosedContract):
    """Budget of one channel; what was spent is kept by the ledger, not here."""

    total: Money
    #: Accepted for the form's sake; the ledger is the only source of what was spent.
    spent: Annotated[Money, Field(le=0)] = Decimal(0)


def _require_audience(key: object) -> object:
    if key != "default" and key not in list(CustomerType):
        raise ValueError(f"no such customer type; use {', '.join(CustomerType)} or default")
    return key


#: Whom an order of channels is for; `default` serves every customer type without its own.
PriorityKey = Annotated[CustomerType | Literal["default"], BeforeValidator(_require_audience)]


class OptimalTimes(ClosedContract):
    """Best local send times of one channel."""

    weekday: LocalTime
    weekend: LocalTime | None = None

    def on(self, *, weekend: bool) -> time:
        """The time for a kind of day; a missing weekend time is the weekday's."""
        return self.weekend if weekend and self.weekend is not None else self.weekday


class OutreachCampaign(BaseModel):
    """Configuration of a campaign: channels, budgets, limits, times, duration.

    Mutable, so that limits can be adjusted while it runs; a changed campaign
    takes effect when it is saved, or next used to send where it was saved or loaded by
    this object and is still the same. Each field is checked
    when it is set; rules across fields are checked by `faults` on saving.
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    id: UUID = Field(default_factory=uuid4)
    tenant_uuid: UUID = DEFAULT_TENANT
    name: ShortText
    campaign_type: ShortText = "promotion"
    status: CampaignStatus = CampaignStatus.ACTIVE
    urgency: Urgency = Urgency.NORMAL

    channels: Annotated[list[Channel], Field(min_length=1)]
    channel_priority: dict[PriorityKey, list[Channel]] | None = None

    #: None: no limit of that kind.
    budget_total: Money | None = None
    budget_per_channel: dict[Channel, ChannelBudget] | None = None
    daily_spend_limit: Money | None = None
    daily_limit: Annotated[int, NotBool, Field(ge=0, le=100_000_000)] | None = None

    #: What its imported recipients are sent; `send_outreach` and `send_batch` bring their own.
    templates: MessageContent | None = None
    #: Attributes every recipient brings, which templates may name beside the profile's fields.
    recipient_fields: list[ShortText] = Field(default_factory=list)

    #: Let the campaign choose its messages a day itself, within its limits, so that the
    #: budget lasts exactly to the end.
    auto_pacing: bool = False
    send_time_optimization: bool = True
    optimal_send_times: dict[Channel, OptimalTimes] | None = None
    #: Zone of recipients without one, and of the campaign's days; None: UTC.
    timezone: ZoneName | None = None

    #: A day without a time is one of the campaign's zone: it starts as the day begins, and
    #: ends as the day is over.
    start_date: Instant = Field(default_factory=lambda: datetime.now(UTC))
    end_date: Instant | None = None

    #: The orchestrator's settings for this campaign; None: the orchestrator's own.
    settings: OrchestratorSettings | None = None

    #: The campaign and its version that this object was last saved as or loaded from; not
    #: written down with it.
    _saved_as: tuple[UUID, int] | None = PrivateAttr(default=None)

    @property
    def saved_version(self) -> int | None:
        """Which version of the saved campaign this one comes from; None: of none."""
        saved_id, version = self._saved_as or (None, None)
        return version if saved_id == self.id else None

    def note_saved(self, version: int) -> None:
        """Remember that it is saved as a version, or was loaded from it."""
        self._saved_as = (self.id, version)

    @field_validator("start_date", "end_date", mode="before")
    @classmethod
    def _read_days(cls, value: object, info: ValidationInfo) -> object:
        day = as_day(value)
        if day is None:
            return value
        # The zone is read before; where it is faulty itself, that is the fault to tell.
        zone = info.data.get("timezone")
        return _bound(day, zone, is_end=info.field_name == "end_date")

    def end_at(self, end: datetime | date) -> datetime:
        """The instant an end means for this campaign: with a day without a time, its end.

        Raises:
            ValueError: it is beyond the calendar.
        """
        if isinstance(end, datetime):
            return end
        return _bound(end, self.timezone, is_end=True)

    def faults(self) -> list[str]:
        """Contradictions between fields, each as `field: what is wrong`."""
        return [*self._list_faults(), *self._budget_faults(), *self._window_faults()]

    def effective_settings(self) -> OrchestratorSettings:
        """The campaign's settings, or the defaults where it has none."""
        return self.settings or OrchestratorSettings()

    def is_over(self, at: datetime) -> bool:
        """Whether its end has come by an instant; nothing is sent from then on."""
        return self.end_date is not None and at >= self.end_date

    def priority_for(self, customer_type: CustomerType | None) -> list[Channel]:
        """The campaign's channel order for a customer type, else its default order."""
        if not self.channel_priority:
            return []
        own = self.channel_priority.get(customer_type) if customer_type else None
        return own if own is not None else self.channel_priority.get("default", [])

    def _list_faults(self) -> list[str]:
        repeated = len(set(self.channels)) != len(self.channels)
        found = ["channels: names a channel twice; name each once"] if repeated else []
        strangers = [
            f"channel_priority.{audience}: {channel} is not among the campaign's channels; "
            "add it to channels or remove it here"
            for audience, order in (self.channel_priority or {}).items()
            for channel in order
            if channel not in self.channels
        ]
        repeating = [
            f"channel_priority.{audience}: names a channel twice; name each once"
            for audience, order in (self.channel_priority or {}).items()
            if len(set(order)) != len(order)
        ]
        return found + strangers + repeating

    def _budget_faults(self) -> list[str]:
        budgets = self.budget_per_channel or {}
        found = [
            f"budget_per_channel.{channel}: not among the campaign's channels; "
            "add it to channels or remove it here"
            for channel in budgets
            if channel not in self.channels
        ]
        allotted = sum(budget.total for budget in budgets.values())
        if self.budget_total is not None and allotted > self.budget_total:
            found.append(
                f"budget_per_channel: the channels' totals are {allotted}, above budget_total "
                f"{self.budget_total}; raise the total or lower them"
            )
        return found

    def _window_faults(self) -> list[str]:
        if self.end_date is not None and self.end_date <= self.start_date:
            return [f"end_date: {self.end_date.isoformat()} is not after start_date; move it"]
        return []
