"""What a campaign is, before it is saved."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from madan_sara.cli.terminal import plain
from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.policy.attempts import own_patience
from madan_sara.policy.text_warnings import text_warnings


def campaign_summary(campaign: OutreachCampaign, defaults: OrchestratorSettings) -> dict[str, Any]:
    """What a campaign is once it is saved, the defaults filled in."""
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
        "warnings": text_warnings(campaign, settings),
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


def summary_view(summary: Mapping[str, Any]) -> RenderableType:
    """The same for people, a line for each thing there is."""
    head = Text(f'"{plain(summary["name"])}" is a sound campaign', style="bold")
    lines = [
        Text.assemble((f"  {name:<26}", "cyan"), f" {plain(told)}")
        for name, told in _facts(summary)
    ]
    return Group(head, *lines)


def _facts(summary: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "id", summary["campaign_id"] or "none in the file: each save makes a new campaign"
    yield "channels", ", ".join(summary["channels"])
    for audience, order in summary["channel_priority"].items():
        yield f"for {audience}", ", ".join(order)
    yield "templates", ", ".join(summary["templates"]) or "none: nothing can be imported"
    if summary["recipient_fields"]:
        yield "each brings", ", ".join(summary["recipient_fields"])
    for warning in summary["warnings"]:
        yield "mind", warning
    yield "budget", _amount(summary["budget_total"])
    for channel, total in summary["budget_per_channel"].items():
        yield f"  {channel}", _amount(total)
    yield "a day", f"{_messages(summary['daily_limit'])}, {_amount(summary['daily_spend_limit'])}"
    yield "window", _window(summary)
    yield "settings", f"from {summary['settings_from']}"
    for name, value in summary["settings"].items():
        yield f"  {name}", _setting(value)


def _window(summary: Mapping[str, Any]) -> str:
    start, end = summary["start_date"], summary["end_date"]
    until = f"{end:%Y-%m-%d %H:%M} UTC" if end else "no end"
    return f"{start:%Y-%m-%d %H:%M} UTC to {until}; its days are those of {summary['timezone']}"


def _setting(value: object) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {held}" for name, held in value.items()) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)


def _amount(amount: Any) -> str:  # noqa: ANN401 - a Decimal or None
    return "no limit on money" if amount is None else f"{amount:f}"


def _messages(limit: int | None) -> str:
    return "no limit on messages" if limit is None else f"{limit} messages"
