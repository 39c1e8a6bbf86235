"""The workflows of campaigns: start, ask, steer."""

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.campaign_run import (
    CampaignInput,
    CampaignRef,
    CampaignResult,
    CampaignRunStatus,
)
from madan_sara.contracts.errors import NotFoundError
from madan_sara.contracts.naming import CAMPAIGN_QUEUE, campaign_workflow_id
from madan_sara.persistence.ownership import OwnCampaign
from madan_sara.starter.lost import render_execution
from madan_sara.starter.shown import shown
from madan_sara.starter.temporal_errors import is_gone, temporal_border
from madan_sara.workflows.campaign import CampaignWorkflow

_ENDED_FROM_OUTSIDE = (
    WorkflowExecutionStatus.CANCELED,
    WorkflowExecutionStatus.FAILED,
    WorkflowExecutionStatus.TERMINATED,
    WorkflowExecutionStatus.TIMED_OUT,
)

CampaignHandle = WorkflowHandle[CampaignWorkflow, CampaignResult]


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
            CampaignWorkflow.run, campaign_workflow_id(ref.tenant_id, ref.campaign_id)
        )

    @temporal_border
    async def start(self, ref: OwnCampaign, campaign: Campaign) -> CampaignHandle:
        """Start a campaign's workflow, or join the one that runs, which looks again."""
        return await self._client.start_workflow(
            CampaignWorkflow.run,
            CampaignInput(ref=ref),
            id=campaign_workflow_id(ref.tenant_id, ref.campaign_id),
            task_queue=CAMPAIGN_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal="campaign_changed",
            **shown(ref.tenant_id, campaign),
        )

    @temporal_border
    async def notify(self, ref: OwnCampaign) -> None:
        """Have a campaign's workflow look again, if there is one."""
        try:
            await self.handle(ref).signal(CampaignWorkflow.campaign_changed)
        except RPCError as error:
            if not is_gone(error):
                raise

    @temporal_border
    async def lost(self, ref: OwnCampaign) -> str | None:
        """How a campaign's workflow was ended from outside; None: it was not."""
        try:
            status = (await self.handle(ref).describe()).status
        except RPCError as error:
            if is_gone(error):
                return None
            raise
        return render_execution(status) if status in _ENDED_FROM_OUTSIDE else None

    @temporal_border
    async def result(self, ref: OwnCampaign) -> CampaignResult:
        """Wait until every recipient has an outcome.

        Raises:
            NotFoundError: its workflow was ended from outside, or none was ever started.
        """
        try:
            return await self.handle(ref).result()
        except RPCError as error:
            if not is_gone(error):
                raise
        raise NotFoundError(f"campaign {ref.campaign_id} has no workflow; start it first")

    @temporal_border
    async def status(self, ref: OwnCampaign) -> CampaignRunStatus | None:
        """The status of a campaign's workflow; None where none runs, or none answers."""
        try:
            return await self.handle(ref).query(CampaignWorkflow.status)
        except RPCError as error:
            if is_gone(error) or error.status is RPCStatusCode.FAILED_PRECONDITION:
                return None
            raise
