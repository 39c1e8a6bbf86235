"""The workflows of outreaches: start, ask, steer."""

import asyncio
import logging
from datetime import datetime
from typing import Final, TypedDict
from uuid import UUID, uuid4

from pydantic_core import to_json
from temporalio.api.batch.v1 import BatchOperationCancellation
from temporalio.api.workflowservice.v1 import StartBatchOperationRequest
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from contracts.campaign import OutreachCampaign
from contracts.campaign_run import CampaignRef
from contracts.delivery import DeliveryEventSignal
from contracts.faults import InvalidRequestError
from contracts.naming import (
    CAMPAIGN_ATTRIBUTE,
    OUTREACH_QUEUE,
    TENANT_ATTRIBUTE,
    outreach_workflow_id,
)
from contracts.outreach import (
    DecisionAnswer,
    MessageRef,
    OutreachInput,
    OutreachResult,
    OutreachStatus,
    RescheduleInput,
)
from starter.requests import parse
from workflows.outreach import OutreachWorkflow

_log = logging.getLogger(__name__)

_TENANT: Final = SearchAttributeKey.for_keyword(TENANT_ATTRIBUTE)
_CAMPAIGN: Final = SearchAttributeKey.for_keyword(CAMPAIGN_ATTRIBUTE)

#: Pause before a workflow whose worker has just died is asked again.
_UNTIL_READY_SECONDS: Final = 1.0
#: Offers of a job to a server that is at another, a second apart: less than the time after
#: which a step without a heartbeat is taken for dead.
_TRIES_OF_A_JOB: Final = 10

#: The server's `limit.userMetadataSummarySize`, less what the payload says of its encoding.
_LONGEST_SUMMARY_BYTES: Final = 300

OutreachHandle = WorkflowHandle[OutreachWorkflow, OutreachResult]


class OutreachEndedError(Exception):
    """The outreach's workflow has ended and takes no more orders."""


class Shown(TypedDict):
    """What the Web UI shows a workflow by, and finds it by."""

    static_summary: str
    search_attributes: TypedSearchAttributes


def shown(tenant_id: UUID, campaign: OutreachCampaign) -> Shown:
    """How a campaign's workflows, its own and its outreaches', are shown and found."""
    return Shown(
        static_summary=_summary(f"{campaign.name} ({campaign.campaign_type})"),
        search_attributes=TypedSearchAttributes(
            [
                SearchAttributePair(_TENANT, str(tenant_id)),
                SearchAttributePair(_CAMPAIGN, str(campaign.id)),
            ]
        ),
    )


def _summary(text: str) -> str:
    """A summary as long as the server takes; it counts the bytes of its JSON."""
    kept = text
    while len(to_json(kept)) > _LONGEST_SUMMARY_BYTES:
        text = text[:-1]
        kept = f"{text}..."
    return kept


