"""What the commands that take a campaign's files do, once their words are understood."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import RenderableType

from contracts.campaign import OutreachCampaign
from contracts.settings import OrchestratorSettings
from starter.cli.orders import Order, Reply
from starter.cli.progress import import_bar
from starter.cli.request_file import parse_id, read_campaign
from starter.cli.session import Session, tenant_settings
from starter.cli.views import facts_view
from starter.importing.run import ImportResult


def validate(path: str) -> Reply:
    """Everything that is wrong with a campaign's file; else what the campaign is."""
    defaults = tenant_settings()
    campaign, faults = read_campaign(path, defaults)
    if campaign is None or faults:
        return Reply({"valid": False, "faults": faults}, "", faults=faults)
    document = {"valid": True, **_summary(campaign, defaults)}
    return Reply(document, facts_view(f'"{campaign.name}" is sound', _facts(document)))


def import_recipients(
    campaign_id: str, path: Path, region: str | None, rejects: Path | None, *, quiet: bool
) -> Order:
    """Queue the recipients of a file in a campaign."""
    campaign = parse_id(campaign_id, "CAMPAIGN_ID")

    async def order(session: Session) -> Reply:
        with import_bar(quiet=quiet) as on_progress:
            result = await session.orchestrator.import_recipients(
                campaign, path, region=region, rejects=rejects, on_progress=on_progress
            )
        return Reply(dict(result), _told(result), stands=not result["rejected"])

    return order


def _summary(campaign: OutreachCampaign, defaults: OrchestratorSettings) -> dict[str, Any]:
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
        "settings": settings.model_dump(mode="json"),
    }


def _facts(summary: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The summary for people: a line for each thing there is."""
    yield "id", summary["campaign_id"] or "none in the file: each save makes a new campaign"
    yield "channels", ", ".join(summary["channels"])
    for audience, order in summary["channel_priority"].items():
        yield f"for {audience}", ", ".join(order)
    yield "templates", ", ".join(summary["templates"]) or "none: nothing can be imported"
    if summary["recipient_fields"]:
        yield "each brings", ", ".join(summary["recipient_fields"])
    yield "budget", _amount(summary["budget_total"])
    for channel, total in summary["budget_per_channel"].items():
        yield f"  {channel}", _amount(total)
    yield "a day", f"{_messages(summary['daily_limit'])}, {_amount(summary['daily_spend_limit'])}"
    yield "window", _window(summary)
    yield "settings", f"from {summary['settings_from']}"
    for name, value in summary["settings"].items():
        yield f"  {name}", _setting(value)


def _window(summary: dict[str, Any]) -> str:
    start, end = summary["start_date"], summary["end_date"]
    until = f"{end:%Y-%m-%d %H:%M} UTC" if end else "no end"
    return f"{start:%Y-%m-%d %H:%M} UTC to {until}; its days are those of {summary['timezone']}"


def _setting(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {held}" for name, held in value.items()) or "none"
    return {True: "yes", False: "no", None: "none"}.get(value, str(value))  # type: ignore[call-overload]


def _amount(amount: Any) -> str:  # noqa: ANN401 - a Decimal or None
    return "no limit on money" if amount is None else f"{amount:f}"


def _messages(limit: int | None) -> str:
    return "no limit on messages" if limit is None else f"{limit} messages"


def _told(result: ImportResult) -> RenderableType:
    rate = result["rows_read"] / max(result["seconds"], 0.001)
    lines = [
        f"{result['rows_read']:,} rows read in {result['seconds']:.1f} s ({rate:,.0f} a second): "
        f"{result['added']:,} added, {result['known']:,} known already, "
        f"{result['rejected']:,} rejected."
    ]
    if result["rejects_file"]:
        lines.append(f"Rejected rows, each with its line and reason: {result['rejects_file']}")
    return "\n".join(lines)
