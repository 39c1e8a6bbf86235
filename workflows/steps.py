"""The steps of an outreach: each one activity, run to its end.

A cancel never interrupts a step that has begun, so that its effect is known and can be
undone; the caller of a step checks for a cancel afterwards.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from madan_sara.activities.budget import BudgetManager
    from madan_sara.activities.closer import OutreachCloser
    from madan_sara.activities.decider import OutreachDecider
    from madan_sara.activities.deduplicator import MessageDeduplicator
    from madan_sara.activities.delivery import MessageDelivery
    from madan_sara.activities.scheduler import SendTimeScheduler
    from madan_sara.contracts.channels import Channel
    from madan_sara.contracts.decision import RoutingDecision, SendPlan
    from madan_sara.contracts.delivery import DeliveryOutcome
    from madan_sara.contracts.naming import delivery_queue
    from madan_sara.contracts.outreach import (
        Block,
        CatchUpInput,
        ConcludeInput,
        ConcludeResult,
        DecideInput,
        Decision,
        DeliverAtOnceInput,
        DeliveredAtOnce,
        DeliverInput,
        DeliverResult,
        MessageRef,
        OutreachState,
        PlanInput,
        PutBackInput,
        ReleaseInput,
        ReleaseResult,
        ReopenInput,
        ReopenResult,
        RescheduleCheck,
        ReserveInput,
        ReserveResult,
        ResolveInput,
    )
    from madan_sara.workflows.options import DELIVERY, DELIVERY_AT_ONCE
    from madan_sara.workflows.patience import is_final, run_step, uninterrupted

A = TypeVar("A")
R = TypeVar("R")


def raise_if_cancelled() -> None:
    """Honour a cancel, also one the SDK swallowed on the way.

    Raises:
        asyncio.CancelledError: the workflow was asked to stop.
    """
    if workflow.cancellation_reason() is not None:
        raise asyncio.CancelledError("the outreach was cancelled")


class OutreachSteps:
    """The steps of one message.

    Args:
        ref: the message.
    """

    def __init__(self, ref: MessageRef) -> None:
        self._ref = ref

    async def decide(self, sequence_number: int | None) -> Decision:
        """Claim the person, choose the channels, plan the first and hold its price."""
        request = DecideInput(ref=self._ref, now=workflow.now(), sequence_number=sequence_number)
        return await _run(OutreachDecider.decide_outreach, request, "Claim, route, plan and hold")

    async def reopen_claim(self) -> ReopenResult:
        """Take the right up again after a bounce."""
        return await _run(
            MessageDeduplicator.reopen_claim,
            ReopenInput(ref=self._ref),
            "Take the claim up again",
        )

    async def plan(
        self,
        channel: Channel,
        not_before: datetime | None,
        *,
        sequence_number: int | None = None,
        after_day_of: datetime | None = None,
    ) -> SendPlan:
        """Choose the send time on a channel."""
        request = PlanInput(
            ref=self._ref,
            channel=channel,
            now=workflow.now(),
            not_before=not_before,
            sequence_number=sequence_number,
            after_day_of=after_day_of,
        )
        return await _run(
            SendTimeScheduler.plan_stored_message, request, f"Plan the send time on {channel}"
        )

    async def catch_up(
        self, channel: Channel, not_before: datetime, *, sequence_number: int | None, skip_day: bool
    ) -> SendPlan:
        """Choose the next moment of a send that missed its own."""
        request = CatchUpInput(
            ref=self._ref,
            channel=channel,
            now=workflow.now(),
            not_before=not_before,
            skip_day=skip_day,
            sequence_number=sequence_number,
        )
        return await _run(SendTimeScheduler.catch_up, request, f"Plan the missed send on {channel}")

    async def check_requested_time(self, channel: Channel, at: datetime) -> SendPlan:
        """Make a plan of a requested time.

        Raises:
            ApplicationError: the time is not allowed; it says why.
        """
        return await _run(
            SendTimeScheduler.check_requested_time,
            RescheduleCheck(ref=self._ref, channel=channel, now=workflow.now(), at=at),
            "Check the requested time",
        )

    async def hold(
        self,
        attempt_no: int,
        plan: SendPlan,
        routing: RoutingDecision,
        *,
        replaces_attempt_no: int | None = None,
    ) -> ReserveResult:
        """Hold the price of an attempt."""
        request = ReserveInput(
            ref=self._ref,
            attempt_no=attempt_no,
            plan=plan,
            routing=routing,
            now=workflow.now(),
            replaces_attempt_no=replaces_attempt_no,
        )
        return await _run(
            BudgetManager.reserve_budget, request, f"Hold the price on {plan.channel}"
        )

    async def release(self, attempt_no: int, channel: Channel) -> ReleaseResult:
        """Give a hold back; it is kept where a task that was lost has handed the attempt over."""
        return await _run(
            BudgetManager.release_budget,
            ReleaseInput(ref=self._ref, attempt_no=attempt_no, now=workflow.now()),
            f"Give the hold on {channel} back",
        )

    async def close(
        self,
        state: OutreachState,
        block: Block,
        routing: RoutingDecision | None,
        generation: int | None,
    ) -> ConcludeResult:
        """End the message unsent: no hold and no claim is left.

        Args:
            state: its end.
            block: the reason.
            routing: what was routed, if it was.
            generation: the one this was decided in; None: in any.
        """
        request = ConcludeInput(
            ref=self._ref,
            state=state,
            reason=block.reason,
            details=block.details,
            routing=routing,
            now=workflow.now(),
            generation=generation,
        )
        return await _run(OutreachCloser.close_outreach, request, f"Close: {block.reason}")

    async def put_back(self, block: Block, generation: int) -> bool:
        """Have a campaign's recipient wait until a limit is raised; whether it does."""
        request = PutBackInput(ref=self._ref, block=block, generation=generation)
        done = await _run(OutreachCloser.put_back, request, f"Wait for room: {block.reason}")
        return done.is_back

    async def deliver(
        self,
        attempt_no: int,
        channel: Channel,
        *,
        is_last_channel: bool,
        is_answer_awaited: bool,
        gives_up: Callable[[], bool],
    ) -> DeliverResult:
        """Hand the message over; interrupted on its way, find out its result.

        Args:
            attempt_no: the attempt money is held for.
            channel: its channel.
            is_last_channel: whether no channel is left after it.
            is_answer_awaited: whether a caller has an answer coming when the present task ends,
                which must not wait for a provider.
            gives_up: whether to wait no more for the channel.

        Raises:
            ApplicationError: the message's row cannot be read; nothing was sent.
        """
        raise_if_cancelled()
        request = DeliverInput(
            ref=self._ref,
            attempt_no=attempt_no,
            channel=channel,
            is_last_channel=is_last_channel,
        )
        first = await self._deliver_at_once(request, is_answer_awaited=is_answer_awaited)
        if first.result is not None:
            return first.result
        if workflow.cancellation_reason() is not None or gives_up():
            return await self.resolve(attempt_no, channel)
        request = request.model_copy(update={"wait": first.wait})
        delivery = workflow.start_activity_method(
            MessageDelivery.deliver,
            request,
            task_queue=delivery_queue(channel),
            summary=f"Deliver by {channel}, by its queue",
            **DELIVERY,
        )
        with suppress(asyncio.CancelledError):
            await workflow.wait_condition(lambda: delivery.done() or gives_up())
        try:
            if not delivery.done():
                delivery.cancel()
            return await delivery
        except ActivityError as error:
            result = await self.resolve(attempt_no, channel)
            failure = error.cause
            unsent = result.outcome is DeliveryOutcome.REFUSED
            if unsent and isinstance(failure, ApplicationError) and is_final(failure):
                raise failure from None
            return result
        except asyncio.CancelledError:
            return await self.resolve(attempt_no, channel)

    async def _deliver_at_once(
        self, delivery: DeliverInput, *, is_answer_awaited: bool
    ) -> DeliveredAtOnce:
        """Try to hand over without a task queue; where that fails, the delivery goes on there.

        It is run beside the workflow, in its present task, or by the worker that ends the task.
        """
        start: Any = (
            workflow.execute_activity_method
            if is_answer_awaited
            else workflow.execute_local_activity_method
        )
        request = DeliverAtOnceInput(delivery=delivery, now=workflow.now())
        summary = f"Deliver by {delivery.channel}"
        try:
            return await uninterrupted(
                start(MessageDelivery.deliver_at_once, request, summary=summary, **DELIVERY_AT_ONCE)
            )
        except FailureError:
            return DeliveredAtOnce()

    async def resolve(self, attempt_no: int, channel: Channel) -> DeliverResult:
        """Find the outcome of an attempt, once it can be known."""
        while True:
            request = ResolveInput(
                ref=self._ref, attempt_no=attempt_no, channel=channel, now=workflow.now()
            )
            result = await _run(
                MessageDelivery.resolve_attempt, request, "See what became of the attempt"
            )
            if result.outcome is not DeliveryOutcome.NOT_DUE or result.not_before is None:
                return result
            await uninterrupted(
                workflow.sleep(
                    max(result.not_before - workflow.now(), timedelta(0)),
                    summary="Until the provider knows what became of the attempt",
                )
            )


async def _run(step: Callable[[Any, A], Awaitable[R]], argument: A, summary: str) -> R:
    """Run a short step to its end, also through a cancel."""
    return await uninterrupted(run_step(step, argument, summary))
