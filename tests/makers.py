"""Campaigns and people, each with an ordinary value for everything a test leaves out."""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID
from zlib import crc32

from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.contracts.settings import OrchestratorSettings

#: With one of these a campaign counts by its days.
_COUNTS_BY_DAYS: Final = frozenset({"auto_pacing", "daily_limit", "daily_spend_limit"})


def make_campaign(tenant_id: UUID, **changes: Any) -> OutreachCampaign:
    """A campaign that sends at once, at any hour, on every channel.

    One that counts by days has its noon now, unless another is given.
    """
    settings = {"quiet_hours": None, **changes.pop("settings", {})}
    return OutreachCampaign(
        **{
            "tenant_uuid": tenant_id,
            "timezone": None if _COUNTS_BY_DAYS.isdisjoint(changes) else zone_at_noon(),
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


def zone_at_noon(now: datetime | None = None) -> str:
    """A zone in which it is about noon, so that no day ends while a test runs."""
    # These names count backwards: `Etc/GMT-5` is five hours ahead of UTC.
    return f"Etc/GMT{(now or datetime.now(UTC)).hour - 12:+d}"


def make_profile(**changes: Any) -> dict[str, Any]:
    """A person with an e-mail address."""
    return {"name": "Marie", "contact_info": {"email": "marie@example.com"}, **changes}
