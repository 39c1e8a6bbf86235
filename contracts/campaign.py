"""A campaign as its owner writes it down, and as it is stored."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Final, Literal, NamedTuple, Self
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from madan_sara.contracts.base import ClosedContract, Instant, LocalTime, NotBool, ShortText, as_day
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.content import MessageContent
from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.contracts.instants import end_of_day, start_of_day
from madan_sara.contracts.money import Money
from madan_sara.contracts.recipient import CustomerType, ZoneName
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.contracts.violations import refusal

#: The tenant of an installation that has only one.
DEFAULT_TENANT: Final = UUID("00000000-0000-4000-8000-000000000001")


class CampaignStatus(StrEnum):
    """Whether a campaign may send."""

    DRAFT = "draft"  #: Not started; nothing is accepted.
    ACTIVE = "active"  #: Accepts and sends.
    PAUSED = "paused"  #: Accepts nothing new; messages asleep wait for the resume.
    COMPLETED = "completed"  #: Every recipient has an outcome; accepts nothing.
    EXPIRED = "expired"  #: Its end came first; recipients left get nothing.
    BUDGET_EXHAUSTED = "budget_exhausted"  #: The money is used up; recipients left get nothing.
    CANCELLED = "cancelled"  #: Withdrawn; unsent messages never are sent.


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
    """Budget of one channel; the ledger keeps the money spent, not this."""

    total: Money
    #: Accepted for the form's sake; the ledger is the only source of money spent.
    spent: Annotated[Money, Field(le=0)] = Decimal(0)


def _require_audience(key: object) -> object:
    if key != "default" and key not in list(CustomerType):
        raise ValueError(f"no such customer type; use {', '.join(CustomerType)} or default")
    return key


#: The customer type of an order of channels; `default` serves every type without its own.
PriorityKey = Annotated[CustomerType | Literal["default"], BeforeValidator(_require_audience)]


class OptimalTimes(ClosedContract):
    """Best local send times of one channel."""

    weekday: LocalTime
    weekend: LocalTime | None = None

    def on(self, *, weekend: bool) -> time:
        """The time for a kind of day; a missing weekend time is the weekday's."""
        return self.weekend if weekend and self.weekend is not None else self.weekday


class CampaignFields(BaseModel):
    """Configuration of a campaign: channels, budgets, limits, times, duration."""

    id: UUID
    tenant_uuid: UUID = DEFAULT_TENANT
    name: ShortText
    campaign_type: ShortText = "promotion"
    status: CampaignStatus = CampaignStatus.ACTIVE
    urgency: Urgency = Urgency.NORMAL

    channels: Annotated[Sequence[Channel], Field(min_length=1)]
    channel_priority: Mapping[PriorityKey, Sequence[Channel]] | None = None

    #: None: no limit of that kind.
    budget_total: Money | None = None
    budget_per_channel: Mapping[Channel, ChannelBudget] | None = None
    daily_spend_limit: Money | None = None
    daily_limit: Annotated[int, NotBool, Field(ge=0, le=100_000_000)] | None = None

    #: The texts of imported recipients; `send_outreach` and `send_batch` bring their own.
    templates: MessageContent | None = None
    #: Attributes every recipient brings, which templates may name beside the profile's fields.
    recipient_fields: Sequence[ShortText] = ()

    #: Let the campaign choose its messages a day itself, within its limits, so that the
    #: budget lasts exactly to the end.
    auto_pacing: bool = False
    send_time_optimization: bool = True
    optimal_send_times: Mapping[Channel, OptimalTimes] | None = None
    #: Zone of recipients without one, and of the campaign's days; None: UTC.
    timezone: ZoneName | None = None

    #: A day without a time is one of the campaign's zone: it starts as the day begins, and
    #: ends as the day is over.
    start_date: Instant
    end_date: Instant | None = None

    settings: OrchestratorSettings | None = None

    @field_validator("start_date", "end_date", mode="before")
    @classmethod
    def _read_days(cls, value: object, info: ValidationInfo) -> object:
        day = as_day(value)
        if day is None:
            return value
        # The zone is read before; where it is invalid itself, that is the violation to report.
        zone = info.data.get("timezone")
        return _bound(day, zone, is_end=info.field_name == "end_date")


