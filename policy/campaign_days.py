"""The days a campaign's daily limits count."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from contracts.campaign import OutreachCampaign


def campaign_zone(campaign: OutreachCampaign) -> ZoneInfo:
    """The zone a campaign's days are counted in; UTC unless it names one."""
    return ZoneInfo(campaign.timezone or "UTC")


def campaign_day(campaign: OutreachCampaign, moment: datetime) -> date:
    """The campaign's day an instant falls on."""
    return moment.astimezone(campaign_zone(campaign)).date()


def start_of_next_day(campaign: OutreachCampaign, moment: datetime) -> datetime:
    """The first instant of the campaign's day after the one an instant falls on, in UTC."""
    following = campaign_day(campaign, moment) + timedelta(days=1)
    midnight = datetime.combine(following, time(0), tzinfo=campaign_zone(campaign))
    return midnight.astimezone(ZoneInfo("UTC"))
