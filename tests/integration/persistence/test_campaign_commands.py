"""Commands on a campaign, carried out in the database."""

from datetime import UTC, date, datetime, timedelta

import pytest

from madan_sara.activities.campaign import carry_out
from madan_sara.contracts.campaign_run import LIMITS_SET, CampaignRef, CommandInput
from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.persistence.campaign_runs import PostgresCampaignRuns
from tests.integration.persistence.shop import NOW, TODAY


async def _extend(shop, campaign, end_date) -> None:
    ref = CampaignRef(tenant_id=shop.tenant_id, campaign_id=campaign.id)
    command = CommandInput(ref=ref, now=NOW, kind=LIMITS_SET, end_date=end_date)
    await carry_out(PostgresCampaignRuns(shop.database), command)


async def test_an_end_moved_to_a_day_is_the_end_of_it_in_the_campaigns_zone(shop):
    campaign = await shop.campaign(timezone="America/Port-au-Prince", end_date=TODAY)

    await _extend(shop, campaign, date(2096, 1, 31))

    saved = (await shop.campaigns.load(shop.tenant_id, campaign.id)).campaign
    assert saved.end_date == datetime(2096, 2, 1, 5, tzinfo=UTC)


async def test_an_end_is_moved_neither_to_its_own_day_nor_beyond_the_calendar(shop):
    campaign = await shop.campaign(timezone="Asia/Tokyo", end_date=TODAY + timedelta(days=1))
    for day, said in [(TODAY + timedelta(days=1), "is not after"), (date.max, "beyond the cal")]:
        with pytest.raises(InvalidRequestError, match=rf"^end_date: .*{said}"):
            await _extend(shop, campaign, day)
