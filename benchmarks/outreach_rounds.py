"""Rounds of whole outreaches through Temporal, and their costs."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

from temporalio.client import Client, WorkflowHandle
from temporalio.common import (
    SearchAttributeKey,
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDReusePolicy,
)

from benchmarks.load import CHANNELS
from benchmarks.machine import CpuMeter, CpuUse
from madan_sara.contracts.naming import (
    CAMPAIGN_ATTRIBUTE,
    OUTREACH_QUEUE,
    TENANT_ATTRIBUTE,
    outreach_workflow_id,
)
from madan_sara.contracts.outreach import MessageRef, OutreachInput, OutreachResult, OutreachState
from madan_sara.persistence.messages import NewMessage
from madan_sara.worker.components import Components
from madan_sara.worker.workers import build_workers
from madan_sara.workflows.outreach import OutreachWorkflow

_TENANT = SearchAttributeKey.for_keyword(TENANT_ATTRIBUTE)
_CAMPAIGN = SearchAttributeKey.for_keyword(CAMPAIGN_ATTRIBUTE)


@dataclass(frozen=True)
class Line:
    """One way to carry outreaches."""

    name: str
    components: Components
    #: The step of a request before its workflow starts.
    store: Callable[[NewMessage], Awaitable[object]]


@dataclass(frozen=True)
class Round:
    """One round of a line."""

    outreaches: int
    seconds: float
    cpu: CpuUse

    @property
    def rate(self) -> float:
        """Outreaches a second."""
        return self.outreaches / self.seconds


@dataclass(frozen=True)
class History:
    """How much Temporal keeps of one outreach."""

    events: int
    bytes: int


class Rounds:
    """Runs rounds on one Temporal server, each with workers of its own.

    Args:
        client: connection with the pydantic data converter.
        meter: of the CPU time.
        open_at_once: outreaches open at a time.
        warm_up: outreaches carried before the clock runs.
    """

    def __init__(self, client: Client, meter: CpuMeter, *, open_at_once: int, warm_up: int) -> None:
        self._client = client
        self._meter = meter
        self._open_at_once = open_at_once
        self.warm_up = warm_up

    async def run(self, line: Line, requests: Sequence[NewMessage]) -> Round:
        """Carry the warm-up and then the rest of the requests, the rest on the clock."""
        async with AsyncExitStack() as stack:
            for worker in build_workers(self._client, line.components, CHANNELS):
                await stack.enter_async_context(worker)
            await self._carry(line, requests[: self.warm_up])
            timed = requests[self.warm_up :]
            self._meter.lap()
            started = time.perf_counter()
            await self._carry(line, timed)
            seconds = time.perf_counter() - started
            # Read before the workers and the connections go: ended processes count no more.
            return Round(outreaches=len(timed), seconds=seconds, cpu=self._meter.lap())

    async def history(self, request: NewMessage) -> History:
        """How long the history of a carried request is."""
        handle = self._client.get_workflow_handle(
            outreach_workflow_id(request.campaign.tenant_uuid, request.message_id)
        )
        events = (await handle.fetch_history()).events
        return History(events=len(events), bytes=sum(event.ByteSize() for event in events))

    async def _carry(self, line: Line, requests: Sequence[NewMessage]) -> None:
        """Store, start and await each; a task that is done takes the next one."""
        waiting = iter(requests)

        async def carry_some() -> None:
            for request in waiting:
                await line.store(request)
                result = await (await self._start(request)).result()
                assert result.state is OutreachState.SENT, result

        async with asyncio.TaskGroup() as group:
            for _ in range(self._open_at_once):
                group.create_task(carry_some())

    async def _start(self, request: NewMessage) -> WorkflowHandle[OutreachWorkflow, OutreachResult]:
        """Start as a campaign does: eagerly, with no caller that waits for the decision."""
        campaign = request.campaign
        tenant_id = campaign.tenant_uuid
        return await self._client.start_workflow(
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
