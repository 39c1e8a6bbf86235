"""Temporal workers: for outreaches, for campaigns, and one per channel for provider calls."""

from collections.abc import Iterable

from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker, WorkflowRunner

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.naming import CAMPAIGN_QUEUE, OUTREACH_QUEUE, delivery_queue
from madan_sara.worker.components import CampaignComponents, Components
from madan_sara.worker.failures import FailuresWithoutValues
from madan_sara.workflows.campaign import CampaignWorkflow
from madan_sara.workflows.outreach import OutreachWorkflow


def build_outreach_worker(
    client: Client,
    components: Components,
    *,
    cached_workflows: int = 1000,
    workflow_runner: WorkflowRunner | None = None,
) -> Worker:
    """The worker that carries outreaches.

    Args:
        client: connection with the pydantic data converter.
        components: the activity objects.
        cached_workflows: instances kept between their tasks.
        workflow_runner: how workflow code is run; outside of a sandbox unless given. What a
            sandbox would find is found before: the tests run in Temporal's own, unmodified, and
            a lint rule forbids what reads a clock, chance, a file or the environment.
    """
    return Worker(
        client,
        task_queue=OUTREACH_QUEUE,
        workflows=[OutreachWorkflow],
        activities=components.steps(),
        workflow_runner=workflow_runner or UnsandboxedWorkflowRunner(),
        max_cached_workflows=cached_workflows,
        interceptors=[FailuresWithoutValues()],
    )


def build_delivery_workers(
    client: Client, components: Components, channels: Iterable[Channel]
) -> list[Worker]:
    """The workers that make the calls of some channels, one for each."""
    return [_delivery_worker(client, components, channel) for channel in channels]


def build_campaign_worker(
    client: Client,
    components: CampaignComponents,
    *,
    workflow_runner: WorkflowRunner | None = None,
) -> Worker:
    """The worker that runs campaigns.

    Args:
        client: the connection of this process's outreach worker: what a campaign starts
            is then taken up here at once.
        components: the activity objects.
        workflow_runner: as for outreaches.
    """
    return Worker(
        client,
        task_queue=CAMPAIGN_QUEUE,
        workflows=[CampaignWorkflow],
        activities=components.steps(),
        workflow_runner=workflow_runner or UnsandboxedWorkflowRunner(),
        interceptors=[FailuresWithoutValues()],
    )


def _delivery_worker(client: Client, components: Components, channel: Channel) -> Worker:
    return Worker(
        client,
        task_queue=delivery_queue(channel),
        activities=[components.delivery.deliver],
        # Eight channels share two cores: two pollers each keep a queue drained without
        # forty idle connections.
        max_concurrent_activity_task_polls=2,
        interceptors=[FailuresWithoutValues()],
    )
