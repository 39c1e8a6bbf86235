"""Where a campaign stands, what it does next, and what is ordered of it."""

from dataclasses import replace
from datetime import date, datetime
from uuid import UUID

from temporalio import activity
from temporalio.exceptions import ApplicationError

from madan_sara.activities.campaign_stores import CampaignRunStore, OutreachStarter
from madan_sara.contracts.campaign import FINAL_STATUSES, Campaign, CampaignStatus
from madan_sara.contracts.campaign_run import (
    CampaignFigures,
    OrderInput,
    OrderResult,
    RequeueInput,
    SurveyInput,
    SurveyResult,
    SweepInput,
    SweepResult,
)
from madan_sara.contracts.faults import InvalidRequestError
from madan_sara.contracts.outreach import OutreachState
from madan_sara.policy.campaign_progress import CampaignFacts, next_step
from madan_sara.policy.campaign_rules import new_faults
from madan_sara.policy.daily_share import daily_share

#: Type of the error that refuses an order on a campaign.
ORDER_REFUSED = "OrderRefused"


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
    async def survey_campaign(self, request: SurveyInput) -> SurveyResult:
        """See where a campaign stands, and decide what it does next."""
        facts = await self._runs.facts(request.ref, request.now)
        if facts.chooses_its_share:
            facts = await self._choose_share(request, facts)
        step = next_step(facts, request.now, requeued_at_micros=request.requeued_at_micros)
        await self._runs.note_wait(request.ref, step.wait)
        noted = await self._runs.events_after(request.ref, request.heard_event_no)
        return SurveyResult(
            figures=_figures(facts),
            step=step,
            events=[event for _, event in noted],
            last_event_no=noted[-1][0] if noted else request.heard_event_no,
        )

    async def _choose_share(self, request: SurveyInput, facts: CampaignFacts) -> CampaignFacts:
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
    async def order_campaign(self, request: OrderInput) -> OrderResult:
        """Carry out an order; the change and the note of it are one transaction.

        Raises:
            ApplicationError: the order is refused; the message says why.
        """
        try:
            status = await carry_out(self._runs, request)
        except InvalidRequestError as fault:
            raise ApplicationError(str(fault), type=ORDER_REFUSED, non_retryable=True) from None
        return OrderResult(status=status)

    @activity.defn
    async def requeue_recipients(self, request: RequeueInput) -> None:
        """Let those wait in the queue again whom a limit had no room for."""
        await self._runs.requeue(request.ref)

    @activity.defn
    async def sweep_campaign(self, request: SweepInput) -> SweepResult:
        """End many messages of a campaign unsent: no hold and no claim of theirs is left.

        Page by page, so that nobody waits for a long transaction; interrupted, it goes
        on where it was. The workflows of those that sleep are asked to end, too.
        """
        ended, last = _progress()
        while True:
            page = await self._runs.sweep(request.ref, request.sweep, last, request.now)
            ended += page.ended
            if page.last is None:
                break
            last = page.last
            activity.heartbeat(ended, str(last))
        if OutreachState.SCHEDULED in request.sweep.states:
            await self._outreaches.cancel_all(request.ref, request.sweep.reason)
        return SweepResult(ended=ended)


def _progress() -> tuple[int, UUID | None]:
    """What an interrupted run of the same sweep has done."""
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


async def carry_out(runs: CampaignRunStore, order: OrderInput) -> CampaignStatus:
    """Change a campaign as ordered, and note it, in one transaction.

    Returns:
        The status it has then. A final one is never left; and it completes only if
        everybody has an outcome at that moment.

    Raises:
        InvalidRequestError: the order contradicts the rest of the campaign, a limit would
            be below what is held or spent, or is to change on a campaign that is over.
        LookupError: there is no such campaign.
    """
    status = await runs.change(
        order.ref,
        lambda campaign: _ordered(campaign, order),
        order.now,
        kind=order.kind,
        details={**order.details, **{name: str(limit) for name, limit in _limits(order).items()}},
    )
    if order.status is None and status in FINAL_STATUSES:
        raise InvalidRequestError(
            f"campaign {order.ref.campaign_id} is {status}, which is final; its limits stay"
        )
    return status


def _limits(order: OrderInput) -> dict[str, object]:
    return order.model_dump(include={"daily_limit", "budget_total", "end_date"}, exclude_none=True)


def _ordered(campaign: Campaign, order: OrderInput) -> Campaign:
    """A campaign as it is after an order.

    Raises:
        InvalidRequestError: the order contradicts the rest of the campaign.
    """
    changes = _limits(order)
    if order.end_date is not None:
        changes["end_date"] = _extended_end(campaign, order.end_date, order.now)
    if order.status is not None:
        changes["status"] = order.status
    changed = campaign.model_copy(update=changes)
    faults = new_faults(campaign, changed)
    if faults:
        raise InvalidRequestError("; ".join(faults))
    return changed


def _extended_end(campaign: Campaign, end_date: datetime | date, now: datetime) -> datetime:
    try:
        end = campaign.end_at(end_date)
    except ValueError as fault:
        raise InvalidRequestError(f"end_date: {end_date} {fault}") from None
    if campaign.end_date is None:
        raise InvalidRequestError("end_date: the campaign has no end; there is none to extend")
    if end <= max(campaign.end_date, now):
        raise InvalidRequestError(
            f"end_date: {end.isoformat()} is not after {max(campaign.end_date, now).isoformat()}; "
            "an end can only be moved to a later time"
        )
    return end
