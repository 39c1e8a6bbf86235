"""Where a campaign stands, what it does next, and what is ordered of it."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.campaign_stores import CampaignRunStore, OutreachStarter
from contracts.campaign import OutreachCampaign
from contracts.campaign_run import (
    CampaignEvent,
    CampaignFigures,
    OrderInput,
    OrderResult,
    RequeueInput,
    SurveyInput,
    SurveyResult,
    SweepInput,
    SweepResult,
)
from contracts.faults import InvalidRequestError
from contracts.outreach import OutreachState
from policy.campaign_progress import CampaignFacts, next_step
from policy.daily_share import daily_share

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
        noted = None
        if facts.chooses_its_share:
            facts, noted = await self._choose_share(request, facts)
        step = next_step(facts, request.now, requeued_at_micros=request.requeued_at_micros)
        await self._runs.note_wait(request.ref, step.wait)
        return SurveyResult(figures=_figures(facts), step=step, noted=noted)

    async def _choose_share(
        self, request: SurveyInput, facts: CampaignFacts
    ) -> tuple[CampaignFacts, CampaignEvent | None]:
        """Let the campaign choose its messages of the day, so that its budget lasts."""
        chosen = daily_share(
            facts.campaign,
            facts.accounts,
            present=facts.daily_share,
            queued=facts.count(OutreachState.QUEUED),
            now=request.now,
        )
        noted = await self._runs.set_share(
            request.ref, chosen.share, facts.today, chosen.reason, request.now
        )
        return replace(facts, daily_share=chosen.share, share_day=facts.today), noted

    @activity.defn
    async def order_campaign(self, request: OrderInput) -> OrderResult:
        """Carry out an order; the change and the note of it are one transaction.

        Raises:
            ApplicationError: the order is refused; the message says why.
        """
        try:
            status = await self._runs.change(
                request.ref,
                lambda campaign: ordered(campaign, request),
                request.now,
                kind=request.kind,
                details=request.details,
            )
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
    )


def ordered(campaign: OutreachCampaign, order: OrderInput) -> OutreachCampaign:
    """A campaign as it is after an order.

    Raises:
        InvalidRequestError: the order contradicts the rest of the campaign.
    """
    changes = order.model_dump(
        include={"status", "daily_limit", "budget_total", "end_date"}, exclude_none=True
    )
    if order.end_date is not None:
        _require_extension(campaign, order.end_date, order.now)
    changed = campaign.model_copy(update=changes)
    faults = changed.faults()
    if faults:
        raise InvalidRequestError("; ".join(faults))
    return changed


def _require_extension(campaign: OutreachCampaign, end: datetime, now: datetime) -> None:
    if campaign.end_date is None:
        raise InvalidRequestError("end_date: the campaign has no end; there is none to extend")
    if end <= max(campaign.end_date, now):
        raise InvalidRequestError(
            f"end_date: {end.isoformat()} is not after {max(campaign.end_date, now).isoformat()}; "
            "an end can only be moved to a later time"
        )
