"""Campaigns and people, each with an ordinary value for everything a test leaves out."""

from typing import Any
from uuid import UUID
from zlib import crc32

from contracts.campaign import OutreachCampaign
from contracts.settings import OrchestratorSettings


def make_campaign(tenant_id: UUID, **changes: Any) -> OutreachCampaign:
    """A campaign that sends at once, at any hour, on every channel."""
    settings = {"quiet_hours": None, **changes.pop("settings", {})}
    return OutreachCampaign(
        **{
            "tenant_uuid": tenant_id,
            "name": "Spring fair",
            "channels": ["email", "sms", "whatsapp", "instagram", "linkedin", "chat"],
            "send_time_optimization": False,
            "settings": OrchestratorSettings(**settings),
            **changes,
        }
    )


def phone_of(person: str) -> str:
    """A mobile number in Haiti that a person has alone."""
    return f"+5093{crc32(person.encode()) % 10_000_000:07}"


def make_profile(**changes: Any) -> dict[str, Any]:
    """Somebody with an e-mail address."""
    return {"name": "Marie", "contact_info": {"email": "marie@example.com"}, **changes}