class Outreaches:
    """The workflows of outreaches on one Temporal namespace.

    Args:
        client: connection with the pydantic data converter.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def handle(self, ref: MessageRef) -> OutreachHandle:
        """The workflow that carries a message, for everything Temporal offers."""
        return self._client.get_workflow_handle_for(
            OutreachWorkflow.run, outreach_workflow_id(ref.message_id)
        )

    async def start(self, ref: MessageRef, campaign: OutreachCampaign, place: int) -> bool:
        """Start a campaign's message.

        Args:
            ref: a stored message.
            campaign: its campaign, for the names shown in the Web UI.
            place: which of the campaign's recipients it is, to spread their sends.

        Returns:
            False where its workflow runs already, which is left alone.
        """
        try:
            await self._client.start_workflow(
                OutreachWorkflow.run,
                OutreachInput(ref=ref, place=place),
                id=outreach_workflow_id(ref.message_id),
                task_queue=OUTREACH_QUEUE,
                # The worker that asks takes the first task at once, without polling for it.
                request_eager_start=True,
                **shown(ref.tenant_id, campaign),
            )
        except WorkflowAlreadyStartedError:
            return False
        return True

    async def cancel_all(self, ref: CampaignRef, reason: str) -> None:
        """Have the server ask every running workflow of a campaign to end, by and by.

        Tidying only: what they would have sent is closed in the database already, and each
        finds that when it wakes. So nobody waits for long where the server, which takes one
        such job at a time, is at another.
        """
        query = f"{CAMPAIGN_ATTRIBUTE} = '{ref.campaign_id}' AND WorkflowType = 'Outreach'"
        job = StartBatchOperationRequest(
            namespace=self._client.namespace,
            job_id=f"cancel-{ref.campaign_id}-{uuid4()}",
            visibility_query=f"{query} AND ExecutionStatus = 'Running'",
            reason=reason,
            cancellation_operation=BatchOperationCancellation(identity=self._client.identity),
        )
        for _ in range(_TRIES_OF_A_JOB):
            try:
                await self._client.workflow_service.start_batch_operation(job)
            except RPCError as error:
                if error.status is not RPCStatusCode.RESOURCE_EXHAUSTED:
                    raise
                await asyncio.sleep(_UNTIL_READY_SECONDS)
            else:
                return
        _log.warning("campaign %s: its workflows sleep on; the server is busy", ref.campaign_id)

    async def decide(
        self, ref: MessageRef, campaign: OutreachCampaign, *, resume: bool = False
    ) -> DecisionAnswer:
        """Start a message's workflow, or join it, and wait for its decision.

        Args:
            ref: a stored message.
            campaign: its campaign, for the names shown in the Web UI.
            resume: start a new run for a message whose first one has ended.

        Waits as long as it takes a worker to decide; the message is stored and its
        workflow started, so that giving up waiting (`asyncio.timeout`) loses nothing.

        Raises:
            OutreachEndedError: its workflow ran already.
        """
        # One question however often it is asked: a workflow takes ten at once.
        update_id = str(uuid4())
        while True:
            try:
                return await self._ask_for_decision(update_id, ref, campaign, resume=resume)
            except WorkflowUpdateRPCTimeoutOrCancelledError as error:
                if isinstance(error.__cause__, asyncio.CancelledError):
                    raise asyncio.CancelledError from error
            except RPCError as error:
                if not _is_not_ready(error):
                    raise
                await asyncio.sleep(_UNTIL_READY_SECONDS)

    async def _ask_for_decision(
        self, update_id: str, ref: MessageRef, campaign: OutreachCampaign, *, resume: bool
    ) -> DecisionAnswer:
        start = WithStartWorkflowOperation(
            OutreachWorkflow.run,
            OutreachInput(ref=ref, resume=resume),
            id=outreach_workflow_id(ref.message_id),
            task_queue=OUTREACH_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=(
                WorkflowIDReusePolicy.ALLOW_DUPLICATE
                if resume
                else WorkflowIDReusePolicy.REJECT_DUPLICATE
            ),
            **shown(ref.tenant_id, campaign),
        )
        # What a refused start leaves behind is told by the call itself; nobody awaits it twice.
        unheard = asyncio.ensure_future(start.workflow_handle())
        unheard.add_done_callback(_hear)
        try:
            return await self._client.execute_update_with_start_workflow(
                OutreachWorkflow.decision, id=update_id, start_workflow_operation=start
            )
        except WorkflowAlreadyStartedError:
            raise OutreachEndedError(outreach_workflow_id(ref.message_id)) from None

    async def status(self, ref: MessageRef) -> OutreachStatus:
        """Where the workflow stands.

        Raises:
            OutreachEndedError: Temporal does not know it any more.
        """
        try:
            return await self.handle(ref).query(OutreachWorkflow.status)
        except RPCError as error:
            raise _ended(error) from error

    async def reschedule(self, ref: MessageRef, at: datetime) -> DecisionAnswer:
        """Move the send to another time.

        Raises:
            InvalidRequestError: the time is not allowed, or the message no longer asleep.
            OutreachEndedError: the workflow has ended.
        """
        order = parse(RescheduleInput, {"at": at}, "")
        try:
            return await self.handle(ref).execute_update(OutreachWorkflow.reschedule, order)
        except WorkflowUpdateFailedError as error:
            raise _refused(error) from error
        except RPCError as error:
            raise _ended(error) from error

    async def fall_back(self, ref: MessageRef) -> DecisionAnswer:
        """Give the planned channel up for the next one.

        Raises:
            InvalidRequestError: the message is not asleep.
            OutreachEndedError: the workflow has ended.
        """
        try:
            return await self.handle(ref).execute_update(OutreachWorkflow.fall_back)
        except WorkflowUpdateFailedError as error:
            raise _refused(error) from error
        except RPCError as error:
            raise _ended(error) from error

    async def is_running(self, ref: MessageRef) -> bool:
        """Whether a workflow carries the message at this moment."""
        try:
            described = await self.handle(ref).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        return described.status is WorkflowExecutionStatus.RUNNING

    async def cancel(self, ref: MessageRef) -> None:
        """Ask the workflow to stop and compensate; one that has ended stays as it is."""
        await self.handle(ref).cancel()

    async def tell_event(self, ref: MessageRef, event: DeliveryEventSignal) -> None:
        """Pass a receipt on, if somebody is still there to hear it."""
        try:
            await self.handle(ref).signal(OutreachWorkflow.delivery_event, event)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise


def _hear(told: asyncio.Future[OutreachHandle]) -> None:
    if not told.cancelled():
        told.exception()


def _is_not_ready(error: RPCError) -> bool:
    """Whether the workflow takes no question because its workers keep failing or dying."""
    refused = error.status is RPCStatusCode.FAILED_PRECONDITION
    return refused and "Workflow Task in failed state" in error.message


def _ended(error: RPCError) -> Exception:
    return OutreachEndedError() if error.status is RPCStatusCode.NOT_FOUND else error


def _refused(error: WorkflowUpdateFailedError) -> Exception:
    """What the workflow said against an order, in its own words."""
    cause = error.cause
    return InvalidRequestError(cause.message) if isinstance(cause, ApplicationError) else error
