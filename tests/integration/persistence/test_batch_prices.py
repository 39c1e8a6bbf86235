"""A long batch brings its own text, and its campaign counts with that text's price."""

from decimal import Decimal
from typing import Any

import pytest

from madan_sara.contracts.campaign_run import CampaignRef
from madan_sara.persistence.campaign_runs import PostgresCampaignRuns
from madan_sara.persistence.campaign_status import PostgresCampaignStatus
from madan_sara.persistence.recipients import PostgresRecipients
from madan_sara.policy.campaign_progress import cheapest_affordable, next_step
from madan_sara.starter.campaign_status import campaign_status
from madan_sara.starter.requests import new_batch
from tests.integration.persistence.shop import NOW
from tests.makers import phone_of

SEGMENT = 10_000


def people(*names: str) -> list[dict[str, Any]]:
    return [{"id": name, "contact_info": {"phone": phone_of(name)}} for name in names]


@pytest.mark.parametrize(
    ("texts", "segments"), [(["a" * 161], 2), (["a" * 400, "short"], 1), (["short", "a" * 161], 1)]
)
async def test_a_batch_shorter_than_the_campaigns_text_is_paid_by_its_own(
    shop, database, texts, segments
):
    campaign = await shop.campaign(
        channels=["sms"],
        templates={"sms": "a" * 400},
        budget_total=Decimal("0.02"),
        settings={"prices": {"sms": "0.01"}},
    )
    ref = CampaignRef(tenant_id=shop.tenant_id, campaign_id=campaign.id)
    runs, recipients = PostgresCampaignRuns(database), PostgresRecipients(database)
    assert cheapest_affordable(await runs.facts(ref, NOW)) is None
    for number, text in enumerate(texts):
        batch = new_batch(campaign, people(f"ana-{number}", f"joe-{number}"), {"sms": text})
        await recipients.add(campaign, batch, NOW)

    facts = await runs.facts(ref, NOW)
    assert cheapest_affordable(facts) == segments * SEGMENT
    assert next_step(facts, NOW).dispatch == 2 // segments
    status = campaign_status(
        await PostgresCampaignStatus(database).snapshot(shop.tenant_id, campaign.id, NOW), NOW
    )
    assert status["daily_limit"]["can_send"]
