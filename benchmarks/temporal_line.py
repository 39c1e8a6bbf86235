"""Outreaches carried by workers of this process, on a Temporal server."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from temporalio.api.enums.v1 import EventType
from temporalio.client import Client, WorkflowHandle
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDReusePolicy,
)

from benchmarks.load import CHANNELS
from benchmarks.outreach_rounds import Carry
from madan_sara.contracts.naming import (
    CAMPAIGN_ATTRIBUTE,
    OUTREACH_QUEUE,
    TENANT_ATTRIBUTE,
    outreach_workflow_id,
)
from madan_sara.contracts.outreach import MessageRef, OutreachInput, OutreachResult, OutreachState
from madan_sara.persistence.messages import NewMessage
from madan_sara.worker.components import Components
from madan_sara.worker.workers import build_delivery_workers, build_outreach_worker
from madan_sara.workflows.outreach import OutreachWorkflow

_TENANT = SearchAttributeKey.for_keyword(TENANT_ATTRIBUTE)
_CAMPAIGN = SearchAttributeKey.for_keyword(CAMPAIGN_ATTRIBUTE)


@dataclass(frozen=True)
class TemporalLine:
    """One way to carry outreaches; see `Line`."""

    name: str
    client: Client
    components: Components
    #: The step of a request before its workflow starts.
    store: Callable[[NewMessage], Awaitable[object]]
    open_at_once: int
    #: Timers each outreach sleeps by.
    timers: int = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Carry]:
        """What carries requests; see `Line.running`."""
        async with AsyncExitStack() as stack:
            outreaches = build_outreach_worker(self.client, self.components)
            deliveries = build_delivery_workers(self.client, self.components, CHANNELS)
            for worker in [outreaches, *deliveries]:
                await stack.enter_async_context(worker)
            yield self._carry

    async def shape(self, request: NewMessage) -> str:
        """How much Temporal keeps of a request; see `Line.shape`."""
        handle = self.client.get_workflow_handle(
            outreach_workflow_id(request.campaign.tenant_uuid, request.message_id)
        )
        events = (await handle.fetch_history()).events
        kinds = Counter(event.event_type for event in events)
        timers = kinds[EventType.EVENT_TYPE_TIMER_STARTED]
        assert timers == self.timers, f"{self.name}: {timers} timers"
        tasks = kinds[EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED]
        size = sum(event.ByteSize() for event in events)
        return f"{len(events)} events, {tasks} workflow tasks, {size} bytes of history"

    async def _carry(self, request: NewMessage) -> None:
        await self.store(request)
        result = await (await start_outreach(self.client, request)).result()
        assert result.state is OutreachState.SENT, result


async def start_outreach(
    client: Client, request: NewMessage
) -> WorkflowHandle[OutreachWorkflow, OutreachResult]:
    """Start a stored request as a campaign does: no caller waits for the decision.

    Where this process has workers of the client, one of them takes it up at once.
    """
    campaign = request.campaign
    tenant_id = campaign.tenant_uuid
    return await client.start_workflow(
        OutreachWorkflow.run,
        OutreachInput(ref=MessageRef(tenant_id=tenant_id, message_id=request.message_id)),
        id=outreach_workflow_id(tenant_id, request.message_id),
        task_queue=OUTREACH_QUEUE,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        static_summary=f"{campaign.name} ({campaign.campaign_type})",
        search_attributes=TypedSearchAttributes(
            [
                SearchAttributePair(_TENANT, str(tenant_id)),
                SearchAttributePair(_CAMPAIGN, str(campaign.id)),
            ]
        ),
        request_eager_start=True,
    )
