"""What a campaign contradicts itself in: every rule that looks at more than one field."""

from collections.abc import Iterator
from datetime import time
from typing import Final

from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.policy.columns import NESTED, column_name, own_field
from madan_sara.policy.templates import check_fields, check_templates

#: The profile's fields a template may name; others are the campaign's `recipient_fields`.
TEMPLATE_FIELDS: Final = ("name", "customer_type", "timezone", "device_preference")


def campaign_faults(campaign: OutreachCampaign, settings: OrchestratorSettings) -> list[str]:
    """Every contradiction of a campaign, each as `field: what is wrong`.

    Args:
        campaign: the campaign.
        settings: its own rules, or those it gets where it has none.
    """
    found = campaign.faults()
    for rule in _RULES:
        found += rule(campaign, settings)
    return found


def _unusable_fields(campaign: OutreachCampaign, _: OrchestratorSettings) -> Iterator[str]:
    first: dict[str, str] = {}
    for name in campaign.recipient_fields:
        plain = column_name(name)
        if plain in NESTED or own_field(name):
            yield (
                f"recipient_fields: {name} is a recipient's own field and no attribute; "
                "remove it or choose another name"
            )
        elif plain in first:
            yield f"recipient_fields: {first[plain]} and {name} are the same column; remove one"
        first.setdefault(plain, name)


def _faulty_templates(campaign: OutreachCampaign, _: OrchestratorSettings) -> Iterator[str]:
    if campaign.templates is not None:
        yield from (f"templates.{fault}" for fault in check_templates(campaign.templates))


def _unknown_fields(campaign: OutreachCampaign, _: OrchestratorSettings) -> Iterator[str]:
    if campaign.templates is not None:
        known = dict.fromkeys((*TEMPLATE_FIELDS, *campaign.recipient_fields))
        yield from (f"templates.{fault}" for fault in check_fields(campaign.templates, known))


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


def _empty_priorities(campaign: OutreachCampaign, _: OrchestratorSettings) -> Iterator[str]:
    for audience, order in (campaign.channel_priority or {}).items():
        if not order:
            yield f"channel_priority.{audience}: names no channel; name one or leave it out"


def _limits_that_never_hold(_: OutreachCampaign, settings: OrchestratorSettings) -> Iterator[str]:
    week, day = settings.max_messages_per_week, settings.max_messages_per_day
    if week < day:
        yield (
            f"settings.max_messages_per_week: {week} is below max_messages_per_day {day}; "
            "raise it or lower the other"
        )


_RULES: Final = (
    _empty_priorities,
    _unusable_fields,
    _faulty_templates,
    _unknown_fields,
    _missing_templates,
    _times_of_strangers,
    _times_at_night,
    _limits_that_never_hold,
)
