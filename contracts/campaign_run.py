"""The life of a campaign: workflow input, activity messages, commands, status."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Self
from uuid import UUID

from pydantic import Field, model_validator

from madan_sara.contracts.base import Contract, InstantOrDay, NotBool, ShortText
from madan_sara.contracts.campaign import CampaignStatus
from madan_sara.contracts.delivery import ChannelWait
from madan_sara.contracts.money import Money
from madan_sara.contracts.outreach import UNDER_WAY, Details, ExitReason, OutreachState

#: Events shown with a campaign; the database keeps all of them.
SHOWN_EVENTS: Final = 8
#: How a change of limits is noted.
LIMITS_SET: Final = "limits_set"
#: How it is noted that a campaign was saved with other limits.
LIMITS_SAVED: Final = "limits_saved"


class CampaignRef(Contract):
    """The campaign of a step."""

    tenant_id: UUID
    campaign_id: UUID


class CampaignEvent(Contract):
    """A noted event of a campaign as a whole."""

    occurred_at: datetime
    kind: str
    details: Details = Field(default_factory=dict)


class CampaignInput(Contract):
    """Input of `CampaignWorkflow`, also when it continues as new."""

    ref: CampaignRef
    #: How many recipients it has started; the next one's number among them.
    next_sequence_number: int = 0
    #: The money left when recipients without room were last queued again.
    requeued_at_micros: int | None = None
    #: Its steps and the commands to it, the newest first.
    last_events: list[CampaignEvent] = Field(default_factory=list)
    #: The last event it has heard of.
    heard_event_no: int = 0


class CampaignResult(Contract):
    """Outcome of `CampaignWorkflow`."""

    campaign_id: UUID
    status: CampaignStatus
    #: Messages by their last state.
    by_state: dict[str, int]


class WaitReason(StrEnum):
    """The reason of a campaign's wait."""

    START = "start"  #: Its start date.
    RESUME = "resume"  #: A command to resume it.
    NEXT_DAY = "next_day"  #: The day's messages or money are used up.
    BUDGET = "budget"  #: Nothing more can be paid: more budget, or the end.
    OUTCOMES = "outcomes"  #: All recipients are started; some are asleep or on their way.


class Wait(Contract):
    """Do nothing for a while, unless the campaign changes."""

    reason: WaitReason
    #: None: look again soon, and then less and less often.
    until: datetime | None = None


class Sweep(Contract):
    """End the messages in certain states, all of them, unsent."""

    states: list[OutreachState]
    #: How they end.
    state: OutreachState
    reason: ExitReason
    #: Only those planned for this instant or later.
    planned_from: datetime | None = None


class NextStep(Contract):
    """The next step of a campaign: exactly one of these is set."""

    #: Start so many recipients.
    dispatch: int | None = None
    #: Start at most so many recipients that an earlier dispatch took and perhaps did not start.
    retake: int | None = None
    #: Queue recipients again for whom a limit had no room.
    requeue: bool = False
    wait: Wait | None = None
    sweep: Sweep | None = None
    #: Every recipient has an outcome: end this way.
    end: CampaignStatus | None = None


class CampaignFigures(Contract):
    """A campaign's counts and money, as a step found them."""

    status: CampaignStatus
    #: Messages by state.
    by_state: dict[str, int]
    #: Held or sent on the campaign's day and later ones.
    messages_ahead: int
    #: Messages the campaign may have ahead; None: no limit.
    messages_a_day: int | None
    #: None: no budget.
    remaining_micros: int | None
    spent_micros: int
    #: Messages that are due and wait for their channel.
    channel_waits: list[ChannelWait] = Field(default_factory=list)

    @property
    def total(self) -> int:
        """Every recipient."""
        return sum(self.by_state.values())

    @property
    def under_way(self) -> int:
        """Recipients who were started and have no outcome yet."""
        return sum(self.by_state.get(state, 0) for state in UNDER_WAY)

    @property
    def ended(self) -> int:
        """Recipients with an outcome."""
        return self.total - self.under_way - self.by_state.get(OutreachState.QUEUED, 0)


class EvaluationInput(Contract):
    """Ask for a campaign's state and its next step."""

    ref: CampaignRef
    now: datetime
    #: The money left when recipients without room were last queued again.
    requeued_at_micros: int | None = None
    #: The last event it has heard of.
    heard_event_no: int = 0


class EvaluationResult(Contract):
    """A campaign's state, and its next step."""

    figures: CampaignFigures
    step: NextStep
    #: The events noted since it last looked, the oldest first.
    events: list[CampaignEvent] = Field(default_factory=list)
    last_event_no: int = 0


class DispatchInput(Contract):
    """Start some of a campaign's recipients."""

    ref: CampaignRef
    at_most: int
    #: The number of the first of them among all the campaign has started.
    first_sequence_number: int
    #: Only recipients that an earlier dispatch took already.
    only_taken: bool = False


class DispatchResult(Contract):
    """The result of a dispatch."""

    started: int
    next_sequence_number: int


class RequeueInput(Contract):
    """Queue recipients again for whom a limit had no room."""

    ref: CampaignRef


class SweepInput(Contract):
    """End many messages of a campaign unsent."""

    ref: CampaignRef
    sweep: Sweep
    now: datetime


class SweepResult(Contract):
    """How many messages a sweep ended."""

    ended: int


class CommandInput(Contract):
    """Change a campaign, and note the command."""

    ref: CampaignRef
    now: datetime
    #: The name of the note, like `paused`.
    kind: ShortText
    details: Details = Field(default_factory=dict)
    status: CampaignStatus | None = None
    daily_limit: int | None = None
    budget_total: Money | None = None
    #: A day without a time ends with it, in the campaign's zone.
    end_date: InstantOrDay | None = None


class CommandResult(Contract):
    """The status a campaign has after a command; a final one is never left."""

    status: CampaignStatus


class CancelCommand(Contract):
    """Argument of the `cancel` signal."""

    reason: ShortText = "no reason given"


DailyLimit = Annotated[int, NotBool, Field(ge=0, le=100_000_000)]


class DailyLimitCommand(Contract):
    """Argument of the `set_daily_limit` update."""

    daily_limit: DailyLimit


class BudgetCommand(Contract):
    """Argument of the `set_budget` update."""

    budget_total: Money


class EndDateCommand(Contract):
    """Argument of the `extend_end_date` update."""

    #: A day without a time ends with it, in the campaign's zone.
    end_date: InstantOrDay


class LimitsCommand(Contract):
    """Several limits changed at once; None: as it is."""

    daily_limit: DailyLimit | None = None
    budget_total: Money | None = None
    #: A day without a time ends with it, in the campaign's zone.
    end_date: InstantOrDay | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.daily_limit is None and self.budget_total is None and self.end_date is None:
            raise ValueError(
                "daily_limit, budget_total, end_date: give at least one, to say what is to change"
            )
        return self


class CampaignRunStatus(Contract):
    """Answer to the `status` query of `CampaignWorkflow`."""

    campaign_id: UUID
    #: None: it has not looked yet.
    figures: CampaignFigures | None = None
    #: Recipients started so far.
    started: int = 0
    waits_for: WaitReason | None = None
    next_wake_at: datetime | None = None
    #: Its last few steps, the newest first.
    last_events: list[CampaignEvent] = Field(default_factory=list)
