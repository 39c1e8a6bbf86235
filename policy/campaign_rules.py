"""Contradictions in a campaign: every rule about more than one field."""

from collections.abc import Iterator
from datetime import time
from typing import Final

from madan_sara.contracts.campaign import Campaign
from madan_sara.policy.columns import NESTED, column_name, own_field
from madan_sara.policy.templates import check_fields, check_templates

#: The profile's fields a template may name; others are the campaign's `recipient_fields`.
TEMPLATE_FIELDS: Final = ("name", "customer_type", "timezone", "device_preference")


def campaign_violations(campaign: Campaign) -> list[str]:
    """Every contradiction of a campaign, each as `field: description`.

    Args:
        campaign: the campaign.
    """
    return [violation for rule in _RULES for violation in rule(campaign)]


def new_violations(before: Campaign, after: Campaign) -> list[str]:
    """The contradictions that a change brought into a campaign."""
    known = campaign_violations(before)
    return [violation for violation in campaign_violations(after) if violation not in known]


def _repeated_channels(campaign: Campaign) -> Iterator[str]:
    if len(set(campaign.channels)) != len(campaign.channels):
        yield "channels: names a channel twice; name each once"


def _priorities_of_strangers(campaign: Campaign) -> Iterator[str]:
    for audience, order in (campaign.channel_priority or {}).items():
        for channel in order:
            if channel not in campaign.channels:
                yield (
                    f"channel_priority.{audience}: {channel} is not among the campaign's "
                    "channels; add it to channels or remove it here"
                )


def _repeated_priorities(campaign: Campaign) -> Iterator[str]:
    for audience, order in (campaign.channel_priority or {}).items():
        if len(set(order)) != len(order):
            yield f"channel_priority.{audience}: names a channel twice; name each once"


def _budgets_of_strangers(campaign: Campaign) -> Iterator[str]:
    for channel in campaign.budget_per_channel or {}:
        if channel not in campaign.channels:
            yield (
                f"budget_per_channel.{channel}: not among the campaign's channels; "
                "add it to channels or remove it here"
            )


def _budgets_above_the_total(campaign: Campaign) -> Iterator[str]:
    allotted = sum(budget.total for budget in (campaign.budget_per_channel or {}).values())
    if campaign.budget_total is not None and allotted > campaign.budget_total:
        yield (
            f"budget_per_channel: the channels' totals are {allotted}, above budget_total "
            f"{campaign.budget_total}; raise the total or lower them"
        )


def _end_before_start(campaign: Campaign) -> Iterator[str]:
    if campaign.end_date is not None and campaign.end_date <= campaign.start_date:
        yield f"end_date: {campaign.end_date.isoformat()} is not after start_date; move it"


def _unusable_fields(campaign: Campaign) -> Iterator[str]:
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


def _invalid_templates(campaign: Campaign) -> Iterator[str]:
    if campaign.templates is not None:
        yield from (f"templates.{violation}" for violation in check_templates(campaign.templates))


def _unknown_fields(campaign: Campaign) -> Iterator[str]:
    if campaign.templates is not None:
        known = dict.fromkeys((*TEMPLATE_FIELDS, *campaign.recipient_fields))
        yield from (
            f"templates.{violation}" for violation in check_fields(campaign.templates, known)
        )


def _missing_templates(campaign: Campaign) -> Iterator[str]:
    for channel in campaign.channels if campaign.templates else ():
        if campaign.templates and campaign.templates.template_for(channel) is None:
            yield f"templates: {channel} has none; write one, or a default for the rest"


def _times_of_strangers(campaign: Campaign) -> Iterator[str]:
    for channel in campaign.optimal_send_times or {}:
        if channel not in campaign.channels:
            yield (
                f"optimal_send_times.{channel}: not among the campaign's channels; "
                "add it to channels or remove it here"
            )


def _times_at_night(campaign: Campaign) -> Iterator[str]:
    quiet = campaign.settings.quiet_hours
    for channel, times in (campaign.optimal_send_times or {}).items():
        of_day: dict[str, time | None] = {"weekday": times.weekday, "weekend": times.weekend}
        for kind, wall in of_day.items():
            if quiet is not None and wall is not None and quiet.cover(wall):
                yield (
                    f"optimal_send_times.{channel}.{kind}: {wall:%H:%M} lies in the quiet hours "
                    f"from {quiet.start:%H:%M} to {quiet.end:%H:%M}; move it, or change "
                    "settings.quiet_hours"
                )


def _empty_priorities(campaign: Campaign) -> Iterator[str]:
    for audience, order in (campaign.channel_priority or {}).items():
        if not order:
            yield f"channel_priority.{audience}: names no channel; name one or leave it out"


def _limits_that_never_hold(campaign: Campaign) -> Iterator[str]:
    settings = campaign.settings
    week, day = settings.max_messages_per_week, settings.max_messages_per_day
    if week < day:
        yield (
            f"settings.max_messages_per_week: {week} is below max_messages_per_day {day}; "
            "raise it or lower the other"
        )


_RULES: Final = (
    _repeated_channels,
    _priorities_of_strangers,
    _repeated_priorities,
    _budgets_of_strangers,
    _budgets_above_the_total,
    _end_before_start,
    _empty_priorities,
    _unusable_fields,
    _invalid_templates,
    _unknown_fields,
    _missing_templates,
    _times_of_strangers,
    _times_at_night,
    _limits_that_never_hold,
)
