"""Campaigns stored over any campaign of the same id."""

from datetime import datetime

from madan_sara.contracts.campaign import Campaign, OutreachCampaign, resolved
from madan_sara.persistence.campaigns import PostgresCampaignStore
from madan_sara.persistence.database import Database


async def store_campaign(
    database: Database, campaign: Campaign | OutreachCampaign, now: datetime
) -> Campaign:
    """Store a campaign over any other of its id."""
    complete = resolved(campaign)
    change = await PostgresCampaignStore(database).save(complete, now, over=lambda _: complete)
    return change.now.campaign
