"""One outreach, from the right to contact a person to a settled delivery."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from activities.budget import BudgetManager
    from activities.closer import OutreachCloser
    from activities.deduplicator import MessageDeduplicator
    from activities.delivery import MessageDelivery
    from activities.router import ChannelRouter
    from activities.scheduler import SendTimeScheduler
    from contracts.channels import Channel
    from contracts.decision import RoutingDecision, SendPlan
    from contracts.delivery import (
        AttemptSummary,
        DeliveryEventKind,
        DeliveryEventSignal,
        DeliveryOutcome,
    )
    from contracts.naming import delivery_queue
    from contracts.outreach import (
        FINAL_STATES,
        Block,
        CatchUpInput,
        ClaimInput,
        ConcludeInput,
        DecisionAnswer,
        DeliverInput,
        DeliverResult,
        ExitReason,
        OutreachInput,
        OutreachResult,
        OutreachState,
        OutreachStatus,
        PlanInput,
        ReleaseInput,
        ReopenInput,
        RescheduleCheck,
        RescheduleInput,
        ReserveInput,
        ResolveInput,
        RouteInput,
        SettleInput,
    )
    from workflows.options import DELIVERY, STEP
    from workflows.story import local_time, no_channel, tell

A = TypeVar("A")
R = TypeVar("R")

_ENDED_UNSENT = frozenset({OutreachState.BLOCKED, OutreachState.FAILED, OutreachState.CANCELLED})


@workflow.defn(name="Outreach")
class OutreachWorkflow:
    """Carries one message: claim, route, plan, reserve, sleep, deliver, settle.

    A cancel is honoured between steps and while asleep; a step that has begun runs to
    its end, so that what it did is known and can be undone.
    """

    @workflow.init
    def __init__(self, request: OutreachInput) -> None:
        self._ref = request.ref
        self._state = OutreachState.DECIDING
        self._block: Block | None = None
        self._warnings: list[str] = []
        self._routing: RoutingDecision | None = None
        self._plan: SendPlan | None = None
        self._attempt_no = 0
        self._attempts: list[AttemptSummary] = []
        self._bookings = 0
        self._booking = asyncio.Lock()
        self._woken = False
        self._skip_channel = False
        self._bounced_attempts: set[int] = set()
        self._delivered_attempts: set[int] = set()

    # The story

    @workflow.run
    async def run(self, request: OutreachInput) -> OutreachResult:
        """Carry the message to one of its exits."""
        try:
            await self._carry(request)
        except BaseException as error:
            if not is_cancelled_exception(error):
                raise
            if await self._withdraw() is OutreachState.CANCELLED:
                await workflow.wait_condition(workflow.all_handlers_finished)
                raise
        await workflow.wait_condition(workflow.all_handlers_finished)
        return OutreachResult(
            message_id=self._ref.message_id,
            state=self._state,
            reason=self._block.reason if self._block else None,
            channel=self._plan.channel if self._plan else None,
            attempts=len(self._attempts),
        )

    async def _carry(self, request: OutreachInput) -> None:
        channels = await (self._resume() if request.resume else self._decide())
        for position, channel in enumerate(channels):
            self._skip_channel = False
            block = await self._book(channel)
            if block is not None:
                if position == 0 and not request.resume:
                    return await self._end(OutreachState.BLOCKED, block)
                self._note_attempt(channel, f"blocked: {block.reason.value}")
                continue
            result = await self._deliver_when_due(channel)
            if await self._is_carried(channel, result):
                return None
        if channels:
            tried = Block(
                reason=ExitReason.ALL_CHANNELS_FAILED,
                details={a.channel.value: a.code or a.outcome for a in self._attempts},
            )
            await self._end(OutreachState.FAILED, tried)
        return None

    async def _decide(self) -> list[Channel]:
        """Claim the person and choose the channels; none when the message ends here."""
        claim = await self._local(
            MessageDeduplicator.claim_recipient,
            ClaimInput(ref=self._ref, now=workflow.now()),
            "Claim the recipient",
        )
        self._warnings = claim.warnings
        if claim.block is not None:
            self._finish(OutreachState.BLOCKED, claim.block)
            return []
        self._raise_if_cancelled()
        self._routing = await self._step(
            ChannelRouter.route_stored_message,
            RouteInput(ref=self._ref, now=workflow.now()),
            "Choose the channels",
        )
        self._tell()
        if self._routing.channel is None:
            state, block = no_channel(self._routing)
            await self._end(state, block)
        return self._routing.order()

    async def _resume(self) -> list[Channel]:
        """Take a bounced message up again; the channels it has not been tried on yet."""
        reopened = await self._local(
            MessageDeduplicator.reopen_claim, ReopenInput(ref=self._ref), "Take the claim up again"
        )
        self._routing = reopened.routing
        self._attempt_no = reopened.last_attempt_no
        if reopened.block is not None:
            self._finish(OutreachState.SENT, reopened.block)
            return []
        left = [c for c in reopened.routing.order() if c not in reopened.tried_channels]
        if not left:
            await self._end(OutreachState.FAILED, Block(reason=ExitReason.ALL_CHANNELS_FAILED))
        return left

    async def _book(self, channel: Channel) -> Block | None:
        """Plan the send on a channel and hold its price; why not, if that cannot be."""
        plan = await self._step(
            SendTimeScheduler.plan_stored_message,
            PlanInput(ref=self._ref, channel=channel, now=workflow.now()),
            f"Plan the send time on {channel}",
        )
        if plan.scheduled_at is None:
            return Block(reason=ExitReason.EXPIRED, details={"channel": channel.value})
        block = await self._reserve(plan)
        self._raise_if_cancelled()
        return block

    async def _reserve(self, plan: SendPlan, *, move: bool = False) -> Block | None:
        """Hold the price of a plan; with `move`, in exchange for the hold there is."""
        assert self._routing is not None  # noqa: S101 - routing precedes every reservation
        async with self._booking:
            reservation = await self._local(
                BudgetManager.reserve_budget,
                ReserveInput(
                    ref=self._ref,
                    attempt_no=self._attempt_no + 1,
                    plan=plan,
                    routing=self._routing,
                    now=workflow.now(),
                    replaces_attempt_no=self._attempt_no if move else None,
                ),
                f"Hold the price on {plan.channel}",
            )
            if reservation.block is None:
                self._attempt_no += 1
                self._plan = plan
                self._state = OutreachState.SCHEDULED
                self._bookings += 1
                self._woken = True
                self._tell()
            return reservation.block

    async def _deliver_when_due(self, channel: Channel) -> DeliverResult:
        """Sleep until the plan's time, then hand over; again, when that time has moved."""
        while True:
            await self._sleep_until_due()
            if self._skip_channel:
                return DeliverResult(outcome=DeliveryOutcome.REFUSED, code="skipped")
            result = await self._deliver(channel)
            if result.outcome is not DeliveryOutcome.NOT_DUE or result.not_before is None:
                return result
            block = await self._catch_up(channel, result.not_before)
            if block is not None:
                return DeliverResult(outcome=DeliveryOutcome.WITHDRAWN, block=block)

    async def _sleep_until_due(self) -> None:
        """A durable timer, started anew whenever the plan changes under it."""
        while True:
            async with self._booking:
                plan = self._plan
                assert plan is not None  # noqa: S101 - sleeping follows a reservation
                assert plan.scheduled_at is not None  # noqa: S101
                left = plan.scheduled_at - workflow.now()
                self._raise_if_cancelled()
                if left <= timedelta(0) or self._skip_channel:
                    self._state = OutreachState.SENDING
                    return
                self._woken = False
            try:
                await workflow.wait_condition(
                    lambda: self._woken,
                    timeout=left,
                    timeout_summary=f"Until {local_time(plan)}, for {plan.channel}",
                )
            except TimeoutError:
                continue

    async def _deliver(self, channel: Channel) -> DeliverResult:
        """One attempt at the channel's provider; cancelled on its way, what came of it."""
        self._tell()
        try:
            return await workflow.execute_activity_method(
                MessageDelivery.deliver,
                DeliverInput(ref=self._ref, attempt_no=self._attempt_no, channel=channel),
                task_queue=delivery_queue(channel),
                summary=f"Deliver by {channel}",
                **DELIVERY,
            )
        except BaseException as error:
            if not is_cancelled_exception(error):
                raise
            result = await self._local(
                MessageDelivery.resolve_attempt,
                ResolveInput(ref=self._ref, attempt_no=self._attempt_no, now=workflow.now()),
                "See what became of the attempt",
            )
            if result.outcome is DeliveryOutcome.NOT_DUE:
                raise
            return result

    async def _catch_up(self, channel: Channel, not_before: datetime) -> Block | None:
        """Move a send that missed its moment to the next allowed one with room for it."""
        skip_day = False
        while True:
            plan = await self._step(
                SendTimeScheduler.catch_up,
                CatchUpInput(
                    ref=self._ref,
                    channel=channel,
                    now=workflow.now(),
                    not_before=not_before,
                    skip_day=skip_day,
                ),
                f"Plan the missed send on {channel}",
            )
            if plan.scheduled_at is None:
                return Block(reason=ExitReason.EXPIRED, details={"channel": channel.value})
            block = await self._reserve(plan, move=True)
            self._raise_if_cancelled()
            if block is None or block.reason is not ExitReason.DAILY_LIMIT:
                return block
            not_before, skip_day = plan.scheduled_at, True

    async def _is_carried(self, channel: Channel, result: DeliverResult) -> bool:
        """Book what came of an attempt; whether the message has found its end."""
        self._note_attempt(channel, result.outcome.value, result.code)
        if result.outcome is DeliveryOutcome.WITHDRAWN:
            await self._end(OutreachState.BLOCKED, result.block or Block(reason=ExitReason.EXPIRED))
            return True
        if result.outcome is DeliveryOutcome.REFUSED:
            await self._step(
                BudgetManager.release_budget,
                ReleaseInput(ref=self._ref, attempt_no=self._attempt_no, now=workflow.now()),
                f"Give the hold on {channel} back",
            )
            self._state = OutreachState.DECIDING
            return False
        accepted = result.outcome is DeliveryOutcome.ACCEPTED
        await self._settle(OutreachState.SENT if accepted else OutreachState.UNKNOWN)
        wait = timedelta(minutes=result.receipt_wait_minutes)
        return not (accepted and wait and await self._bounces_within(wait))

    async def _settle(self, state: OutreachState) -> None:
        await self._local(
            BudgetManager.settle_budget,
            SettleInput(
                ref=self._ref, attempt_no=self._attempt_no, state=state, now=workflow.now()
            ),
            "Book the spend",
        )
        self._finish(state, None)

    async def _bounces_within(self, wait: timedelta) -> bool:
        """Wait for a receipt; whether it says bounced, and the message was taken up again."""
        attempt_no = self._attempt_no
        try:
            await workflow.wait_condition(
                lambda: attempt_no in self._bounced_attempts | self._delivered_attempts,
                timeout=wait,
                timeout_summary="Wait for a receipt",
            )
        except TimeoutError:
            return False
        if attempt_no not in self._bounced_attempts:
            return False
        reopened = await self._local(
            MessageDeduplicator.reopen_claim, ReopenInput(ref=self._ref), "Take the claim up again"
        )
        if reopened.block is None:
            self._state = OutreachState.DECIDING
        return reopened.block is None

    # The ends

    async def _end(self, state: OutreachState, block: Block) -> None:
        """Leave no hold and no claim, and store the outcome."""
        ended = await self._local(
            OutreachCloser.close_outreach,
            ConcludeInput(
                ref=self._ref,
                state=state,
                reason=block.reason,
                details=block.details,
                routing=self._routing,
                now=workflow.now(),
            ),
            f"Close: {block.reason}",
        )
        same = ended.state is state and ended.reason is block.reason
        known = block if same else ended.reason and Block(reason=ended.reason)
        self._finish(ended.state, known or None)

    async def _withdraw(self) -> OutreachState:
        """Answer a cancel: compensate, unless the message has found its end already."""
        if self._state not in FINAL_STATES:
            await self._end(OutreachState.CANCELLED, Block(reason=ExitReason.CANCELLED))
        return self._state

    def _finish(self, state: OutreachState, block: Block | None) -> None:
        self._state = state
        self._block = block
        self._tell()

    # What others may ask and say

    @workflow.query
    def status(self) -> OutreachStatus:
        """Where the message stands, what was decided, and when it wakes next."""
        asleep = self._state is OutreachState.SCHEDULED and self._plan is not None
        return OutreachStatus(
            message_id=self._ref.message_id,
            state=self._state,
            reason=self._block.reason if self._block else None,
            details=self._block.details if self._block else {},
            routing=self._routing,
            plan=self._plan,
            attempts=list(self._attempts),
            next_wake_at=self._plan.scheduled_at if asleep and self._plan else None,
        )

    @workflow.update
    async def decision(self) -> DecisionAnswer:
        """What was decided, as soon as it stands."""
        await workflow.wait_condition(lambda: self._bookings > 0 or self._has_ended())
        return self._answer()

    @workflow.update
    async def reschedule(self, request: RescheduleInput) -> DecisionAnswer:
        """Move the send to another time, its hold to that time's day."""
        assert self._plan is not None  # noqa: S101 - the validator lets only planned ones in
        channel = self._plan.channel
        check = RescheduleCheck(ref=self._ref, channel=channel, now=workflow.now(), at=request.at)
        try:
            plan = await self._local(
                SendTimeScheduler.check_requested_time, check, "Check the requested time"
            )
        except ActivityError as error:
            if isinstance(error.cause, ApplicationError):
                raise error.cause from None
            raise
        self._require_asleep("rescheduled")
        block = await self._reserve(plan, move=True)
        if block is not None:
            figures = ", ".join(f"{name} {value}" for name, value in block.details.items())
            raise ApplicationError(
                f"cannot be rescheduled to {local_time(plan)}: {block.reason} ({figures})",
                type="RescheduleRefused",
            )
        return self._answer()

    @reschedule.validator
    def _check_reschedule(self, request: RescheduleInput) -> None:
        self._require_asleep("rescheduled")
        if request.at <= workflow.now():
            raise ApplicationError(
                f"at: {request.at.isoformat()} is not in the future; choose a later time",
                type="RescheduleRefused",
            )

    @workflow.update
    async def fall_back(self) -> DecisionAnswer:
        """Give the planned channel up and go on with the next one now."""
        booked_before = self._bookings
        self._skip_channel = True
        self._woken = True
        await workflow.wait_condition(lambda: self._bookings > booked_before or self._has_ended())
        return self._answer()

    @fall_back.validator
    def _check_fall_back(self) -> None:
        self._require_asleep("moved to its next channel")

    @workflow.signal
    def delivery_event(self, event: DeliveryEventSignal) -> None:
        """A provider reported what became of an attempt."""
        if event.kind is DeliveryEventKind.BOUNCED:
            self._bounced_attempts.add(event.attempt_no)
        else:
            self._delivered_attempts.add(event.attempt_no)

    # Small steps

    async def _step(self, step: Callable[[Any, A], Awaitable[R]], argument: A, summary: str) -> R:
        """A step of the story: to its end, then stop if a cancel arrived meanwhile."""
        result = await self._local(step, argument, summary)
        self._raise_if_cancelled()
        return result

    async def _local(self, step: Callable[[Any, A], Awaitable[R]], argument: A, summary: str) -> R:
        """Run a short step to its end, whatever arrives meanwhile."""
        running = asyncio.ensure_future(
            workflow.execute_local_activity_method(step, argument, summary=summary, **STEP)
        )
        while not running.done():
            try:
                await asyncio.shield(running)
            except asyncio.CancelledError:
                if running.cancelled():
                    raise
            except ActivityError:
                break
        return running.result()

    def _raise_if_cancelled(self) -> None:
        """Honour a cancel the SDK may have swallowed on the way."""
        if workflow.cancellation_reason() is not None:
            raise asyncio.CancelledError("the outreach was cancelled")

    def _require_asleep(self, wanted: str) -> None:
        if self._state is not OutreachState.SCHEDULED:
            raise ApplicationError(
                f"the message is {self._state} and can no longer be {wanted}",
                type="NotAsleep",
            )

    def _has_ended(self) -> bool:
        return self._state in FINAL_STATES

    def _answer(self) -> DecisionAnswer:
        stands = self._state not in _ENDED_UNSENT
        return DecisionAnswer(
            status=OutreachState.SCHEDULED if stands else self._state,
            message_id=self._ref.message_id,
            channel=self._plan.channel if self._plan else None,
            scheduled_at=self._plan.scheduled_at if self._plan else None,
            fallback_channels=self._channels_after_current(),
            routing_reason=self._routing.reason if self._routing else None,
            reason=self._block.reason if self._block else None,
            details=self._block.details if self._block else {},
            warnings=self._warnings,
        )

    def _channels_after_current(self) -> list[Channel]:
        if self._routing is None or self._plan is None:
            return []
        order = self._routing.order()
        return order[order.index(self._plan.channel) + 1 :]

    def _note_attempt(self, channel: Channel, outcome: str, code: str | None = None) -> None:
        self._attempts.append(
            AttemptSummary(attempt_no=self._attempt_no, channel=channel, outcome=outcome, code=code)
        )
        self._tell()

    def _tell(self) -> None:
        """Show the story so far in the Web UI."""
        workflow.set_current_details(
            tell(self._state, self._block, self._routing, self._plan, self._attempts)
        )
