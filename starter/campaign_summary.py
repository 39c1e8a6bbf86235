"""A summary of a campaign before it is saved."""

from datetime import timedelta
from typing import Any

from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.policy.attempts import own_patience
from madan_sara.policy.text_warnings import text_warnings


def campaign_warnings(campaign: OutreachCampaign, defaults: OrchestratorSettings) -> list[str]:
    """Warnings about a campaign that is valid."""
    return text_warnings(campaign, campaign.settings or defaults)


def campaign_summary(campaign: OutreachCampaign, defaults: OrchestratorSettings) -> dict[str, Any]:
    """A campaign as it will be saved, with the defaults filled in."""
    settings = (campaign.settings or defaults).with_all_prices()
    budgets = campaign.budget_per_channel or {}
    return {
        # Without an id in its file it gets a new one each time it is saved.
        "campaign_id": str(campaign.id) if "id" in campaign.model_fields_set else None,
        "name": campaign.name,
        "status": campaign.status.value,
        "channels": [channel.value for channel in campaign.channels],
        "channel_priority": {
            str(audience): [channel.value for channel in order]
            for audience, order in (campaign.channel_priority or {}).items()
        },
        "templates": sorted(map(str, campaign.templates.root)) if campaign.templates else [],
        "warnings": campaign_warnings(campaign, defaults),
        "recipient_fields": list(campaign.recipient_fields),
        "budget_total": campaign.budget_total,
        "budget_per_channel": {channel.value: b.total for channel, b in budgets.items()},
        "daily_spend_limit": campaign.daily_spend_limit,
        "daily_limit": campaign.daily_limit,
        "auto_pacing": campaign.auto_pacing,
        "send_time_optimization": campaign.send_time_optimization,
        "start_date": campaign.start_date,
        "end_date": campaign.end_date,
        "timezone": campaign.timezone or "UTC",
        "settings_from": "the campaign" if campaign.settings else "the tenant's defaults",
        "settings": {**settings.model_dump(mode="json"), **_per_channel(settings)},
    }


def _per_channel(settings: OrchestratorSettings) -> dict[str, dict[str, Any]]:
    """The settings that each channel has of its own, with the defaults in force."""
    return {
        "ambiguous_delivery": {c.value: settings.ambiguity_policy(c).value for c in Channel},
        "patience_minutes": {
            c.value: own_patience(settings, c) // timedelta(minutes=1) for c in Channel
        },
    }
