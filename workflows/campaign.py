"""A campaign, from its first recipient to its last outcome."""

import asyncio
from collections import deque
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from madan_sara.contracts.campaign import FINAL_STATUSES, CampaignStatus
    from madan_sara.contracts.campaign_run import (
        LIMITS_SET,
        SHOWN_EVENTS,
        BudgetCommand,
        CampaignEvent,
        CampaignFigures,
        CampaignInput,
        CampaignResult,
        CampaignRunStatus,
        CancelCommand,
        DailyLimitCommand,
        EndDateCommand,
        Sweep,
        Wait,
        WaitReason,
    )
    from madan_sara.contracts.outreach import Details
    from madan_sara.workflows.campaign_steps import CampaignSteps
    from madan_sara.workflows.campaign_story import render_campaign
    from madan_sara.workflows.signals import pass_over, read_signal

#: A run continues as new at this many events; far fewer than the server would bear, so that
#: a history stays readable and a replay short.
_LONGEST_HISTORY = 1_500

#: Looking whether the last ones have their outcome: soon at first, then after a tenth of the
#: time waited so far, so that the end is seen at most a tenth late.
_FIRST_LOOK = timedelta(seconds=1)
_LAST_LOOK = timedelta(minutes=5)
_SHARE_OF_WAIT = 10


