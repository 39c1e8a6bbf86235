"""A process of this version works beside a newer one, and takes nothing from it."""

import json
from typing import Any

import pytest
from sqlalchemy import text

from madan_sara.contracts.campaign import Campaign, CampaignStatus
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.settings import QuietHours
from madan_sara.persistence.messages import PostgresMessageStore
from tests.integration.persistence.shop import NOW, Shop

_ADD = text("""
UPDATE campaigns SET config = jsonb_set(config, CAST(:path AS text[]), CAST(:value AS jsonb))
 WHERE campaign_id = :id
""")
_CONFIG = text("SELECT CAST(config AS text), version FROM campaigns WHERE campaign_id = :id")
#: More digits than a float has.
_VALUE = '{"cap": 0.12345678901234567890, "from": [1, null], "of": {"email": 2}}'
_PLACES = [
    "new_cap",
    "settings,new_rule",
    "settings,quiet_hours,new_rule",
    "budget_per_channel,email,new_cap",
    "optimal_send_times,email,night",
    "templates,email,preview",
]


async def _newer(shop: Shop) -> Campaign:
    """A campaign in which a newer version has written a field wherever there may be one."""
    campaign = await shop.campaign(
        channels=["email", "chat"],
        settings={"quiet_hours": {"start": "21:00", "end": "08:00"}, "prices": {"email": 1}},
        budget_per_channel={"email": {"total": 1}, "chat": {"total": 2}},
        optimal_send_times={"email": {"weekday": "10:00"}},
        templates={"email": {"subject": "Bread", "text": "Warm"}, "chat": "Warm bread"},
    )
    async with shop.database.transaction() as connection:
        for place in _PLACES:
            added = {"path": place.split(","), "value": _VALUE, "id": campaign.id}
            await connection.execute(_ADD, added)
    return campaign


async def _config(shop: Shop, campaign: Campaign) -> tuple[str, int]:
    async with shop.database.statement() as connection:
        config, version = (await connection.execute(_CONFIG, {"id": campaign.id})).one()
    return config, version


async def _order(shop: Shop, campaign: Campaign, **changes: Any) -> None:
    await shop.campaigns.change(
        shop.tenant_id,
        campaign.id,
        lambda present: present.model_copy(update=changes),
        NOW,
        kind="ordered",
        details="{}",
    )


def _at(config: str, place: str) -> object:
    document = json.loads(config, parse_float=str)
    for step in place.split(","):
        document = document[step]
    return document


async def test_a_status_changes_nothing_but_itself(shop):
    campaign = await _newer(shop)
    before = await _config(shop, campaign)
    await _order(shop, campaign, status=CampaignStatus.PAUSED)
    await shop.save(campaign.with_status(CampaignStatus.PAUSED))
    await shop.save(campaign)
    assert await _config(shop, campaign) == before


async def test_a_field_that_is_missing_is_not_filled_in_by_a_status(shop):
    """An older version has written it: its default means what was meant then."""
    campaign = await shop.campaign()
    async with shop.database.transaction() as connection:
        await connection.execute(
            text("UPDATE campaigns SET config = config - 'auto_pacing' WHERE campaign_id = :id"),
            {"id": campaign.id},
        )
    before = await _config(shop, campaign)
    await _order(shop, campaign, status=CampaignStatus.PAUSED)
    assert await _config(shop, campaign) == before


async def test_a_change_keeps_what_only_a_newer_version_knows(shop):
    campaign = await _newer(shop)
    _, version = await _config(shop, campaign)
    hours = QuietHours.model_validate({"end": "07:00"})
    quiet = campaign.settings.model_copy(update={"quiet_hours": hours})
    await _order(shop, campaign, daily_limit=7)
    await shop.save(campaign.model_copy(update={"daily_limit": 8, "settings": quiet}))

    config, changed = await _config(shop, campaign)
    kept = json.loads(_VALUE, parse_float=str)
    assert [_at(config, place) for place in _PLACES] == [kept] * len(_PLACES)
    assert changed == version + 2
    stored = (await shop.campaigns.load(shop.tenant_id, campaign.id)).campaign
    assert stored == campaign.model_copy(update={"daily_limit": 8, "settings": quiet})
    # What is written again as it is stored, what is not known included, is no change.
    await shop.save(stored)
    assert await _config(shop, campaign) == (config, changed)


@pytest.mark.parametrize(
    ("changes", "gone"),
    [
        ({"templates": None}, ["templates,email,preview"]),
        ({"optimal_send_times": None}, ["optimal_send_times,email,night"]),
        ({"budget_per_channel": {}}, ["budget_per_channel,email,new_cap"]),
    ],
)
async def test_what_is_taken_away_goes_with_all_that_stands_in_it(shop, changes, gone):
    campaign = await _newer(shop)
    taken = Campaign.model_validate({**campaign.model_dump(), **changes})
    await shop.save(taken)
    config, _ = await _config(shop, campaign)
    kept = json.loads(_VALUE, parse_float=str)
    assert all(_at(config, place) == kept for place in _PLACES if place not in gone)
    assert (await shop.campaigns.load(shop.tenant_id, campaign.id)).campaign == taken


async def test_a_message_is_decided_and_kept_beside_a_newer_version(shop, database):
    campaign = await _newer(shop)
    ref = await shop.message(campaign)
    assert (await shop.reserve(ref, channel=Channel.CHAT)).block is None
    record = await PostgresMessageStore(database).record(shop.tenant_id, ref.message_id)
    facts = await shop.attempts.delivery_facts(ref, 1, Channel.CHAT, "")
    assert record is not None
    assert facts.request.campaign == campaign
