"""The life of a campaign: workflow input, activity messages, orders, status."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from contracts.base import Contract, Instant, NotBool, ShortText
from contracts.campaign import CampaignStatus
from contracts.money import Money
from contracts.outreach import Details


class CampaignRef(Contract):
    """Which campaign a step is about."""

    tenant_id: UUID
    campaign_id: UUID


class CampaignInput(Contract):
    """Input of `CampaignWorkflow`, also when it continues as new."""

    ref: CampaignRef
    #: How many recipients it has started; the next one's place among them.
    next_place: int = 0


class CampaignResult(Contract):
    """Outcome of `CampaignWorkflow`."""

    campaign_id: UUID
    status: CampaignStatus
    #: Messages by their last state.
    by_state: dict[str, int]


class WaitReason(StrEnum):
    """What a campaign waits for."""

    START = "start"  #: Its start date.
    RESUME = "resume"  #: Somebody to resume it.
    NEXT_DAY = "next_day"  #: Today's messages or money are used up.
    BUDGET = "budget"  #: Nothing more can be paid: more budget, or the end.
    OUTCOMES = "outcomes"  #: Everybody is started; some are asleep or on their way.


class NextStep(Contract):
    """What a campaign does next: exactly one of the three is set."""

    #: Start so many recipients.
    dispatch: int | None = None
    #: Wait until this instant, or until something happens.
    wait_until: datetime | None = None
    wait_reason: WaitReason | None = None
    #: End this way.
    end: CampaignStatus | None = None


class CampaignFigures(Contract):
    """A campaign's counts and money, as a step found them."""

    status: CampaignStatus
    #: Messages by state.
    by_state: dict[str, int]
    #: The campaign's day, and what is held or sent on it.
    today: date
    messages_today: int
    daily_limit: int | None
    #: What the campaign allows itself today; None: its daily limit.
    daily_share: int | None
    remaining_micros: int | None
    spent_micros: int
    end_date: datetime | None

    @property
    def total(self) -> int:
        """Every recipient."""
        return sum(self.by_state.values())


class SurveyInput(Contract):
    """Ask where a campaign stands and what it does next."""

    ref: CampaignRef
    now: datetime


class SurveyResult(Contract):
    """Where a campaign stands, and what it does next."""

    figures: CampaignFigures
    step: NextStep


class DispatchInput(Contract):
    """Start some of a campaign's recipients."""

    ref: CampaignRef
    at_most: int
    #: The place of the first of them among all the campaign has started.
    first_place: int


class DispatchResult(Contract):
    """What a dispatch started."""

    started: int
    next_place: int


class CloseInput(Contract):
    """End everybody a campaign has not sent to."""

    ref: CampaignRef
    status: CampaignStatus
    reason: str | None = None
    now: datetime


class OrderInput(Contract):
    """Carry out an order on a campaign, and note it."""

    ref: CampaignRef
    now: datetime
    status: CampaignStatus | None = None
    daily_limit: int | None = None
    budget_total: Money | None = None
    end_date: Instant | None = None


class CancelOrder(Contract):
    """Argument of the `cancel` signal."""

    reason: ShortText = "cancelled"


class DailyLimitOrder(Contract):
    """Argument of the `set_daily_limit` update."""

    daily_limit: Annotated[int, NotBool, Field(ge=0, le=100_000_000)]


class BudgetOrder(Contract):
    """Argument of the `set_budget` update."""

    budget_total: Money


class EndDateOrder(Contract):
    """Argument of the `extend_end_date` update."""

    end_date: Instant


class CampaignRunStatus(Contract):
    """Answer to the `status` query of `CampaignWorkflow`."""

    campaign_id: UUID
    status: CampaignStatus
    figures: CampaignFigures | None = None
    #: Recipients started so far.
    started: int = 0
    waits_for: WaitReason | None = None
    next_wake_at: datetime | None = None
    #: The last few things that happened, the newest first: what, with its figures.
    last_events: list[tuple[datetime, str, Details]] = Field(default_factory=list)
