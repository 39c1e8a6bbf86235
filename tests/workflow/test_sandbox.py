"""Workflow code in Temporal's own, unmodified sandbox: nothing of it may be forbidden."""

from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.outreach import OutreachState
from tests.fakes.sender import ScriptedSender
from tests.makers import make_campaign
from tests.stacks import running_workers


async def test_an_outreach_runs_in_the_unmodified_sandbox(stage, tenant_id):
    campaign = make_campaign(tenant_id, channels=["email"])
    workers = running_workers(
        stage.client,
        stage.database,
        {Channel.EMAIL: ScriptedSender()},
        workflow_runner=SandboxedWorkflowRunner(),
    )
    async with workers:
        handle = await stage.start(campaign)
        assert (await handle.result()).state is OutreachState.SENT
