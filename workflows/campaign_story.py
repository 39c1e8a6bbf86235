"""A campaign's story in the Web UI."""

from collections.abc import Sequence
from datetime import datetime

from madan_sara.contracts.campaign_run import CampaignEvent, CampaignFigures, Wait
from madan_sara.contracts.money import from_micros
from madan_sara.contracts.words.waits import CAMPAIGN_WAITS, explain_waits


def render_campaign(
    figures: CampaignFigures | None,
    wait: Wait | None,
    wakes_at: datetime | None,
    events: Sequence[CampaignEvent],
) -> str:
    """The story so far, as markdown without personal data."""
    if figures is None:
        return "its status is being read"
    parts = [f"**{figures.status.value}**: {figures.ended} of {figures.total} have an outcome"]
    parts.append("\n".join(_figure_lines(figures)))
    if wait is not None:
        wakes = f" (wakes {wakes_at:%a %d %b %H:%M:%S} UTC)" if wakes_at else ""
        parts.append(f"waits for {CAMPAIGN_WAITS[wait.reason]}{wakes}")
    if figures.channel_waits:
        parts.append("\n".join(f"- waits for {explain_waits(w)}" for w in figures.channel_waits))
    if events:
        parts.append("\n".join(map(_event_line, events)))
    return "\n\n".join(parts)


def _figure_lines(figures: CampaignFigures) -> list[str]:
    lines = [f"- {state}: {count}" for state, count in sorted(figures.by_state.items())]
    limit = "" if figures.messages_a_day is None else f" of {figures.messages_a_day}"
    lines.append(f"- held or sent today and later: {figures.messages_ahead}{limit}")
    lines.append(f"- spent: {from_micros(figures.spent_micros):f}")
    if figures.remaining_micros is not None:
        lines.append(f"- left to spend: {from_micros(figures.remaining_micros):f}")
    return lines


def _event_line(event: CampaignEvent) -> str:
    text = ", ".join(f"{name} {value}" for name, value in event.details.items())
    what = event.kind.replace("_", " ")
    return f"- {event.occurred_at:%d %b %H:%M:%S} {what}" + (f": {text}" if text else "")
