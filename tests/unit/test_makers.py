"""The campaigns of the tests live where no day ends meanwhile."""

from datetime import UTC, datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from madan_sara.policy.campaign_days import campaign_zone
from tests.makers import make_campaign, zone_at_noon


@pytest.mark.parametrize("hour", range(24))
def test_it_is_noon_in_the_zone(hour):
    now = datetime(2048, 2, 29, hour, 58, tzinfo=UTC)
    assert now.astimezone(ZoneInfo(zone_at_noon(now))).hour == 12


@pytest.mark.parametrize(
    "limit", [{"daily_limit": 1}, {"daily_spend_limit": 1}, {"auto_pacing": True}]
)
def test_a_campaign_that_counts_by_days_is_in_the_middle_of_one(limit):
    campaign = make_campaign(uuid4(), **limit)
    assert campaign.start_date.astimezone(campaign_zone(campaign)).hour == 12


def test_any_other_campaign_has_the_zone_it_is_given():
    assert make_campaign(uuid4()).timezone is None
    elsewhere = make_campaign(uuid4(), daily_limit=1, timezone="Europe/Paris")
    assert elsewhere.timezone == "Europe/Paris"
