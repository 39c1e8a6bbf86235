"""What a campaign contradicts itself in: every rule that looks at more than one field."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import time
from typing import Final

from contracts.campaign import OutreachCampaign
from contracts.recipient import ContactInfo, Preferences, RecipientProfile
from contracts.settings import OrchestratorSettings
from policy.templates import check_templates

#: The profile's fields a template may name; others are the campaign's `recipient_fields`.
TEMPLATE_FIELDS: Final = ("name", "customer_type", "timezone", "device_preference")

#: What a recipient's own fields are called, as a profile or as columns of a file.
_TAKEN: Final = frozenset(
    {
        "id",
        "recipient_id",
        *RecipientProfile.model_fields,
        *ContactInfo.model_fields,
        *Preferences.model_fields,
    }
)


def campaign_faults(
    campaign: OutreachCampaign, settings: OrchestratorSettings, *, unread: Collection[str] = ()
) -> list[str]:
    """Every contradiction of a campaign, each as `field: what is wrong`.

    Args:
        campaign: the campaign.
        settings: its own rules, or those it gets where it has none.
        unread: fields that could not be read and hold something else now; what depends on
            them is not judged.
    """
    found = campaign.faults()
    for fields, rule in _RULES:
        if fields.isdisjoint(unread):
            found += rule(campaign, settings)
    return found


def column_name(name: str) -> str:
    """A column's name as it is compared: case, spaces and hyphens do not tell two apart."""
    return re.sub(r"[\s-]+", "_", name.strip().lower())


def _unusable_fields(campaign: OutreachCampaign, _: OrchestratorSettings) -> Iterator[str]:
    first: dict[str, str] = {}
    for name in campaign.recipient_fields:
        plain = column_name(name)
        if plain in _TAKEN:
            yield (
                f"recipient_fields: {name} is a recipient's own field and no attribute; "
                "remove it or choose another name"
            )
        elif plain in first:
            yield f"recipient_fields: {first[plain]} and {name} are the same column; remove one"
        first.setdefault(plain, name)


def _faulty_templates(campaign: OutreachCampaign, _: OrchestratorSettings) -> Iterator[str]:
    if campaign.templates is not None:
        known = dict.fromkeys((*TEMPLATE_FIELDS, *campaign.recipient_fields))
        yield from (f"templates.{fault}" for fault in check_templates(campaign.templates, known))


def _missing_templates(campaign: OutreachCampaign, _: OrchestratorSettings) -> Iterator[str]:
    for channel in campaign.channels if campaign.templates else ():
        if campaign.templates and campaign.templates.template_for(channel) is None:
            yield f"templates: {channel} has none; write one, or a default for the rest"


def _times_of_strangers(campaign: OutreachCampaign, _: OrchestratorSettings) -> Iterator[str]:
    for channel in campaign.optimal_send_times or {}:
        if channel not in campaign.channels:
            yield (
                f"optimal_send_times.{channel}: not among the campaign's channels; "
                "add it to channels or remove it here"
            )


def _times_at_night(campaign: OutreachCampaign, settings: OrchestratorSettings) -> Iterator[str]:
    quiet = settings.quiet_hours
    for channel, times in (campaign.optimal_send_times or {}).items():
        of_day: dict[str, time | None] = {"weekday": times.weekday, "weekend": times.weekend}
        for kind, wall in of_day.items():
            if quiet is not None and wall is not None and quiet.cover(wall):
                yield (
                    f"optimal_send_times.{channel}.{kind}: {wall:%H:%M} lies in the quiet hours "
                    f"from {quiet.start:%H:%M} to {quiet.end:%H:%M}; move it, or change "
                    "settings.quiet_hours"
                )


_Rule = Callable[[OutreachCampaign, OrchestratorSettings], Iterable[str]]

#: Each rule with the fields it looks at.
_RULES: Final[tuple[tuple[frozenset[str], _Rule], ...]] = (
    (frozenset({"recipient_fields"}), _unusable_fields),
    (frozenset({"templates", "recipient_fields"}), _faulty_templates),
    (frozenset({"templates", "channels"}), _missing_templates),
    (frozenset({"optimal_send_times", "channels"}), _times_of_strangers),
    (frozenset({"optimal_send_times", "settings"}), _times_at_night),
)
