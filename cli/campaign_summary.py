"""A campaign's summary, as people read it on a terminal."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from madan_sara.cli.terminal import plain


def summary_view(summary: Mapping[str, Any]) -> RenderableType:
    """A campaign for people, a line for each of its parts."""
    head = Text(f'"{plain(summary["name"])}" is a sound campaign', style="bold")
    lines = [
        Text.assemble((f"  {name:<26}", "cyan"), f" {plain(text)}")
        for name, text in _facts(summary)
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
