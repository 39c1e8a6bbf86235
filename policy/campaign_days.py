"""The days a campaign's daily limits count."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from madan_sara.contracts.campaign import CampaignFields
from madan_sara.contracts.instants import end_of_day


def campaign_zone(campaign: CampaignFields) -> ZoneInfo:
    """The zone a campaign's days are counted in; UTC unless it names one."""
    return ZoneInfo(campaign.timezone or "UTC")


def campaign_day(campaign: CampaignFields, moment: datetime) -> date:
    """The campaign's day an instant falls on; at the ends of the calendar, the day in UTC."""
    try:
        return moment.astimezone(campaign_zone(campaign)).date()
    except OverflowError:
        return moment.date()


def start_of_next_day(campaign: CampaignFields, moment: datetime) -> datetime:
    """The first instant of the campaign's day after the one an instant falls on, in UTC."""
    return end_of_day(campaign_day(campaign, moment), campaign_zone(campaign))
