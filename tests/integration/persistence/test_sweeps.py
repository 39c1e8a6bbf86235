"""A sweep asks those workflows to end that sleep, and no others."""

from datetime import timedelta

import pytest
from temporalio.testing import ActivityEnvironment

from madan_sara.activities.campaign import CampaignManager
from madan_sara.contracts.campaign_run import CampaignRef, Sweep, SweepInput
from madan_sara.contracts.outreach import ExitReason, OutreachState
from madan_sara.persistence.campaign_runs import PostgresCampaignRuns
from tests.audience import queue
from tests.fakes.outreaches import RememberingOutreaches
from tests.integration.persistence.shop import NOW

QUEUED, SCHEDULED = OutreachState.QUEUED, OutreachState.SCHEDULED
BLOCKED, CANCELLED = OutreachState.BLOCKED, OutreachState.CANCELLED


@pytest.mark.parametrize(
    ("states", "state", "reason", "ended", "asked", "asked_all"),
    [
        ([QUEUED], BLOCKED, ExitReason.EXPIRED, 3, 0, 0),
        ([SCHEDULED], BLOCKED, ExitReason.EXPIRED, 2, 2, 0),
        ([QUEUED, SCHEDULED], BLOCKED, ExitReason.EXPIRED, 5, 2, 0),
        ([QUEUED], BLOCKED, ExitReason.BUDGET_EXCEEDED, 3, 0, 0),
        ([QUEUED, SCHEDULED], CANCELLED, ExitReason.CANCELLED, 5, 0, 1),
    ],
)
async def test_workflows_are_asked_to_end_where_they_sleep(
    shop, database, states, state, reason, ended, asked, asked_all
):
    campaign = await shop.campaign(templates={"chat": "Bonjour"}, end_date=NOW + timedelta(days=1))
    asleep = [await shop.message(campaign, name) for name in ("ana", "ben")]
    for message in asleep:
        assert (await shop.reserve(message)).block is None
    people = [{"id": str(n), "contact_info": {"user_id": str(n)}} for n in range(3)]
    await queue(database, campaign, people)
    outreaches = RememberingOutreaches()
    manager = CampaignManager(PostgresCampaignRuns(database, swept_at_once=2), outreaches)

    request = SweepInput(
        ref=CampaignRef(tenant_id=shop.tenant_id, campaign_id=campaign.id),
        sweep=Sweep(states=states, state=state, reason=reason),
        now=NOW + timedelta(days=1),
    )
    result = await ActivityEnvironment().run(manager.sweep_campaign, request)

    assert result.ended == ended
    assert (len(outreaches.asked), len(outreaches.asked_all)) == (asked, asked_all)
    assert {message.message_id for message in outreaches.asked} <= {m.message_id for m in asleep}