@workflow.defn(name="Campaign")
class CampaignWorkflow:
    """Runs one campaign: reads its state, takes the next step, reads again.

    The facts are the database's; the workflow remembers only its own step. It starts
    recipients through an activity, so that its history does not grow with them.
    """

    @workflow.init
    def __init__(self, request: CampaignInput) -> None:
        self._campaign_id = request.ref.campaign_id
        self._steps = CampaignSteps(request.ref)
        self._next_sequence_number = request.next_sequence_number
        #: The money left when recipients without room were last queued again.
        self._requeued_at_micros = request.requeued_at_micros
        self._heard_event_no = request.heard_event_no
        self._figures: CampaignFigures | None = None
        self._wait: Wait | None = None
        self._wakes_at: datetime | None = None
        #: Since when it has looked for the same outcomes.
        self._watching_since: datetime | None = None
        #: The campaign may have changed since the last look.
        self._woken = False
        self._events: deque[CampaignEvent] = deque(request.last_events, SHOWN_EVENTS)
        #: Commands are carried out one after the other, in the order they came in.
        self._commanding = asyncio.Lock()

    # The story

    @workflow.run
    async def run(self, request: CampaignInput) -> CampaignResult:
        """Start all recipients, and stay until each has an outcome."""
        while not await self._take_next_step():
            if self._has_long_history():
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(
                    CampaignInput(
                        ref=request.ref,
                        next_sequence_number=self._next_sequence_number,
                        requeued_at_micros=self._requeued_at_micros,
                        last_events=list(self._events),
                        heard_event_no=self._heard_event_no,
                    )
                )
        await workflow.wait_condition(workflow.all_handlers_finished)
        figures = self._last_figures()
        return CampaignResult(
            campaign_id=self._campaign_id, status=figures.status, by_state=figures.by_state
        )

    async def _take_next_step(self) -> bool:
        """Read the campaign's state and take the next step; whether that was its end."""
        self._woken = False
        evaluation = await self._steps.evaluate(self._requeued_at_micros, self._heard_event_no)
        self._figures, step = evaluation.figures, evaluation.step
        self._events.extendleft(evaluation.events)
        self._heard_event_no = evaluation.last_event_no
        if step.end is not None:
            return await self._end(step.end)
        if step.wait is not None:
            await self._sleep(step.wait)
            return False
        self._publish()
        if step.dispatch is not None:
            await self._dispatch(step.dispatch)
        elif step.retake is not None:
            await self._dispatch(step.retake, only_taken=True)
        elif step.sweep is not None:
            await self._sweep(step.sweep)
        elif step.requeue:
            await self._steps.requeue()
            self._requeued_at_micros = evaluation.figures.remaining_micros or 0
            self._note("requeued")
        return False

    async def _dispatch(self, at_most: int, *, only_taken: bool = False) -> None:
        done = await self._steps.dispatch(
            at_most, self._next_sequence_number, only_taken=only_taken
        )
        self._next_sequence_number = done.next_sequence_number
        if done.started:
            self._watching_since = None
            self._note("started", recipients=done.started)
        else:
            # It was paused meanwhile, or the recipients that seemed to wait are on their way.
            await self._sleep(Wait(reason=WaitReason.OUTCOMES))

    async def _sweep(self, sweep: Sweep) -> None:
        done = await self._steps.sweep(sweep)
        self._note("closed", messages=done.ended, reason=sweep.reason.value)

    async def _sleep(self, wait: Wait) -> None:
        """A durable timer, cut short by anything that may change the next step."""
        now = workflow.now()
        self._watching_since = self._watching_since or now
        delay = self._until_next_look(wait, now - self._watching_since)
        self._wait, self._wakes_at = wait, wait.until or now + delay
        self._publish()
        try:
            await workflow.wait_condition(
                lambda: self._woken, timeout=delay, timeout_summary=f"Wait: {wait.reason}"
            )
            self._watching_since = None
        except TimeoutError:
            if wait.until is not None and workflow.now() >= wait.until:
                self._watching_since = None
        self._wait, self._wakes_at = None, None

    def _until_next_look(self, wait: Wait, watched: timedelta) -> timedelta:
        """Until the wait is over, or until a look may find more outcomes."""
        if wait.until is None:
            return min(max(watched / _SHARE_OF_WAIT, _FIRST_LOOK), _LAST_LOOK)
        rest = max(wait.until - workflow.now(), _FIRST_LOOK)
        if not self._last_figures().under_way:
            return rest
        # Looks that change only the counts shown: each after as long as all before it took.
        return min(max(watched, _FIRST_LOOK), rest)

    async def _end(self, status: CampaignStatus) -> bool:
        """Store the campaign's end, unless recipients were added or a signal came meanwhile."""
        stands = (await self._steps.carry_out(status.value, status=status)).status
        if stands not in FINAL_STATUSES or self._woken:
            return False
        self._figures = self._last_figures().model_copy(update={"status": stands})
        self._note(stands.value)
        return True

    # Queries, signals and updates

    @workflow.query
    def status(self) -> CampaignRunStatus:
        """The figures it last read, its step, and when it wakes next."""
        return CampaignRunStatus(
            campaign_id=self._campaign_id,
            figures=self._figures,
            started=self._next_sequence_number,
            waits_for=self._wait.reason if self._wait else None,
            next_wake_at=self._wakes_at,
            last_events=list(self._events),
        )

    @workflow.signal
    async def pause(self, *inputs: object) -> None:
        """Deliver nothing until it is resumed, messages asleep included."""
        pass_over(inputs, "pause")
        await self._obey("paused", status=CampaignStatus.PAUSED)

    @workflow.signal
    async def resume(self, *inputs: object) -> None:
        """Go on."""
        pass_over(inputs, "resume")
        await self._obey("resumed", status=CampaignStatus.ACTIVE)

    @workflow.signal
    async def cancel(self, *inputs: object) -> None:
        """Send nothing more: no hold and no claim of unsent messages is left.

        Perhaps with a `CancelCommand`; one that cannot be read takes only the reason away.
        """
        command = (
            read_signal(CancelCommand, inputs, "cancel") if inputs else None
        ) or CancelCommand()
        await self._obey(
            "cancelled", status=CampaignStatus.CANCELLED, details={"reason": command.reason}
        )

    @workflow.signal
    def campaign_changed(self, *inputs: object) -> None:
        """Its recipients, limits or settings have changed: look again."""
        pass_over(inputs, "campaign_changed")
        self._woken = True

    @workflow.update
    async def set_daily_limit(self, command: DailyLimitCommand) -> None:
        """Send so many messages a day, from today on."""
        await self._change_limits(daily_limit=command.daily_limit)

    @workflow.update
    async def set_budget(self, command: BudgetCommand) -> None:
        """Spend so much in all."""
        await self._change_limits(budget_total=command.budget_total)

    @workflow.update
    async def extend_end_date(self, command: EndDateCommand) -> None:
        """End later."""
        await self._change_limits(end_date=command.end_date)

    # Inside

    async def _change_limits(self, **changes: object) -> None:
        """Carry an update out, or say why it is refused."""
        async with self._commanding:
            await self._steps.carry_out(LIMITS_SET, **changes)
        self._woken = True

    async def _obey(
        self, kind: str, *, status: CampaignStatus, details: Details | None = None
    ) -> None:
        """Carry a signal out: every outreach reads it in the database, asleep or not."""
        async with self._commanding:
            await self._steps.carry_out(kind, status=status, details=details or {})
        self._woken = True

    def _last_figures(self) -> CampaignFigures:
        if self._figures is None:
            what = "a campaign took a step before its first look"
            raise ApplicationError(what, type="Impossible", non_retryable=True)
        return self._figures

    def _has_long_history(self) -> bool:
        info = workflow.info()
        return (
            info.is_continue_as_new_suggested()
            or info.get_current_history_length() >= _LONGEST_HISTORY
        )

    def _note(self, kind: str, **details: str | float | bool | None) -> None:
        event = CampaignEvent(occurred_at=workflow.now(), kind=kind, details=dict(details))
        self._events.appendleft(event)
        self._publish()

    def _publish(self) -> None:
        """Show the story so far in the Web UI."""
        workflow.set_current_details(
            render_campaign(self._figures, self._wait, self._wakes_at, list(self._events))
        )
