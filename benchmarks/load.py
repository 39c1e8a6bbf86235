"""The benchmarks' load: campaigns, people, requests."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Any, Final

from madan_sara.contracts.campaign import DEFAULT_TENANT, OutreachCampaign
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.persistence.campaigns import PostgresCampaignStore
from madan_sara.persistence.database import Database
from madan_sara.persistence.messages import NewMessage
from madan_sara.starter.requests import new_message

#: Telephone numbers of one run: a number that two people share is one person's to a claim.
_LINES: Final = count()

#: The channels of every campaign here; each person can be reached on all of them.
CHANNELS: Final = (Channel.SMS, Channel.WHATSAPP, Channel.EMAIL)

_ZONES: Final = (
    "America/Port-au-Prince",
    "America/New_York",
    "Europe/Paris",
    "Africa/Lagos",
    "Asia/Kolkata",
)
_TYPES: Final = ("new", "returning", "existing")
#: What each message says.
CONTENT: Final = {
    "email": {
        "subject": "The spring fair opens, {{ name }}",
        "text": "Hello {{ name }},\n\nthe stalls of the spring fair open on Saturday at nine. "
        "Bring this message and the first coffee is ours.\n\nMarket of Pétion-Ville\n",
    },
    "default": "{{ name }}, the spring fair opens on Saturday at nine. Show this text at "
    "the gate and the first coffee is ours.",
}


def make_campaign(name: str, *, sends_at_once: bool) -> OutreachCampaign:
    """A campaign with every kind of limit, none of which is ever reached.

    Args:
        name: what to call it.
        sends_at_once: at any hour, without looking for the best one; otherwise quiet
            hours and the search for the best time are on, as by default.
    """
    defaults = OrchestratorSettings()
    immediate = defaults.model_copy(update={"quiet_hours": None})
    return OutreachCampaign.model_validate(
        {
            "name": name,
            "channels": list(CHANNELS),
            "channel_priority": {"default": list(CHANNELS)},
            "budget_total": 1_000_000,
            "budget_per_channel": {channel: {"total": 300_000} for channel in CHANNELS},
            "daily_spend_limit": 500_000,
            "daily_limit": 10_000_000,
            "send_time_optimization": not sends_at_once,
            "settings": immediate if sends_at_once else defaults,
        }
    )


def make_requests(campaign: OutreachCampaign, people: int, *, label: str) -> list[NewMessage]:
    """Checked requests to people who differ from each other and from every other label's."""
    complete = campaign.resolved()
    return [
        new_message(complete, f"{label}-{number}", make_profile(label, number), CONTENT)
        for number in range(people)
    ]


async def save_campaigns(database: Database, campaigns: Sequence[OutreachCampaign]) -> None:
    """Store campaigns and the limits of their accounts."""
    store = PostgresCampaignStore(database)
    now = datetime.now(UTC)
    for campaign in campaigns:
        assert campaign.tenant_uuid == DEFAULT_TENANT
        complete = campaign.resolved()
        await store.save(complete, now, over=lambda stored: stored.campaign)


def make_profile(label: str, number: int) -> dict[str, Any]:
    """A person who differs from every other one."""
    line = next(_LINES)
    return {
        "name": f"Marie {number}",
        "customer_type": _TYPES[number % len(_TYPES)],
        "timezone": _ZONES[number % len(_ZONES)],
        "device_preference": "mobile",
        "contact_info": {
            "email": f"{label}.{number}@example.com",
            # Below 900 an ending asks the sandbox for nothing.
            "phone": f"+5093{line // 900:04}{line % 900:03}",
        },
        "engagement_history": {"sms": {"open_rate": 0.6, "click_rate": 0.1, "messages_sent": 12}},
    }
