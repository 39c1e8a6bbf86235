"""A send saves its campaign when the caller's is new or has changed, and only then."""

from decimal import Decimal
from uuid import uuid4

import pytest

from contracts.faults import InvalidRequestError
from tests.makers import make_campaign, make_profile

MANGOES, FISH = {"default": "Ripe mangoes"}, {"default": "Salt fish"}


async def _budget(orchestrator, campaign):
    return (await orchestrator.get_campaign(campaign.id)).budget_total


async def test_what_others_changed_stays_when_the_caller_has_changed_nothing(
    orchestrator, tenant_id
):
    campaign = make_campaign(tenant_id, budget_total=1)
    await orchestrator.send_outreach(campaign, "marie", make_profile(), MANGOES)
    await orchestrator.campaign(campaign.id).set_limits(budget_total=Decimal(6))

    await orchestrator.send_outreach(campaign, "joseph", make_profile(), MANGOES)
    await orchestrator.send_outreach(campaign.id, "anne", make_profile(), MANGOES)
    await orchestrator.send_outreach(campaign, "paul", make_profile(), MANGOES)

    assert await _budget(orchestrator, campaign) == 6


async def test_what_the_caller_changed_is_saved(orchestrator, tenant_id):
    campaign = make_campaign(tenant_id, budget_total=1)
    await orchestrator.send_outreach(campaign, "marie", make_profile(), MANGOES)
    campaign.budget_total = Decimal(7)
    await orchestrator.send_outreach(campaign, "joseph", make_profile(), MANGOES)
    assert await _budget(orchestrator, campaign) == 7


async def test_a_refused_request_changes_no_campaign_and_stores_none(orchestrator, tenant_id):
    campaign = make_campaign(tenant_id, budget_total=1)
    key = {"idempotency_key": str(uuid4())}
    await orchestrator.send_outreach(campaign, "marie", make_profile(), MANGOES, **key)
    campaign.budget_total = Decimal(7)
    other = make_campaign(tenant_id)

    for refused in (campaign, other):
        with pytest.raises(InvalidRequestError, match="stands for a different request"):
            await orchestrator.send_outreach(refused, "marie", make_profile(), FISH, **key)

    assert await _budget(orchestrator, campaign) == 1
    with pytest.raises(LookupError):
        await orchestrator.get_campaign(other.id)