class Campaign(CampaignFields):
    """A campaign as it is stored and decided by: complete, and immutable.

    Its settings are its own, each price written out. Unknown fields are passed over, so that
    a worker can read what a newer one has written with a field more.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    channels: Annotated[tuple[Channel, ...], Field(min_length=1)]
    channel_priority: Mapping[PriorityKey, tuple[Channel, ...]] | None = None
    recipient_fields: tuple[ShortText, ...] = ()
    settings: OrchestratorSettings

    def with_status(self, status: CampaignStatus) -> Self:
        """The same campaign in another status."""
        return self if status is self.status else self.model_copy(update={"status": status})

    def end_at(self, end: datetime | date) -> datetime:
        """The instant an end means for this campaign: with a day without a time, its end.

        Raises:
            ValueError: it is beyond the calendar.
        """
        if isinstance(end, datetime):
            return end
        return _bound(end, self.timezone, is_end=True)

    def is_over(self, at: datetime) -> bool:
        """Whether its end has come by an instant; nothing is sent from then on."""
        return self.end_date is not None and at >= self.end_date

    def priority_for(self, customer_type: CustomerType | None) -> Sequence[Channel]:
        """The campaign's channel order for a customer type, else its default order."""
        if not self.channel_priority:
            return ()
        own = self.channel_priority.get(customer_type) if customer_type else None
        return own if own is not None else self.channel_priority.get("default", ())


class SavedAs(NamedTuple):
    """The stored campaign an object was last saved as or loaded from."""

    tenant_uuid: UUID
    campaign_id: UUID
    version: int
    #: What the object said when it was; another one now is a change of its owner's.
    status: CampaignStatus


class OutreachCampaign(CampaignFields):
    """A campaign as its owner writes it: a request, which takes effect when it is saved.

    Mutable, so that limits can be adjusted while it runs. A changed one is saved with
    `save_campaign`, or by the next send that brings it, unless the stored campaign was changed
    meanwhile. Each field is checked when it is set; rules across fields are checked on saving.
    """

    model_config = ConfigDict(extra="forbid", validate_assignment=True)

    id: UUID = Field(default_factory=uuid4)
    channels: Annotated[list[Channel], Field(min_length=1)]
    channel_priority: dict[PriorityKey, list[Channel]] | None = None
    budget_per_channel: dict[Channel, ChannelBudget] | None = None
    recipient_fields: list[ShortText] = Field(default_factory=list)
    optimal_send_times: dict[Channel, OptimalTimes] | None = None
    start_date: Instant = Field(default_factory=lambda: datetime.now(UTC))
    #: The orchestrator's settings for this campaign; None: those it is saved with already, and
    #: the orchestrator's own before.
    settings: OrchestratorSettings | None = None

    #: Not written down with it.
    _saved_as: SavedAs | None = PrivateAttr(default=None)

    @classmethod
    def of(cls, stored: Campaign, version: int) -> Self:
        """A stored campaign, to be changed and saved again."""
        campaign = cls.model_validate(stored.model_dump())
        campaign.note_saved(SavedAs(stored.tenant_uuid, stored.id, version, stored.status))
        return campaign

    @property
    def saved_as(self) -> SavedAs | None:
        """What it was last saved as or loaded from; None: it never was, or is another now."""
        saved = self._saved_as
        is_own = saved is not None and saved[:2] == (self.tenant_uuid, self.id)
        return saved if is_own else None

    @property
    def saved_version(self) -> int | None:
        """Which version of the stored campaign this one comes from; None: of none."""
        return None if (saved := self.saved_as) is None else saved.version

    def note_saved(self, saved: SavedAs) -> None:
        """Remember what it is saved as, unless a later save is remembered already."""
        known = self._saved_as
        if known is None or known[:2] != saved[:2] or known.version <= saved.version:
            self._saved_as = saved

    def follow(self, loaded: "OutreachCampaign") -> None:
        """Be saved as the next version of a campaign that was loaded."""
        self._saved_as = loaded._saved_as

    def resolved(self, defaults: OrchestratorSettings | None = None) -> Campaign:
        """This campaign, complete: its settings, or those it gets, with every price.

        Args:
            defaults: the settings it gets if it brings none of its own.

        Raises:
            InvalidRequestError: a field changed in place made it invalid.
        """
        # What was changed in place may be of any type, or be missing.
        given = dict(self.__dict__)
        if given.get("settings") is None:
            given["settings"] = defaults or OrchestratorSettings()
        complete = _complete(given)
        return complete.model_copy(update={"settings": complete.settings.with_all_prices()})


def resolved(campaign: object) -> Campaign:
    """The campaign a component is asked about, completed from the defaults.

    Raises:
        InvalidRequestError: it is no campaign.
    """
    if isinstance(campaign, Campaign):
        return _complete(campaign.__dict__)
    if not isinstance(campaign, OutreachCampaign):
        raise InvalidRequestError(
            f"campaign: must be an OutreachCampaign, not {type(campaign).__name__}"
        )
    return campaign.resolved()


def _complete(given: Mapping[str, object]) -> Campaign:
    try:
        return Campaign.model_validate(given)
    except (ValidationError, RecursionError) as error:
        raise InvalidRequestError(refusal(error, root="campaign")) from None
