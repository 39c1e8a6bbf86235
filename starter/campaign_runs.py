"""The workflows of campaigns: start, ask, steer."""

from typing import Any

from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from contracts.campaign import OutreachCampaign
from contracts.campaign_run import (
    CampaignInput,
    CampaignRef,
    CampaignResult,
    CampaignRunStatus,
    CancelOrder,
)
from contracts.faults import InvalidRequestError
from contracts.naming import CAMPAIGN_QUEUE, campaign_workflow_id
from starter.outreaches import shown
from workflows.campaign import CampaignWorkflow

CampaignHandle = WorkflowHandle[CampaignWorkflow, CampaignResult]


class CampaignNotRunningError(Exception):
    """No workflow runs the campaign: it was never started, or has ended."""


class CampaignRuns:
    """The workflows of campaigns on one Temporal namespace.

    Args:
        client: connection with the pydantic data converter.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def handle(self, ref: CampaignRef) -> CampaignHandle:
        """The workflow that runs a campaign, for everything Temporal offers."""
        return self._client.get_workflow_handle_for(
            CampaignWorkflow.run, campaign_workflow_id(ref.campaign_id)
        )

    async def start(self, ref: CampaignRef, campaign: OutreachCampaign) -> CampaignHandle:
        """Start a campaign's workflow, or join the one that runs, which looks again."""
        return await self._start(ref, campaign, "recipients_added", [])

    async def start_to_cancel(
        self, ref: CampaignRef, campaign: OutreachCampaign, reason: str
    ) -> CampaignHandle:
        """Have a campaign's workflow close whatever is unsent, one that runs or a new one."""
        return await self._start(ref, campaign, "cancel", [CancelOrder(reason=reason)])

    async def _start(
        self, ref: CampaignRef, campaign: OutreachCampaign, signal: str, arguments: list[Any]
    ) -> CampaignHandle:
        return await self._client.start_workflow(
            CampaignWorkflow.run,
            CampaignInput(ref=ref),
            id=campaign_workflow_id(ref.campaign_id),
            task_queue=CAMPAIGN_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal=signal,
            start_signal_args=arguments,
            **shown(ref.tenant_id, campaign),
        )

    async def signal(self, ref: CampaignRef, signal: Any) -> None:  # noqa: ANN401 - a signal method
        """Tell a campaign's workflow something, if there is one to hear it."""
        try:
            await self.handle(ref).signal(signal)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise

    async def update(self, ref: CampaignRef, update: Any, order: Any) -> None:  # noqa: ANN401
        """Give a campaign's workflow an order and wait until it is carried out.

        Raises:
            CampaignNotRunningError: there is no workflow to carry it out.
            InvalidRequestError: the workflow refuses it; says why.
        """
        try:
            await self.handle(ref).execute_update(update, order)
        except WorkflowUpdateFailedError as error:
            if isinstance(error.cause, ApplicationError):
                raise InvalidRequestError(error.cause.message) from None
            raise
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise CampaignNotRunningError from error
            raise

    async def status(self, ref: CampaignRef) -> CampaignRunStatus | None:
        """What a campaign's workflow does; None where none runs, or none answers."""
        try:
            return await self.handle(ref).query(CampaignWorkflow.status)
        except RPCError as error:
            if error.status in (RPCStatusCode.NOT_FOUND, RPCStatusCode.FAILED_PRECONDITION):
                return None
            raise
