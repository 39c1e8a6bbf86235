"""A worker killed while it starts a campaign's recipients; then another one."""

import uuid
from collections.abc import AsyncIterator, Sequence
from functools import partial

import pytest

from madan_sara.contracts.campaign import CampaignStatus
from madan_sara.devstack.sandbox.journal import LoggedRequest
from madan_sara.devstack.worker_process import WorkerProcess
from madan_sara.starter.orchestrator import OutreachOrchestrator
from tests.audience import queue
from tests.integration.crashes.conftest import CrashStack
from tests.ledger import assert_nothing_left_behind
from tests.makers import make_campaign

PEOPLE = 90

#: A call is long over before the killed worker is missed: no look-up has to wait for its end.
_SHORT_CALLS = {"MADAN_SARA_SANDBOX_TIMEOUT_SECONDS": "2"}


@pytest.fixture
async def worker(crash_stack: CrashStack) -> AsyncIterator[WorkerProcess]:
    settings = {**crash_stack.settings, **_SHORT_CALLS}
    worker = WorkerProcess(settings, crash_stack.folder / "campaign-worker.log")
    await worker.start()
    yield worker
    await worker.kill()


async def test_a_campaign_killed_halfway_goes_on_where_it_was(
    crash_stack: CrashStack, worker: WorkerProcess
):
    tenant_id = uuid.uuid4()
    orchestrator = OutreachOrchestrator(
        crash_stack.client, crash_stack.database, tenant_id=tenant_id
    )
    campaign = make_campaign(tenant_id, channels=["chat"], templates={"chat": "Bonjou"})
    await orchestrator.save_campaign(campaign)
    people = [
        {"id": f"{tenant_id}-{n}", "contact_info": {"user_id": f"{tenant_id}-{n}"}}
        for n in range(PEOPLE)
    ]
    await queue(crash_stack.database, campaign, people)
    control = orchestrator.campaign(campaign.id)
    await control.start()
    prefix = str(tenant_id)
    await crash_stack.sandbox.wait_for(partial(_took, prefix, PEOPLE // 3), 60)

    await worker.kill()
    await worker.start()

    result = await control.result()
    assert result.status is CampaignStatus.COMPLETED
    assert result.by_state == {"sent": PEOPLE}
    got = [r.to for r in crash_stack.sandbox.taken() if r.to.startswith(prefix)]
    assert len(got) == len(set(got)) == PEOPLE
    await assert_nothing_left_behind(crash_stack.database, tenant_id)


def _took(prefix: str, goal: int, log: Sequence[LoggedRequest]) -> bool:
    return sum(r.taken and r.to.startswith(prefix) for r in log) >= goal
