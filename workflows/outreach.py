"""One outreach, from the right to contact a person to the end of its last delivery."""

import asyncio
from datetime import datetime, timedelta
from functools import partial

from temporalio import workflow
from temporalio.exceptions import ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from madan_sara.contracts.channels import Channel
    from madan_sara.contracts.decision import SendPlan
    from madan_sara.contracts.delivery import (
        DeliveryEventKind,
        DeliveryEventSignal,
        DeliveryOutcome,
    )
    from madan_sara.contracts.outreach import (
        UNSENT_STATES,
        Block,
        DecisionAnswer,
        DeliverResult,
        ExitReason,
        HeldAttempt,
        OutreachInput,
        OutreachResult,
        OutreachState,
        OutreachStatus,
        RescheduleInput,
    )
    from madan_sara.policy.budget import fits_another_day
    from madan_sara.policy.receipts import RULES
    from madan_sara.workflows.record import OutreachRecord
    from madan_sara.workflows.signals import read_signal
    from madan_sara.workflows.steps import OutreachSteps, raise_if_cancelled
    from madan_sara.workflows.story import local_time, no_channel

#: Words for a message that is not asleep, where the state's name does not say it.
_NOT_ASLEEP = {
    OutreachState.DECIDING: "is being decided on",
    OutreachState.SENDING: "is due, with a provider or waiting for its campaign to be resumed,",
}

_ALL_FAILED = ExitReason.ALL_CHANNELS_FAILED

#: A channel that was given up before a provider took the message.
_SKIPPED = DeliverResult(outcome=DeliveryOutcome.REFUSED, code="skipped")

#: Reasons that a raised limit removes.
_LACKS_OF_ROOM = (ExitReason.BUDGET_EXCEEDED, ExitReason.DAILY_LIMIT)


