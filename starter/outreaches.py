"""The workflows of outreaches: start, ask, steer."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import uuid4

from temporalio.api.batch.v1 import BatchOperationCancellation
from temporalio.api.workflowservice.v1 import StartBatchOperationRequest
from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowQueryRejectedError,
    WorkflowUpdateFailedError,
)
from temporalio.common import (
    QueryRejectCondition,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.campaign_run import CampaignRef
from madan_sara.contracts.delivery import DeliveryEventSignal
from madan_sara.contracts.errors import FinalStatusError, NotAsleepError
from madan_sara.contracts.naming import (
    CAMPAIGN_ATTRIBUTE,
    OUTREACH_QUEUE,
    TENANT_ATTRIBUTE,
    outreach_workflow_id,
)
from madan_sara.contracts.outreach import (
    DecisionAnswer,
    MessageRef,
    OutreachInput,
    OutreachResult,
    OutreachStatus,
    RescheduleInput,
)
from madan_sara.persistence.ownership import OwnMessage
from madan_sara.starter.lost import lost_outreach
from madan_sara.starter.questions import anew, until_taken
from madan_sara.starter.requests import parse
from madan_sara.starter.shown import shown_outreach
from madan_sara.starter.temporal_errors import is_closing, is_gone, temporal_border
from madan_sara.workflows.outreach import OutreachWorkflow

_log = logging.getLogger(__name__)


#: The question after the decision on a new message, the same from every caller: a workflow takes
#: ten at once, and two thousand in all.
_FIRST_DECISION: Final = "first-decision"
#: Pause before a server that is at another job is offered one again.
_UNTIL_FREE_SECONDS: Final = 1.0
#: Offers of a job to a server that is at another, a second apart: fewer seconds than a step may
#: go without a heartbeat.
_TRIES_OF_A_JOB: Final = 10
#: Workflows asked to end at once.
_CANCELLED_AT_ONCE: Final = 8


OutreachHandle = WorkflowHandle[OutreachWorkflow, OutreachResult]


class OutreachEndedError(FinalStatusError):
    """The outreach's workflow has ended and takes no more commands."""


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
            OutreachWorkflow.run, outreach_workflow_id(ref.tenant_id, ref.message_id)
        )

    @temporal_border
    async def start(self, ref: MessageRef, campaign: Campaign, sequence_number: int) -> bool:
        """Start a campaign's message.

        Args:
            ref: a stored message.
            campaign: its campaign, for the names shown in the Web UI.
            sequence_number: its number among the campaign's recipients, to spread their sends.

        Returns:
            False where its workflow runs already, which is left alone.
        """
        try:
            await self._client.start_workflow(
                OutreachWorkflow.run,
                OutreachInput(ref=ref, sequence_number=sequence_number),
                id=outreach_workflow_id(ref.tenant_id, ref.message_id),
                task_queue=OUTREACH_QUEUE,
                # The worker that starts it takes the first task at once, without polling.
                request_eager_start=True,
                **shown_outreach(ref.tenant_id, campaign),
            )
        except WorkflowAlreadyStartedError:
            return False
        return True

    @temporal_border
    async def cancel_each(self, refs: Sequence[MessageRef]) -> None:
        """Ask the workflows of some messages to end, if they still run."""
        free = asyncio.Semaphore(_CANCELLED_AT_ONCE)

        async def cancel(ref: MessageRef) -> None:
            async with free:
                try:
                    await self.handle(ref).cancel()
                except RPCError as error:
                    if not is_gone(error):
                        raise

        await asyncio.gather(*map(cancel, refs))

    @temporal_border
    async def cancel_all(self, ref: CampaignRef, reason: str) -> None:
        """Have the server ask every running workflow of a campaign to end, by and by.

        Tidying only: their messages are closed in the database already, and each workflow finds
        that when it wakes. So no caller waits for long where the server, which takes one such
        job at a time, is at another.
        """
        query = (
            f"{TENANT_ATTRIBUTE} = '{ref.tenant_id}' AND {CAMPAIGN_ATTRIBUTE} = "
            f"'{ref.campaign_id}' AND WorkflowType = 'Outreach'"
        )
        job = StartBatchOperationRequest(
            namespace=self._client.namespace,
            job_id=f"cancel-{ref.tenant_id}-{ref.campaign_id}-{uuid4()}",
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
                await asyncio.sleep(_UNTIL_FREE_SECONDS)
            else:
                return
        _log.warning("campaign %s: its workflows sleep on; the server is busy", ref.campaign_id)

    @temporal_border
    async def decide(
        self, ref: OwnMessage, campaign: Campaign, *, resume: bool = False
    ) -> DecisionAnswer:
        """Start a message's workflow, or join it, and wait for its decision.

        Args:
            ref: a stored message.
            campaign: its campaign, for the names shown in the Web UI.
            resume: start a new run for a message whose first one has ended.

        Waits as long as it takes a worker to decide; the message is stored and its
        workflow started, so that giving up waiting (`asyncio.timeout`) loses nothing.

        Raises:
            OutreachEndedError: its workflow ran already, or was ended before it had decided.
        """
        # All callers that wait for a first decision share one question. A later decision is another
        # question: the answer to the first one stays.
        question = anew() if resume else _FIRST_DECISION
        return await until_taken(
            lambda: self._ask_for_decision(question, ref, campaign, resume=resume)
        )

    async def _ask_for_decision(
        self, question: str, ref: MessageRef, campaign: Campaign, *, resume: bool
    ) -> DecisionAnswer:
        start = WithStartWorkflowOperation(
            OutreachWorkflow.run,
            OutreachInput(ref=ref, resume=resume),
            id=outreach_workflow_id(ref.tenant_id, ref.message_id),
            task_queue=OUTREACH_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            id_reuse_policy=(
                WorkflowIDReusePolicy.ALLOW_DUPLICATE
                if resume
                else WorkflowIDReusePolicy.REJECT_DUPLICATE
            ),
            **shown_outreach(ref.tenant_id, campaign),
        )
        # A refused start is reported by the call itself; what it leaves is not awaited.
        unheard = asyncio.ensure_future(start.workflow_handle())
        unheard.add_done_callback(_hear)
        try:
            return await self._client.execute_update_with_start_workflow(
                OutreachWorkflow.decision, id=question, start_workflow_operation=start
            )
        except WorkflowAlreadyStartedError:
            raise OutreachEndedError from None
        except RPCError as error:
            if is_closing(error):
                raise OutreachEndedError from error
            raise

    @temporal_border
    async def status(self, ref: OwnMessage) -> OutreachStatus:
        """The workflow's status, or its last one.

        Raises:
            OutreachEndedError: Temporal does not know it any more.
            OutreachLostError: it was ended from outside.
        """
        handle = self.handle(ref)
        try:
            return await handle.query(
                OutreachWorkflow.status,
                reject_condition=QueryRejectCondition.NOT_COMPLETED_CLEANLY,
            )
        except WorkflowQueryRejectedError as error:
            if error.status is not WorkflowExecutionStatus.CANCELED:
                raise lost_outreach(ref.message_id, error.status) from None
            return await handle.query(OutreachWorkflow.status)
        except RPCError as error:
            raise _ended(error) from error

    @temporal_border
    async def reschedule(self, ref: OwnMessage, at: datetime) -> DecisionAnswer:
        """Move the send to another time.

        Raises:
            NotAsleepError: the time is not allowed, or the message no longer asleep.
            OutreachEndedError: the workflow has ended.
        """
        command, question = parse(RescheduleInput, {"at": at}, ""), anew()
        handle = self.handle(ref)
        try:
            return await until_taken(
                lambda: handle.execute_update(OutreachWorkflow.reschedule, command, id=question)
            )
        except WorkflowUpdateFailedError as error:
            raise _refused(error) from error
        except RPCError as error:
            raise _ended(error) from error

    @temporal_border
    async def fall_back(self, ref: OwnMessage) -> DecisionAnswer:
        """Give the planned channel up for the next one.

        Raises:
            NotAsleepError: the message is not asleep.
            OutreachEndedError: the workflow has ended.
        """
        handle, question = self.handle(ref), anew()
        try:
            return await until_taken(
                lambda: handle.execute_update(OutreachWorkflow.fall_back, id=question)
            )
        except WorkflowUpdateFailedError as error:
            raise _refused(error) from error
        except RPCError as error:
            raise _ended(error) from error

    @temporal_border
    async def execution(self, ref: OwnMessage) -> WorkflowExecutionStatus | None:
        """The state of a message's workflow; None where Temporal does not know it."""
        try:
            return (await self.handle(ref).describe()).status
        except RPCError as error:
            if is_gone(error):
                return None
            raise

    @temporal_border
    async def cancel(self, ref: OwnMessage) -> None:
        """Ask the workflow to stop and compensate; one that has ended stays as it is."""
        await self.handle(ref).cancel()

    @temporal_border
    async def notify(self, ref: OwnMessage, event: DeliveryEventSignal) -> None:
        """Pass a receipt on, if its workflow still runs."""
        try:
            await self.handle(ref).signal(OutreachWorkflow.delivery_event, event)
        except RPCError as error:
            if not is_gone(error):
                raise


def _hear(start: asyncio.Future[OutreachHandle]) -> None:
    if not start.cancelled():
        start.exception()


def _ended(error: RPCError) -> Exception:
    return OutreachEndedError() if is_gone(error) else error


def _refused(error: WorkflowUpdateFailedError) -> Exception:
    """The workflow's refusal of a command, in its own words."""
    cause = error.cause
    return NotAsleepError(cause.message) if isinstance(cause, ApplicationError) else error
