"""Workers and senders as the tests run them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from types import MappingProxyType

from temporalio.client import Client
from temporalio.worker import WorkflowRunner

from madan_sara.activities.sender import MessageSender
from madan_sara.config.settings import WorkerSettings
from madan_sara.contracts.channels import Channel
from madan_sara.emulators.mail_sink import MailSink
from madan_sara.emulators.sandbox.provider import SandboxProvider
from madan_sara.persistence.database import Database
from madan_sara.starter.outreaches import Outreaches
from madan_sara.worker.components import build_campaign_components, build_components
from madan_sara.worker.senders import build_senders
from madan_sara.worker.workers import (
    build_campaign_worker,
    build_delivery_workers,
    build_outreach_worker,
)


def senders_for(mail_sink: MailSink, sandbox: SandboxProvider) -> dict[Channel, MessageSender]:
    """The senders of the stack: e-mail to the sink, the rest to the sandbox."""
    return build_senders(
        WorkerSettings(
            database_url="postgresql+asyncpg://",
            smtp_host="127.0.0.1",
            smtp_port=mail_sink.port,
            smtp_security="none",
            sandbox_url=sandbox.url,
            sandbox_timeout_seconds=1.0,
        )
    )


@asynccontextmanager
async def running_workers(
    client: Client,
    database: Database,
    senders: Mapping[Channel, MessageSender],
    *,
    workflow_runner: WorkflowRunner | None = None,
    rate_limits: Mapping[Channel, float] = MappingProxyType({}),
    pause_poll: timedelta = timedelta(milliseconds=100),
    longest_at_once: timedelta = timedelta(milliseconds=300),
) -> AsyncIterator[None]:
    """Every worker of the system, in this process."""
    components = build_components(
        database,
        senders,
        rate_limits=rate_limits,
        pause_poll=pause_poll,
        longest_at_once=longest_at_once,
    )
    campaigns = build_campaign_components(database, Outreaches(client))
    outreaches = build_outreach_worker(client, components, workflow_runner=workflow_runner)
    deliveries = build_delivery_workers(client, components, senders)
    campaign_worker = build_campaign_worker(client, campaigns, workflow_runner=workflow_runner)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(components.delivery.finish)
        for worker in [outreaches, *deliveries, campaign_worker]:
            await stack.enter_async_context(worker)
        yield
