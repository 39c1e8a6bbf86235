"""A campaign's state, its next step, and its commands."""

from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from temporalio import activity
from temporalio.exceptions import ApplicationError

from madan_sara.activities.campaign_stores import CampaignRunStore, OutreachStarter
from madan_sara.contracts.campaign import FINAL_STATUSES, Campaign, CampaignStatus
from madan_sara.contracts.campaign_run import (
    CampaignFigures,
    CommandInput,
    CommandResult,
    EvaluationInput,
    EvaluationResult,
    RequeueInput,
    SweepInput,
    SweepResult,
)
from madan_sara.contracts.errors import ConflictError, FinalStatusError, InvalidRequestError
from madan_sara.contracts.outreach import ExitReason, MessageRef, OutreachState
from madan_sara.policy.campaign_progress import CampaignFacts, next_step
from madan_sara.policy.campaign_rules import new_violations
from madan_sara.policy.daily_share import daily_share

#: Type of the error that refuses a command on a campaign.
COMMAND_REFUSED = "CommandRefused"


class CampaignManager:
    """Watches over a campaign as a whole.

    Args:
        runs: campaigns as they run.
        outreaches: the workflows of their messages.
    """

    def __init__(self, runs: CampaignRunStore, outreaches: OutreachStarter) -> None:
        self._runs = runs
        self._outreaches = outreaches

    @activity.defn
    async def evaluate_campaign(self, request: EvaluationInput) -> EvaluationResult:
        """Read a campaign's state, and decide its next step."""
        facts = await self._runs.facts(request.ref, request.now)
        if facts.chooses_its_share:
            facts = await self._choose_share(request, facts)
        step = next_step(facts, request.now, requeued_at_micros=request.requeued_at_micros)
        await self._runs.note_wait(request.ref, step.wait)
        noted = await self._runs.events_after(request.ref, request.heard_event_no)
        return EvaluationResult(
            figures=_figures(facts),
            step=step,
            events=[event for _, event in noted],
            last_event_no=noted[-1][0] if noted else request.heard_event_no,
        )

    async def _choose_share(self, request: EvaluationInput, facts: CampaignFacts) -> CampaignFacts:
        """Let the campaign choose its messages of the day, so that its budget lasts."""
        chosen = daily_share(
            facts.campaign,
            facts.accounts,
            present=facts.daily_share,
            queued=facts.count(OutreachState.QUEUED),
            now=request.now,
        )
        await self._runs.set_share(
            request.ref, chosen.share, facts.today, chosen.reason, request.now
        )
        return replace(facts, daily_share=chosen.share, share_day=facts.today)

    @activity.defn
    async def carry_out_command(self, request: CommandInput) -> CommandResult:
        """Carry out a command; the change and the note of it are one transaction.

        Raises:
            ApplicationError: the command is refused; the message says why.
        """
        try:
            status = await carry_out(self._runs, request)
        except (ConflictError, InvalidRequestError) as error:
            raise ApplicationError(str(error), type=COMMAND_REFUSED, non_retryable=True) from None
        return CommandResult(status=status)

    @activity.defn
    async def requeue_recipients(self, request: RequeueInput) -> None:
        """Queue recipients again for whom a limit had no room."""
        await self._runs.requeue(request.ref)

    @activity.defn
    async def sweep_campaign(self, request: SweepInput) -> SweepResult:
        """End many messages of a campaign unsent: no hold and no claim of theirs is left.

        Page by page, so that nothing waits for a long transaction; interrupted, it goes
        on where it was. The workflows of sleeping messages are asked to end, too.
        """
        ended, last = _progress()
        while True:
            page = await self._runs.sweep(request.ref, request.sweep, last, request.now)
            ended += len(page.ended)
            if request.sweep.reason is ExitReason.EXPIRED:
                # One by one: a provider may be at others of the campaign.
                await self._outreaches.cancel_each(
                    [MessageRef(tenant_id=request.ref.tenant_id, message_id=m) for m in page.ended]
                )
            if page.last is None:
                break
            last = page.last
            activity.heartbeat(ended, str(last))
        is_for_all = request.sweep.reason is not ExitReason.EXPIRED
        if is_for_all and OutreachState.SCHEDULED in request.sweep.states:
            await self._outreaches.cancel_all(request.ref, request.sweep.reason)
        return SweepResult(ended=ended)


def _progress() -> tuple[int, UUID | None]:
    """The progress of an interrupted run of the same sweep."""
    details = activity.info().heartbeat_details
    return (int(details[0]), UUID(details[1])) if details else (0, None)


def _figures(facts: CampaignFacts) -> CampaignFigures:
    return CampaignFigures(
        status=facts.campaign.status,
        by_state=dict(facts.by_state),
        messages_ahead=facts.messages_ahead,
        messages_a_day=facts.messages_a_day,
        remaining_micros=facts.whole.remaining_micros,
        spent_micros=facts.whole.spent_micros,
        channel_waits=list(facts.channel_waits),
    )


async def carry_out(runs: CampaignRunStore, command: CommandInput) -> CampaignStatus:
    """Change a campaign as commanded, and note it, in one transaction.

    Returns:
        The status it has then. A final one is never left; and it completes only if every
        recipient has an outcome at that moment.

    Raises:
        InvalidRequestError: the command contradicts the rest of the campaign, a limit would
            be below what is held or spent.
        FinalStatusError: a limit is to change on a campaign that is over.
        NotFoundError: there is no such campaign.
    """
    status = await runs.change(
        command.ref,
        lambda campaign: _changed(campaign, command),
        command.now,
        kind=command.kind,
        details={
            **command.details,
            **{name: str(limit) for name, limit in _limits(command).items()},
        },
    )
    if command.status is None and status in FINAL_STATUSES:
        raise FinalStatusError(
            f"campaign {command.ref.campaign_id} is {status}, which is final; its limits stay"
        )
    return status


def _limits(command: CommandInput) -> dict[str, object]:
    return command.model_dump(
        include={"daily_limit", "budget_total", "end_date"}, exclude_none=True
    )


def _changed(campaign: Campaign, command: CommandInput) -> Campaign:
    """A campaign as it is after a command.

    Raises:
        InvalidRequestError: the command contradicts the rest of the campaign.
    """
    changes = _limits(command)
    if command.end_date is not None:
        changes["end_date"] = _extended_end(campaign, command.end_date, command.now)
    if command.status is not None:
        changes["status"] = command.status
    changed = campaign.model_copy(update=changes)
    violations = new_violations(campaign, changed)
    if violations:
        raise InvalidRequestError("; ".join(violations))
    return changed


def _extended_end(campaign: Campaign, end_date: datetime | date, now: datetime) -> datetime:
    try:
        end = campaign.end_at(end_date)
    except ValueError as error:
        raise InvalidRequestError(f"end_date: {end_date} {error}") from None
    if campaign.end_date is None:
        raise InvalidRequestError("end_date: the campaign has no end; there is none to extend")
    if end <= max(campaign.end_date, now):
        raise InvalidRequestError(
            f"end_date: {end.isoformat()} is not after {max(campaign.end_date, now).isoformat()}; "
            "an end can only be moved to a later time"
        )
    return end