@workflow.defn(name="Outreach")
class OutreachWorkflow:
    """Carries one message: claim, route, plan, hold, deliver, settle.

    A delivery books a message that a provider has taken together with the answer. A cancel is
    honoured between steps and while asleep. Any end of an unsent message closes it, which
    leaves no hold and no claim.
    """

    @workflow.init
    def __init__(self, request: OutreachInput) -> None:
        self._steps = OutreachSteps(request.ref)
        #: Set for a campaign's recipient, who can wait for a day with room.
        self._sequence_number = request.sequence_number
        self._record = OutreachRecord(request.ref)
        #: Held while the plan is changed, the send started or the message ended.
        self._changing = asyncio.Lock()
        self._woken = False
        self._skip_channel = False
        #: A caller is answered when the present task ends.
        self._is_answer_awaited = False
        self._events: dict[int, DeliveryEventKind] = {}

    # The story

    @workflow.run
    async def run(self, request: OutreachInput) -> OutreachResult:
        """Carry the message to one of its ends."""
        try:
            await self._carry(request)
        except ApplicationError as error:
            await self._fail(error)
        except BaseException as error:
            if not is_cancelled_exception(error):
                raise
            await self._withdraw()
        await workflow.wait_condition(workflow.all_handlers_finished)
        # Once, and with the workflow's end: it costs an event, and no task of its own.
        workflow.upsert_search_attributes(self._record.found_by())
        if (
            self._record.state is OutreachState.CANCELLED
            and workflow.cancellation_reason() is not None
        ):
            raise asyncio.CancelledError("the outreach was cancelled")
        return self._record.result()

    async def _carry(self, request: OutreachInput) -> None:
        channels = await (self._resume() if request.resume else self._decide())
        left = list(channels)
        while left:
            channel = left.pop(0)
            # The decision holds the first channel already.
            block = None if self._record.is_asleep else await self._plan_and_hold(channel)
            if block is not None:
                self._record.note_attempt(channel, "blocked", block.reason.value)
                continue
            # A run of these steps that was lost may have held another one.
            held = self._record.held_channel
            left = [each for each in left if each is not held]
            result = await self._deliver_when_due(is_last_channel=not left)
            if await self._settle(self._record.held_channel, result):
                return
        if channels:
            tried = {a.channel.value: a.code or a.outcome for a in self._record.attempts}
            await self._close(OutreachState.FAILED, Block(reason=_ALL_FAILED, details=dict(tried)))

    async def _decide(self) -> list[Channel]:
        """Claim the person, choose the channels and hold the first; none where it ends here."""
        decision = await self._steps.decide(self._sequence_number)
        claim = decision.claim
        self._record.warnings, self._record.routing = claim.warnings, decision.routing
        if claim.block is not None and not claim.is_queued:
            self._end(claim.end, claim.block)
            return []
        raise_if_cancelled()
        if claim.block is not None:
            self._end(OutreachState.QUEUED, claim.block)
        elif decision.held is not None:
            self._book(decision.held)
            return [decision.held.plan.channel, *self._record.channels_left]
        elif decision.block is not None:
            if not await self._put_back(decision.block, decision.generation):
                await self._close(OutreachState.BLOCKED, decision.block, decision.generation)
        elif decision.routing is not None:
            await self._close(*no_channel(decision.routing), decision.generation)
        return []

    async def _resume(self) -> list[Channel]:
        """Take a bounced message up again; the channels it was not tried on yet."""
        reopened = await self._steps.reopen_claim()
        self._record.routing = reopened.routing
        self._record.attempt_no = reopened.last_attempt_no
        if reopened.block is not None:
            self._end(reopened.state, reopened.block)
            return []
        left = [c for c in reopened.routing.channel_order() if c not in reopened.tried_channels]
        if not left:
            await self._close(OutreachState.FAILED, Block(reason=_ALL_FAILED))
        return left

    async def _plan_and_hold(self, channel: Channel) -> Block | None:
        """Plan the send on a further channel and hold its price; or why that cannot be."""
        full_day_of = None
        while True:
            plan = await self._steps.plan(
                channel,
                self._record.requested_at,
                sequence_number=self._sequence_number,
                after_day_of=full_day_of,
            )
            raise_if_cancelled()
            if plan.scheduled_at is None:
                return Block(reason=ExitReason.EXPIRED, details={"channel": channel.value})
            async with self._changing:
                block = await self._hold(plan)
            raise_if_cancelled()
            if block is None or self._sequence_number is None or not fits_another_day(block):
                return block
            full_day_of = plan.scheduled_at

    async def _put_back(self, block: Block, generation: int) -> bool:
        """Let a campaign's recipient wait in the queue for a limit's room; whether it does."""
        if self._sequence_number is None or block.reason not in _LACKS_OF_ROOM:
            return False
        if not await self._steps.put_back(block, generation):
            return False
        raise_if_cancelled()
        self._end(OutreachState.QUEUED, block)
        return True

    async def _deliver_when_due(self, *, is_last_channel: bool) -> DeliverResult:
        """Sleep until the plan's time, then hand over; again when that time has moved."""
        self._skip_channel = False
        while True:
            await self._sleep_until_due()
            if self._skip_channel:
                self._skip_channel = False
                return await self._skip()
            result = await self._steps.deliver(
                self._record.attempt_no,
                self._record.held_channel,
                is_last_channel=is_last_channel,
                is_answer_awaited=self._is_answer_awaited,
                gives_up=lambda: self._skip_channel,
            )
            self._is_answer_awaited = False
            was_skipped, self._skip_channel = self._skip_channel, False
            if was_skipped and result.outcome in (DeliveryOutcome.NOT_DUE, DeliveryOutcome.REFUSED):
                return await self._skip()
            if result.held is not None:
                self._book(result.held)
                continue
            if result.outcome is not DeliveryOutcome.NOT_DUE or result.not_before is None:
                return result
            self._record.state = OutreachState.DECIDING
            block = await self._catch_up(self._record.held_channel, result.not_before)
            if block is not None:
                return DeliverResult(outcome=DeliveryOutcome.WITHDRAWN, block=block)

    async def _skip(self) -> DeliverResult:
        """Give the held channel up, unless a task that was lost has handed the message over."""
        attempt_no, channel = self._record.attempt_no, self._record.held_channel
        released = await self._steps.release(attempt_no, channel)
        if released.under_way is None:
            return _SKIPPED
        return await self._steps.resolve(attempt_no, channel)

    async def _sleep_until_due(self) -> None:
        """A durable timer, started anew whenever the plan changes under it."""
        while True:
            async with self._changing:
                raise_if_cancelled()
                left = self._time_left()
                if self._skip_channel:
                    self._record.state = OutreachState.DECIDING
                    return
                if left <= timedelta(0):
                    self._record.state = OutreachState.SENDING
                    self._publish()
                    return
                self._woken = False
            try:
                await workflow.wait_condition(
                    lambda: self._woken,
                    timeout=left,
                    timeout_summary=f"Until {self._local_time()}",
                )
            except TimeoutError:
                self._is_answer_awaited = False
                continue

    async def _catch_up(self, channel: Channel, not_before: datetime) -> Block | None:
        """Move a send that missed its moment to the next allowed one with room for it."""
        skip_day = False
        while True:
            plan = await self._steps.catch_up(
                channel, not_before, sequence_number=self._sequence_number, skip_day=skip_day
            )
            raise_if_cancelled()
            if plan.scheduled_at is None:
                return Block(reason=ExitReason.EXPIRED, details={"channel": channel.value})
            async with self._changing:
                block = await self._hold(plan, instead=True)
            raise_if_cancelled()
            if block is None or not fits_another_day(block):
                return block
            not_before, skip_day = plan.scheduled_at, True

    async def _settle(self, channel: Channel, result: DeliverResult) -> bool:
        """Apply an attempt's outcome; whether the message has ended."""
        self._record.note_attempt(channel, result.outcome.value, result.code)
        match result.outcome:
            case DeliveryOutcome.REFUSED:
                self._record.state = OutreachState.DECIDING
                if result is not _SKIPPED:
                    attempt_no = self._record.attempt_no
                    released = await self._steps.release(attempt_no, channel)
                    if released.under_way is not None:
                        found = await self._steps.resolve(attempt_no, channel)
                        return await self._settle(channel, found)
                self._publish()
                raise_if_cancelled()
                return False
            case DeliveryOutcome.ACCEPTED:
                self._end(OutreachState.SENT)
                return not await self._await_bounce(_receipt_wait(result))
            case DeliveryOutcome.UNKNOWN:
                self._end(OutreachState.UNKNOWN)
            case _:
                expired = Block(reason=ExitReason.EXPIRED)
                await self._close(OutreachState.BLOCKED, result.block or expired)
        return True

    async def _await_bounce(self, wait: timedelta) -> bool:
        """Wait for a receipt; whether a bounce came and the message goes on."""
        attempt_no = self._record.attempt_no
        if wait <= timedelta(0):
            return False
        try:
            await workflow.wait_condition(
                lambda: attempt_no in self._events,
                timeout=wait,
                timeout_summary="Wait for a receipt",
            )
        except TimeoutError:
            return False
        if not RULES[self._events[attempt_no]].moves_on:
            return False
        reopened = await self._steps.reopen_claim()
        if reopened.block is not None:
            # A task that was lost may have taken it up before, and come to its end.
            if reopened.state in UNSENT_STATES:
                await self._close(reopened.state, Block(reason=_ALL_FAILED))
            else:
                self._end(reopened.state)
            return False
        self._record.state = OutreachState.DECIDING
        return True

    # Changes of the record

    async def _hold(self, plan: SendPlan, *, instead: bool = False) -> Block | None:
        """Hold a plan's price, `instead` of the hold there is; the lock is taken already."""
        if self._record.routing is None:
            raise _impossible("a plan came before its routing")
        attempt_no = self._record.attempt_no + 1
        reservation = await self._steps.hold(
            attempt_no,
            plan,
            self._record.routing,
            replaces_attempt_no=self._record.attempt_no if instead else None,
        )
        held = reservation.held
        if held is None:
            return reservation.block
        # Perhaps what an earlier run of these steps has held: another time, or another channel.
        self._book(held)
        return None

    def _book(self, held: HeldAttempt) -> None:
        """Note what money is held for; it is what will be sent."""
        self._record.book(held)
        self._woken = True
        self._publish()

    async def _close(
        self, state: OutreachState, block: Block, generation: int | None = None
    ) -> None:
        """End unsent. The database has the last word: it may have ended before."""
        end = partial(self._steps.close, state, block, self._record.routing, generation)
        async with self._changing:
            ended = await end()
            while ended.under_way is not None:
                attempt_no, channel = ended.under_way.attempt_no, ended.under_way.channel
                result = await self._steps.resolve(attempt_no, channel)
                self._record.note_attempt(
                    channel, result.outcome.value, result.code, attempt_no=attempt_no
                )
                ended = await end()
            if (ended.state, ended.reason) == (state, block.reason):
                self._end(state, block)
            else:
                self._end(ended.state, Block(reason=ended.reason) if ended.reason else None)

    async def _withdraw(self) -> None:
        """Answer a cancel: compensate, unless the message has found its end already.

        Also where it was sent and waits for a receipt: a task that was lost may have taken it
        up again, upon a bounce that this one has not heard of yet.
        """
        await self._close(OutreachState.CANCELLED, Block(reason=ExitReason.CANCELLED))

    async def _fail(self, error: ApplicationError) -> None:
        """The message's row cannot be read: end it, and say why to an operator."""
        workflow.logger.error("the outreach cannot be carried: %s", error.message)
        if self._record.has_ended:
            return
        block = Block(reason=ExitReason.INTERNAL_ERROR, details={"cause": error.message})
        try:
            await self._close(OutreachState.FAILED, block)
        except ApplicationError:
            self._end(OutreachState.FAILED, block)

    # Queries, signals and updates

    @workflow.query
    def status(self) -> OutreachStatus:
        """The message's state, the decision, and when it wakes next."""
        return self._record.status()

    @workflow.update
    async def decision(self) -> DecisionAnswer:
        """The decision, as soon as it is made."""
        self._is_answer_awaited = True
        await workflow.wait_condition(lambda: self._record.bookings > 0 or self._record.has_ended)
        return self._record.answer()

    @workflow.update
    async def reschedule(self, request: RescheduleInput) -> DecisionAnswer:
        """Move the send to another time, its hold to that time's day."""
        if self._record.plan is None:
            raise _impossible("a message was asleep without a plan")
        plan = await self._steps.check_requested_time(self._record.plan.channel, request.at)
        async with self._changing:
            self._require_asleep("rescheduled")
            block = await self._hold(plan, instead=True)
        if block is not None:
            figures = ", ".join(f"{name} {value}" for name, value in block.details.items())
            raise _refusal(f"at: {local_time(plan)} is not possible: {block.reason} ({figures})")
        return self._record.answer()

    @reschedule.validator
    def _check_reschedule(self, request: RescheduleInput) -> None:
        self._require_asleep("rescheduled")
        if request.at <= workflow.now():
            raise _refusal(f"at: {request.at.isoformat()} has passed; choose a later time")

    @workflow.update
    async def fall_back(self) -> DecisionAnswer:
        """Give the planned channel up and go on with the next one now.

        One that waits for its provider is not waited for any more; a call that is under way is
        heard out, and counts.
        """
        booked_before = self._record.bookings
        self._is_answer_awaited = True
        self._skip_channel = True
        self._woken = True
        await workflow.wait_condition(
            lambda: self._record.bookings > booked_before or self._record.has_ended
        )
        return self._record.answer()

    @fall_back.validator
    def _check_fall_back(self) -> None:
        if self._record.state is not OutreachState.SENDING:
            self._require_asleep("moved to another channel")
        if not self._record.channels_left:
            raise _refusal("no channel is left to fall back to; cancel the message instead")

    @workflow.signal
    def delivery_event(self, *inputs: object) -> None:
        """A provider has sent a receipt of an attempt: one `DeliveryEventSignal`."""
        event = read_signal(DeliveryEventSignal, inputs, "delivery_event")
        if event is not None and RULES[event.kind].ends_wait:
            self._events[event.attempt_no] = event.kind

    # Small words

    def _require_asleep(self, wanted: str) -> None:
        if self._record.is_asleep:
            return
        stands = _NOT_ASLEEP.get(self._record.state, f"is {self._record.state}")
        raise _refusal(f"the message {stands} and cannot be {wanted}")

    def _time_left(self) -> timedelta:
        plan = self._record.plan
        if plan is None or plan.scheduled_at is None:
            return timedelta(0)
        return plan.scheduled_at - workflow.now()

    def _local_time(self) -> str:
        plan = self._record.plan
        return f"{local_time(plan)}, for {plan.channel}" if plan else "now"

    def _end(self, state: OutreachState, block: Block | None = None) -> None:
        """Note the end the database has on record, and show it."""
        self._record.end(state, block)
        self._publish()

    def _publish(self) -> None:
        """Show the story so far in the Web UI."""
        workflow.set_current_details(self._record.story())


def _receipt_wait(result: DeliverResult) -> timedelta:
    """How much is left of the wait for receipts, which begins with the provider's answer."""
    wait = timedelta(minutes=result.receipt_wait_minutes)
    if not wait or result.answered_at is None:
        return wait
    return result.answered_at + wait - workflow.now()


def _impossible(what: str) -> ApplicationError:
    """An error of ours: the message ends and says so, instead of failing its task for ever."""
    return ApplicationError(what, type="Impossible", non_retryable=True)


def _refusal(message: str) -> ApplicationError:
    return ApplicationError(message, type="CommandRefused")
