"""A stage: outreaches on a Temporal of the test's own, with providers it scripts."""

import uuid
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, ClassVar

from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import WorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from madan_sara.activities.sender import MessageSender
from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.naming import OUTREACH_QUEUE, outreach_workflow_id
from madan_sara.contracts.outreach import MessageRef, OutreachInput, OutreachResult, OutreachState
from madan_sara.contracts.records import MessageRecord
from madan_sara.persistence.database import Database
from madan_sara.persistence.messages import PostgresMessageStore
from madan_sara.starter.requests import new_message
from madan_sara.workflows.outreach import OutreachWorkflow
from tests.makers import make_profile
from tests.stacks import running_workers
from tests.stored import store_campaign

Handle = WorkflowHandle[OutreachWorkflow, OutreachResult]


@dataclass
class Stage:
    """Starts outreaches with the senders a test gives it."""

    #: How workflow code is run; None: as a worker runs it.
    workflow_runner: ClassVar[WorkflowRunner | None] = None

    client: Client
    database: Database
    exits: AsyncExitStack
    #: Every outreach.
    started: list[Handle] = field(default_factory=list, kw_only=True)

    async def cast(
        self,
        senders: Mapping[Channel, MessageSender],
        *,
        rate_limits: Mapping[Channel, float] = MappingProxyType({}),
        pause_poll: timedelta = timedelta(milliseconds=100),
        longest_at_once: timedelta = timedelta(milliseconds=300),
    ) -> None:
        """Bring the workers up with these providers."""
        workers = running_workers(
            self.client,
            self.database,
            senders,
            workflow_runner=self.workflow_runner,
            rate_limits=rate_limits,
            pause_poll=pause_poll,
            longest_at_once=longest_at_once,
        )
        await self.exits.enter_async_context(workers)

    async def now(self) -> datetime:
        return datetime.now(UTC)

    async def save(self, campaign: OutreachCampaign) -> None:
        await store_campaign(self.database, campaign, await self.now())

    async def record(self, handle: Handle, tenant_id: uuid.UUID) -> MessageRecord:
        """The record of an outreach's message."""
        message_id = message_of(handle)
        record = await PostgresMessageStore(self.database).record(tenant_id, message_id)
        assert record is not None
        return record

    def handle(self, tenant_id: uuid.UUID, message_id: uuid.UUID) -> Handle:
        """The workflow of a message that a client has sent."""
        return self.client.get_workflow_handle_for(
            OutreachWorkflow.run, outreach_workflow_id(tenant_id, message_id)
        )

    async def start(
        self,
        campaign: OutreachCampaign,
        profile: dict[str, Any] | None = None,
        content: dict[str, Any] | None = None,
        *,
        recipient_id: str | None = None,
        force_send: bool = False,
    ) -> Handle:
        """Start an outreach; a person who is not named is new and has an own mailbox."""
        await self.save(campaign)
        person = recipient_id or str(uuid.uuid4())
        message = new_message(
            campaign.resolved(),
            person,
            profile or make_profile(contact_info={"email": f"{person}@example.com"}),
            content or {"default": "Bonjour {{ name }}"},
            force_send=force_send,
        )
        await PostgresMessageStore(self.database).store(message, await self.now())
        ref = MessageRef(tenant_id=campaign.tenant_uuid, message_id=message.message_id)
        handle = await self.client.start_workflow(
            OutreachWorkflow.run,
            OutreachInput(ref=ref),
            id=outreach_workflow_id(ref.tenant_id, message.message_id),
            task_queue=OUTREACH_QUEUE,
        )
        self.started.append(handle)
        return handle


@dataclass
class SkippingStage(Stage):
    """A stage whose clock jumps over timers, and whose workflows run in Temporal's own sandbox."""

    workflow_runner = SandboxedWorkflowRunner()

    environment: WorkflowEnvironment

    async def now(self) -> datetime:
        return (await self.environment.get_current_time()).astimezone(UTC)

    async def pass_the_hour(self) -> None:
        """Let no full hour strike, and with it no planned time come, as a test begins."""
        now = await self.now()
        if now.minute >= 55:
            await self.sleep_until(now + timedelta(minutes=10))

    async def sleep_until(self, moment: datetime) -> None:
        """Let the clock jump to an instant, if it is not there yet."""
        left = moment - await self.now()
        if left > timedelta(0):
            await self.environment.sleep(left)


def message_of(handle: Handle) -> uuid.UUID:
    """The message a workflow carries; its id ends with it."""
    return uuid.UUID(handle.id[-36:])


async def eventually_sent(handle: Handle) -> None:
    """Wait until a message is sent; queries drive the wait, not a clock."""
    while (await handle.query(OutreachWorkflow.status)).state is not OutreachState.SENT:
        pass
