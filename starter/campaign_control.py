"""Steering one campaign: start it, pause it, change its limits, end it."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from madan_sara.activities.campaign import carry_out
from madan_sara.contracts.campaign import FINAL_STATUSES, CampaignStatus
from madan_sara.contracts.campaign_run import (
    LIMITS_SET,
    CampaignRef,
    CampaignResult,
    CampaignRunStatus,
    CancelCommand,
    CommandInput,
    LimitsCommand,
)
from madan_sara.contracts.errors import FinalStatusError, InvalidRequestError
from madan_sara.contracts.outreach import Details, OutreachState
from madan_sara.persistence.campaign_runs import PostgresCampaignRuns
from madan_sara.persistence.ownership import OwnCampaign, Ownership, stored_campaign
from madan_sara.starter.campaign_runs import CampaignHandle, CampaignRuns
from madan_sara.starter.requests import parse

#: How a change of status is noted.
_NOTED: Final = {
    CampaignStatus.ACTIVE: "resumed",
    CampaignStatus.PAUSED: "paused",
    CampaignStatus.CANCELLED: "cancelled",
}


class CampaignControl:
    """Steers one campaign, whether or not a workflow runs it.

    A command is carried out in the database, where every outreach looks before it
    sends; then the campaign's workflow is asked to look. So it holds even while no
    worker runs, and commands hold in the order they are given.

    Args:
        ref: the campaign, as its tenant would have it.
        ownership: says whether it is the tenant's.
        store: campaigns as they run.
        runs: their workflows.
    """

    def __init__(
        self,
        ref: CampaignRef,
        ownership: Ownership,
        store: PostgresCampaignRuns,
        runs: CampaignRuns,
    ) -> None:
        self._ref = ref
        self._ownership = ownership
        self._store = store
        self._runs = runs

    @property
    def handle(self) -> CampaignHandle:
        """The campaign's workflow, for everything Temporal offers."""
        return self._runs.handle(self._ref)

    async def start(self) -> CampaignHandle:
        """Start sending to the recipients it has; a draft becomes active.

        Started again, it goes on with the recipients added since.

        Raises:
            InvalidRequestError: it has no recipients to send to, or is over.
            NotFoundError: there is no such campaign.
        """
        facts = await self._store.facts(self._ref, datetime.now(UTC))
        own, campaign = self._found(), facts.campaign
        if campaign.status in FINAL_STATUSES:
            raise FinalStatusError(f"campaign {campaign.id} is {campaign.status}, which is final")
        startable = facts.count(OutreachState.QUEUED, OutreachState.DECIDING)
        if not startable and await self._runs.status(own) is None:
            raise InvalidRequestError(
                f"campaign {campaign.id} has no recipients left to start; import recipients first"
            )
        if campaign.status is CampaignStatus.DRAFT:
            await self._command("started", status=CampaignStatus.ACTIVE)
        handle = await self._runs.start(own, campaign)
        await self._store.note_started(self._ref)
        return handle

    async def pause(self) -> None:
        """Deliver nothing until it is resumed, those asleep included.

        Raises:
            FinalStatusError: it is over.
            NotFoundError: there is no such campaign.
        """
        await self._set_status(CampaignStatus.PAUSED)
        await self._tell()

    async def resume(self) -> None:
        """Go on; messages that came due meanwhile are sent within their allowed hours.

        Raises:
            FinalStatusError: it is over.
            NotFoundError: there is no such campaign.
        """
        await self._set_status(CampaignStatus.ACTIVE)
        await self._tell()

    async def cancel(self, reason: str = "no reason given") -> None:
        """Send nothing more, and give back every hold and claim of unsent messages.

        Holds at once; a workflow then closes unsent messages, page by page.

        Raises:
            FinalStatusError: it is over already.
            NotFoundError: there is no such campaign.
        """
        command = parse(CancelCommand, {"reason": reason}, "")
        await self._set_status(CampaignStatus.CANCELLED, {"reason": command.reason})
        facts = await self._store.facts(self._ref, datetime.now(UTC))
        await self._runs.start(self._found(), facts.campaign)

    async def set_daily_limit(self, daily_limit: int) -> None:
        """Send so many messages a day, from today on; see `set_limits`."""
        await self.set_limits(daily_limit=daily_limit)

    async def set_budget(self, budget_total: Decimal | float) -> None:
        """Spend so much in all; see `set_limits`."""
        await self.set_limits(budget_total=budget_total)

    async def extend_end_date(self, end_date: datetime | date) -> None:
        """End later; see `set_limits`."""
        await self.set_limits(end_date=end_date)

    async def set_limits(
        self,
        *,
        daily_limit: int | None = None,
        budget_total: Decimal | float | None = None,
        end_date: datetime | date | None = None,
    ) -> None:
        """Change limits, all of them or, where one is refused, none; None: as it is.

        Args:
            daily_limit: messages a day, from today on.
            budget_total: money in all, in the campaign's currency.
            end_date: a later end; a day without a time ends with it, in the campaign's zone.

        Raises:
            InvalidRequestError: a limit is below what is held or spent already, the end not
                later than the present one; nothing was changed.
            FinalStatusError: it is over.
            NotFoundError: there is no such campaign.
        """
        given = {"daily_limit": daily_limit, "budget_total": budget_total, "end_date": end_date}
        command = parse(LimitsCommand, given, "")
        await self._command(LIMITS_SET, **command.model_dump())
        await self._tell()

    async def look_again(self) -> None:
        """Have its workflow, if one runs, see changes and new recipients."""
        await self._runs.notify(await self._own())

    async def status(self) -> CampaignRunStatus | None:
        """The status of its workflow; None where none runs."""
        return await self._runs.status(await self._own())

    async def lost(self) -> str | None:
        """How its workflow was ended, if from outside; `start` starts another."""
        return await self._runs.lost(await self._own())

    async def result(self) -> CampaignResult:
        """Wait until every recipient has an outcome."""
        return await self._runs.result(await self._own())

    # Inside

    async def _own(self) -> OwnCampaign:
        return await self._ownership.campaign(self._ref.campaign_id)

    def _found(self) -> OwnCampaign:
        """The campaign, once a statement has found it to be the tenant's."""
        return stored_campaign(self._ref.tenant_id, self._ref.campaign_id)

    async def _tell(self) -> None:
        """Have its workflow see the command that was carried out."""
        await self._runs.notify(self._found())

    async def _set_status(self, status: CampaignStatus, details: Details | None = None) -> None:
        stands = await self._command(_NOTED[status], status=status, details=details or {})
        if stands is not status:
            raise FinalStatusError(
                f"campaign {self._ref.campaign_id} is {stands}, which is final; "
                f"it cannot become {status}"
            )

    async def _command(self, kind: str, **changes: Any) -> CampaignStatus:  # noqa: ANN401 - fields
        command = CommandInput(ref=self._ref, now=datetime.now(UTC), kind=kind, **changes)
        return await carry_out(self._store, command)
