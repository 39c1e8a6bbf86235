"""The state of an outreach, and its answers to others."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from temporalio.common import SearchAttributeKey, SearchAttributeUpdate

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.decision import RoutingDecision, SendPlan, TimingReason
from madan_sara.contracts.delivery import AttemptSummary
from madan_sara.contracts.naming import REASON_ATTRIBUTE, STATE_ATTRIBUTE
from madan_sara.contracts.outreach import (
    FINAL_STATES,
    UNSENT_STATES,
    Block,
    DecisionAnswer,
    HeldAttempt,
    MessageRef,
    OutreachResult,
    OutreachState,
    OutreachStatus,
)
from madan_sara.policy.text_warnings import segment_warnings
from madan_sara.workflows.story import render_outreach

_STATE: Final = SearchAttributeKey.for_keyword(STATE_ATTRIBUTE)
_REASON: Final = SearchAttributeKey.for_keyword(REASON_ATTRIBUTE)

_ENDED_UNSENT = UNSENT_STATES | {OutreachState.QUEUED}


@dataclass
class OutreachRecord:
    """The state of one outreach in one object."""

    ref: MessageRef
    state: OutreachState = OutreachState.DECIDING
    #: Why it ended unsent.
    block: Block | None = None
    warnings: list[str] = field(default_factory=list)
    routing: RoutingDecision | None = None
    plan: SendPlan | None = None
    #: The attempt money is held for, or was last.
    attempt_no: int = 0
    attempts: list[AttemptSummary] = field(default_factory=list)
    #: How often a plan was booked; grows with every new decision.
    bookings: int = 0

    @property
    def is_asleep(self) -> bool:
        """Whether it waits for its time."""
        return self.state is OutreachState.SCHEDULED

    @property
    def has_ended(self) -> bool:
        """Whether the workflow is done, also with the message put back into the queue."""
        return self.state in FINAL_STATES or self.state is OutreachState.QUEUED

    @property
    def requested_at(self) -> datetime | None:
        """The time that was asked for, if any; the next channel keeps to it."""
        asked = self.plan is not None and self.plan.reason is TimingReason.REQUESTED
        return self.plan.scheduled_at if asked and self.plan else None

    @property
    def held_channel(self) -> Channel:
        """The channel money is held for, or was last.

        Raises:
            ValueError: nothing was held yet.
        """
        if self.plan is None:
            raise ValueError("no channel is held before a plan")
        return self.plan.channel

    @property
    def channels_left(self) -> list[Channel]:
        """Channels that would follow the planned one."""
        if self.routing is None or self.plan is None:
            return []
        order = self.routing.channel_order()
        return order[order.index(self.plan.channel) + 1 :]

    def book(self, held: HeldAttempt) -> None:
        """A plan is paid for and stands."""
        self.attempt_no = held.attempt_no
        self.plan = held.plan
        self.state = OutreachState.SCHEDULED
        self.bookings += 1

    def end(self, state: OutreachState, block: Block | None = None) -> None:
        """Note its end."""
        self.state = state
        self.block = block

    def note_attempt(
        self,
        channel: Channel,
        outcome: str,
        code: str | None = None,
        *,
        attempt_no: int | None = None,
    ) -> None:
        """Note the end of an attempt, or of a channel that could not be tried.

        Args:
            channel: its channel.
            outcome: its end.
            code: the provider's, or our own.
            attempt_no: its number; None: of the attempt that is under way.
        """
        number = self.attempt_no if attempt_no is None else attempt_no
        attempt = AttemptSummary(attempt_no=number, channel=channel, outcome=outcome, code=code)
        self.attempts.append(attempt)

    def result(self) -> OutreachResult:
        """The outcome of the workflow."""
        return OutreachResult(
            message_id=self.ref.message_id,
            state=self.state,
            reason=self.block.reason if self.block else None,
            channel=self.plan.channel if self.plan else None,
            attempts=len(self.attempts),
        )

    def found_by(self) -> list[SearchAttributeUpdate[str]]:
        """The search attributes of the workflow once it has ended."""
        found = [_STATE.value_set(self.state.value)]
        return [*found, _REASON.value_set(self.block.reason.value)] if self.block else found

    def status(self) -> OutreachStatus:
        """The answer to the `status` query."""
        return OutreachStatus(
            message_id=self.ref.message_id,
            state=self.state,
            reason=self.block.reason if self.block else None,
            details=self.block.details if self.block else {},
            routing=self.routing,
            plan=self.plan,
            attempts=list(self.attempts),
            next_wake_at=self.plan.scheduled_at if self.is_asleep and self.plan else None,
        )

    def answer(self) -> DecisionAnswer:
        """The answer to a send: `scheduled` while it is planned, and once it is sent."""
        stands = self.state not in _ENDED_UNSENT
        channel = self.plan.channel if self.plan else None
        return DecisionAnswer(
            status=OutreachState.SCHEDULED if stands else self.state,
            message_id=self.ref.message_id,
            channel=channel,
            scheduled_at=self.plan.scheduled_at if self.plan else None,
            fallback_channels=self.channels_left,
            routing_reason=self.routing.reason_for(channel) if self.routing else None,
            reason=self.block.reason if self.block else None,
            details=self.block.details if self.block else {},
            warnings=[*self.warnings, *segment_warnings(self.plan if stands else None)],
        )

    def story(self) -> str:
        """The story so far, as markdown for the Web UI."""
        return render_outreach(self.state, self.block, self.routing, self.plan, self.attempts)
