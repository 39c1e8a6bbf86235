"""The history of a campaign is counted over every run it continued as."""

import uuid

from temporalio import workflow
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from madan_sara.contracts.naming import campaign_workflow_id
from madan_sara.devstack.checks.history import read_history


@workflow.defn(name="CountDown")
class _CountDown:
    @workflow.run
    async def run(self, runs_left: int) -> None:
        if runs_left > 1:
            workflow.continue_as_new(runs_left - 1)


async def test_every_run_counts(client: Client):
    tenant_id, campaign_id = uuid.uuid4(), uuid.uuid4()
    queue = f"count-down-{uuid.uuid4()}"
    runner = UnsandboxedWorkflowRunner()
    async with Worker(client, task_queue=queue, workflows=[_CountDown], workflow_runner=runner):
        await client.execute_workflow(
            _CountDown.run, 3, id=campaign_workflow_id(tenant_id, campaign_id), task_queue=queue
        )

    history = await read_history(client, tenant_id, campaign_id)

    assert history.runs == 3
    # Each run: started, and the three events of its only task, and its end.
    assert history.events == 3 * 5
