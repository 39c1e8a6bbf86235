"""Fields of a campaign that statements read are constrained; no racing change is undone."""

import asyncio
import json

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.contracts.errors import CampaignConflictError
from madan_sara.policy.campaign_versions import saved_over
from tests.integration.persistence.shop import NOW

_CONFIG = text("UPDATE campaigns SET config = CAST(:config AS jsonb) WHERE campaign_id = :id")
_ROW = text(
    "SELECT channels, daily_limit, daily_spend_limit_micros, dedup_lookback_hours,"
    " near_duplicate_days, jsonb_exists(config, 'status') AS tells_status"
    " FROM campaigns WHERE campaign_id = :id"
)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("settings", None),
        ("settings", {"near_duplicate_days": 7}),
        ("settings", {"dedup_lookback_hours": 0, "near_duplicate_days": 7}),
        ("settings", {"dedup_lookback_hours": 24}),
        ("settings", {"dedup_lookback_hours": 24, "near_duplicate_days": -1}),
        ("channels", None),
        ("channels", []),
        ("channels", "email"),
        ("daily_limit", -1),
        ("daily_spend_limit", -0.01),
    ],
)
async def test_a_campaign_that_statements_could_not_read_is_never_stored(shop, field, value):
    campaign = await shop.campaign()
    config = {**json.loads(campaign.model_dump_json()), field: value}
    with pytest.raises(IntegrityError):
        async with shop.database.transaction() as connection:
            await connection.execute(_CONFIG, {"id": campaign.id, "config": json.dumps(config)})


async def test_columns_follow_the_configuration(shop):
    settings = {"dedup_lookback_hours": 48, "near_duplicate_days": 0}
    campaign = await shop.campaign(
        channels=["sms"], daily_limit=5, daily_spend_limit="0.000001", settings=settings
    )
    changed = campaign.model_copy(update={"daily_limit": None})
    async with shop.database.transaction() as connection:
        first = (await connection.execute(_ROW, {"id": campaign.id})).one()
    await shop.save(changed)
    async with shop.database.transaction() as connection:
        second = (await connection.execute(_ROW, {"id": campaign.id})).one()
    assert first == (["sms"], 5, 1, 48, 0, False)
    assert second == (["sms"], None, 1, 48, 0, False)


async def _order(shop, campaign, **limits) -> None:
    await shop.campaigns.change(
        shop.tenant_id,
        campaign.id,
        lambda present: present.model_copy(update=limits),
        NOW,
        kind="limits_set",
        details="{}",
    )


async def _save(shop, given: OutreachCampaign) -> bool:
    own = given.resolved()
    try:
        await shop.campaigns.save(own, NOW, over=lambda present: saved_over(given, own, present))
    except CampaignConflictError:
        return False
    return True


@pytest.mark.parametrize("attempt", range(5))
async def test_of_steering_and_savings_that_race_none_is_undone_silently(shop, attempt):
    campaign = await shop.campaign(name="Spring")
    version = (await shop.campaigns.load(shop.tenant_id, campaign.id)).version
    owners = [OutreachCampaign.of(campaign, version) for _ in range(4)]
    for owner in owners:
        owner.name = f"Spring of {id(owner)}"
    *saved, _ = await asyncio.gather(
        *(_save(shop, owner) for owner in owners), _order(shop, campaign, daily_limit=7)
    )
    stored = await shop.campaigns.load(shop.tenant_id, campaign.id)
    assert stored.campaign.daily_limit == 7
    winners = [owner.name for owner, won in zip(owners, saved, strict=True) if won]
    assert winners in ([stored.campaign.name], []), "one that lost got no error"
    assert stored.campaign.name in [*winners, "Spring"]
    assert stored.version == version + 1 + len(winners)


async def test_of_new_campaigns_of_one_id_that_race_one_is_stored(shop):
    written = OutreachCampaign(tenant_uuid=shop.tenant_id, name="Spring", channels=["sms"])
    owners = [written.model_copy(update={"daily_limit": limit}) for limit in range(8)]
    saved = await asyncio.gather(*(_save(shop, owner) for owner in owners))
    stored = await shop.campaigns.load(shop.tenant_id, written.id)
    assert [o.daily_limit for o, won in zip(owners, saved, strict=True) if won] == [
        stored.campaign.daily_limit
    ]
    assert stored.version == 1
