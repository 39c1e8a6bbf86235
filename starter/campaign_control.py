"""Steering one campaign: start it, pause it, change its limits, end it."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from activities.campaign import ordered
from contracts.campaign import FINAL_STATUSES, CampaignStatus
from contracts.campaign_run import (
    BudgetOrder,
    CampaignRef,
    CampaignResult,
    CampaignRunStatus,
    CancelOrder,
    DailyLimitOrder,
    EndDateOrder,
    OrderInput,
)
from contracts.faults import InvalidRequestError
from contracts.outreach import Details, OutreachState
from persistence.campaign_runs import PostgresCampaignRuns
from starter.campaign_runs import CampaignHandle, CampaignNotRunningError, CampaignRuns
from starter.requests import parse
from workflows.campaign import CampaignWorkflow

#: How a change of status is noted.
_NOTED: Final = {
    CampaignStatus.ACTIVE: "resumed",
    CampaignStatus.PAUSED: "paused",
    CampaignStatus.CANCELLED: "cancelled",
}


class CampaignControl:
    """Steers one campaign, whether or not a workflow runs it.

    What is ordered stands in the database first, where every outreach looks before it
    sends; then the campaign's workflow is told. An order thus holds even while no worker
    is there.

    Args:
        ref: the campaign.
        store: campaigns as they run.
        runs: their workflows.
    """

    def __init__(self, ref: CampaignRef, store: PostgresCampaignRuns, runs: CampaignRuns) -> None:
        self._ref = ref
        self._store = store
        self._runs = runs

    @property
    def handle(self) -> CampaignHandle:
        """The campaign's workflow, for everything Temporal offers."""
        return self._runs.handle(self._ref)

    async def start(self) -> CampaignHandle:
        """Start sending to the recipients it has; a draft becomes active.

        Started again, it goes on with whoever was added since.

        Raises:
            InvalidRequestError: it has nobody to send to, or is over.
            LookupError: there is no such campaign.
        """
        facts = await self._store.facts(self._ref, datetime.now(UTC))
        campaign = facts.campaign
        if campaign.status in FINAL_STATUSES:
            raise InvalidRequestError(
                f"campaign {campaign.id} is {campaign.status}, which is final"
            )
        startable = facts.count(OutreachState.QUEUED, OutreachState.DECIDING)
        if not startable and await self._runs.status(self._ref) is None:
            raise InvalidRequestError(
                f"campaign {campaign.id} has nobody left to start; import recipients first"
            )
        if campaign.status is CampaignStatus.DRAFT:
            await self._order("started", status=CampaignStatus.ACTIVE)
        return await self._runs.start(self._ref, campaign)

    async def pause(self) -> None:
        """Deliver nothing until it is resumed, those asleep included.

        Raises:
            InvalidRequestError: it is over.
            LookupError: there is no such campaign.
        """
        await self._set_status(CampaignStatus.PAUSED)
        await self._runs.signal(self._ref, CampaignWorkflow.pause)

    async def resume(self) -> None:
        """Go on; what was due meanwhile is sent within its allowed hours.

        Raises:
            InvalidRequestError: it is over.
            LookupError: there is no such campaign.
        """
        await self._set_status(CampaignStatus.ACTIVE)
        await self._runs.signal(self._ref, CampaignWorkflow.resume)

    async def cancel(self, reason: str = "no reason given") -> None:
        """Send nothing more, and give back every hold and claim of what is unsent.

        Holds at once; a workflow then closes what is unsent, page by page.

        Raises:
            InvalidRequestError: it is over already.
            LookupError: there is no such campaign.
        """
        order = parse(CancelOrder, {"reason": reason}, "")
        await self._set_status(CampaignStatus.CANCELLED, {"reason": order.reason})
        facts = await self._store.facts(self._ref, datetime.now(UTC))
        await self._runs.start_to_cancel(self._ref, facts.campaign, order.reason)

    async def set_daily_limit(self, daily_limit: int) -> None:
        """Send so many messages a day, from today on.

        Raises:
            InvalidRequestError: it is below what is held or sent already on some day.
            LookupError: there is no such campaign.
        """
        order = parse(DailyLimitOrder, {"daily_limit": daily_limit}, "")
        await self._update(CampaignWorkflow.set_daily_limit, order, "daily_limit_set")

    async def set_budget(self, budget_total: Decimal | float) -> None:
        """Spend so much in all.

        Raises:
            InvalidRequestError: it is below what is held or spent already.
            LookupError: there is no such campaign.
        """
        order = parse(BudgetOrder, {"budget_total": budget_total}, "")
        await self._update(CampaignWorkflow.set_budget, order, "budget_set")

    async def extend_end_date(self, end_date: datetime) -> None:
        """End later.

        Raises:
            InvalidRequestError: it is not later than the present end.
            LookupError: there is no such campaign.
        """
        order = parse(EndDateOrder, {"end_date": end_date}, "")
        await self._update(CampaignWorkflow.extend_end_date, order, "end_date_extended")

    async def look_again(self) -> None:
        """Have its workflow, if one runs, see what was changed or added."""
        await self._runs.signal(self._ref, CampaignWorkflow.recipients_added)

    async def status(self) -> CampaignRunStatus | None:
        """What its workflow does; None where none runs."""
        return await self._runs.status(self._ref)

    async def result(self) -> CampaignResult:
        """Wait until everybody has an outcome."""
        return await self.handle.result()

    # Inside

    async def _set_status(self, status: CampaignStatus, details: Details | None = None) -> None:
        stands = await self._order(_NOTED[status], status=status, details=details or {})
        if stands is not status:
            raise InvalidRequestError(
                f"campaign {self._ref.campaign_id} is {stands}, which is final; "
                f"it cannot become {status}"
            )

    async def _update(self, update: Callable[..., Any], order: Any, kind: str) -> None:  # noqa: ANN401
        """Have the workflow carry an order out; without one, it is carried out here."""
        try:
            await self._runs.update(self._ref, update, order)
        except CampaignNotRunningError:
            changes = order.model_dump()
            details = {name: str(value) for name, value in changes.items()}
            await self._order(kind, details=details, **changes)

    async def _order(self, kind: str, **changes: Any) -> CampaignStatus:  # noqa: ANN401 - fields
        now = datetime.now(UTC)
        order = OrderInput(ref=self._ref, now=now, kind=kind, **changes)
        return await self._store.change(
            self._ref, lambda c: ordered(c, order), now, kind=kind, details=order.details
        )
