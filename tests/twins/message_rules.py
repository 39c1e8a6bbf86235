"""Rules on messages: claims, decisions, holds, ends and the ways back."""

from datetime import date, timedelta
from typing import Final

from hypothesis import strategies as st
from hypothesis.stateful import rule

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.decision import SendPlan, TimingReason, ZoneSource
from madan_sara.contracts.outreach import (
    Block,
    ConcludeInput,
    DecideInput,
    ExitReason,
    MessageRef,
    OutreachState,
    ReleaseInput,
    ReserveInput,
)
from madan_sara.persistence.suppressions import Subject
from madan_sara.policy.budget import decide_reservation
from tests.twins import driver
from tests.twins.driver import CAMPAIGNS, MOST_MESSAGES, Driver, routing
from tests.twins.world import CHANNELS, PEOPLE, TEXTS, Letter

_ENDS: Final = (
    (OutreachState.CANCELLED, ExitReason.CANCELLED),
    (OutreachState.FAILED, ExitReason.ALL_CHANNELS_FAILED),
    (OutreachState.BLOCKED, ExitReason.BUDGET_EXCEEDED),
)
people = st.integers(0, len(PEOPLE) - 1)
_days = st.sampled_from([0, 0, 1, -1])
_prices = st.sampled_from([1_000, 0, 7_500, 20_000])


class MessageRules(Driver):
    """Calls on `ClaimStore`, `RequestStore` and `BudgetLedger`."""

    @rule(
        campaign=st.integers(0, 1),
        person=people,
        text=st.integers(0, len(TEXTS) - 1),
        force_send=st.sampled_from([False, False, True]),
        is_queued=st.booleans(),
    )
    def add_message(
        self, campaign: int, person: int, text: int, force_send: bool, is_queued: bool
    ) -> None:
        if len(self.world.tables.messages) < MOST_MESSAGES:
            letter = Letter(CAMPAIGNS[campaign], person, text, force_send, is_queued)
            self.do(self.world.add_message(letter))

    @rule(message=driver.messages, number=st.sampled_from([None, 0]), late=driver.late)
    def decide(self, message: int, number: int | None, late: int) -> None:
        asked = DecideInput(ref=self.message(message), now=self.at(late), sequence_number=number)
        self.do(self.world.decider.decide_outreach(asked))

    @rule(message=driver.messages, late=driver.late)
    def claim(self, message: int, late: int) -> None:
        """A decision that is lost before it has held anything."""
        asked = DecideInput(ref=self.message(message), now=self.at(late))
        self.do(self.world.deduplicator.claim(asked))

    @rule(message=driver.messages)
    def reopen(self, message: int) -> None:
        self.do(self.world.claims.reopen(self.message(message)))

    @rule(
        message=driver.messages,
        attempt=driver.attempts,
        replaces=st.sampled_from([None, "newest", "first"]),
        channel=driver.channels,
        days=_days,
        price=_prices,
        late=driver.late,
    )
    def reserve(
        self,
        message: int,
        attempt: str,
        replaces: str | None,
        channel: int,
        days: int,
        price: int,
        late: int,
    ) -> None:
        ref = self.message(message)
        replaced = None if replaces is None else self.attempt(ref, replaces)
        attempt_no = self.attempt(ref, attempt)
        if attempt_no != replaced:
            plan = self._plan(ref, channel, days, price)
            self._reserve(ref, attempt_no, plan, late, replaced)

    @rule(message=driver.messages, channel=driver.channels, days=_days, price=_prices)
    def move(self, message: int, channel: int, days: int, price: int) -> None:
        """Hold for the next attempt instead of the newest one."""
        ref = self.message(message)
        newest = self.attempt(ref, "newest")
        plan = self._plan(ref, channel, days, price)
        self._reserve(ref, newest + 1, plan, 0, newest)

    @rule(message=driver.messages, attempt=driver.attempts)
    def release(self, message: int, attempt: str) -> None:
        ref = self.message(message)
        asked = ReleaseInput(ref=ref, attempt_no=self.attempt(ref, attempt), now=self.at())
        self.do(self.world.ledger.release(asked))

    @rule(
        message=driver.messages,
        end=st.sampled_from(_ENDS),
        is_routed=st.booleans(),
        late=driver.late,
    )
    def conclude(
        self, message: int, end: tuple[OutreachState, ExitReason], is_routed: bool, late: int
    ) -> None:
        state, reason = end
        asked = ConcludeInput(
            ref=self.message(message),
            state=state,
            reason=reason,
            details={"tried": 1},
            routing=routing(Channel.SMS) if is_routed else None,
            now=self.at(late),
            generation=0 if is_routed else None,
        )
        self.do(self.world.requests.conclude(asked))

    @rule(
        message=driver.messages,
        reason=st.sampled_from([ExitReason.DAILY_LIMIT, ExitReason.BUDGET_EXCEEDED]),
        generation=st.sampled_from([0, 0, 0, 1]),
    )
    def put_back(self, message: int, reason: ExitReason, generation: int = 0) -> None:
        block = Block(reason=reason, details={"limit": 2})
        self.do(self.world.requests.put_back(self.message(message), block, generation))

    @rule(minutes=st.sampled_from([1, 1, 20, 70, 70, 1_500, 1_500, 4_000, 11_000]))
    def pass_time(self, minutes: int) -> None:
        self.world.pass_time(timedelta(minutes=minutes))

    @rule(message=driver.messages, days=_days)
    def read_days(self, message: int, days: int) -> None:
        first = self.world.now().date() + timedelta(days=days)
        self.do(self.world.ledger.days(self.message(message), first))

    @rule(message=driver.messages)
    def read_request(self, message: int) -> None:
        self.do(self.world.requests.request(self.message(message)))

    @rule(person=people, channel=st.sampled_from([*CHANNELS, None]))
    def suppress_person(self, person: int, channel: Channel | None) -> None:
        recipient_id, _ = PEOPLE[person]
        suppressed = self.world.suppressions.suppress(
            self.world.tenant_id,
            Subject(recipient_id=recipient_id),
            channel=channel,
            reason="asked",
            now=self.at(),
        )
        self.do(suppressed)

    def _plan(self, ref: MessageRef, channel: int, days: int, price: int) -> SendPlan:
        due_at = self.at() + timedelta(days=days)
        return SendPlan(
            channel=self.channel(ref, channel),
            scheduled_at=due_at,
            reason=TimingReason.IMMEDIATE,
            zone="UTC",
            zone_source=ZoneSource.UTC,
            campaign_day=due_at.date(),
            price_micros=price,
        )

    def _reserve(
        self, ref: MessageRef, attempt_no: int, plan: SendPlan, late: int, replaced: int | None
    ) -> None:
        asked = ReserveInput(
            ref=ref,
            attempt_no=attempt_no,
            plan=plan,
            routing=routing(plan.channel),
            now=self.at(late),
            replaces_attempt_no=replaced,
            # One that is late was decided before any put back.
            generation=0 if late else None,
        )
        day = plan.campaign_day or date.min
        self.do(self.world.ledger.reserve(asked, day, decide_reservation))
