"""A worker killed while it starts a campaign's recipients; then another one."""

import uuid
from collections.abc import Sequence
from functools import partial

from madan_sara.contracts.campaign import CampaignStatus
from madan_sara.emulators.sandbox.journal import LoggedRequest
from madan_sara.starter.orchestrator import OutreachOrchestrator
from tests.audience import queue
from tests.integration.crashes.conftest import CrashStack
from tests.ledger import assert_nothing_left_behind
from tests.makers import make_campaign

PEOPLE = 90


async def test_a_campaign_killed_halfway_goes_on_where_it_was(crash_stack: CrashStack):
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
    await crash_stack.worker.start()
    control = orchestrator.campaign(campaign.id)
    await control.start()
    prefix = str(tenant_id)
    await crash_stack.sandbox.wait_for(partial(_took, prefix, PEOPLE // 3), 60)

    await crash_stack.worker.kill()
    await crash_stack.worker.start()

    result = await control.result()
    await crash_stack.worker.kill()
    assert result.status is CampaignStatus.COMPLETED
    assert result.by_state == {"sent": PEOPLE}
    got = [r.to for r in crash_stack.sandbox.taken() if r.to.startswith(prefix)]
    assert len(got) == len(set(got)) == PEOPLE
    await assert_nothing_left_behind(crash_stack.database, tenant_id)


def _took(prefix: str, goal: int, log: Sequence[LoggedRequest]) -> bool:
    return sum(r.taken and r.to.startswith(prefix) for r in log) >= goal
