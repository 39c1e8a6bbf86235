"""Lists of campaigns and messages, and one person, as people read them on a terminal."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from madan_sara.cli.layout import facts, section, table
from madan_sara.cli.terminal import one_line
from madan_sara.contracts.found import FoundCampaign, FoundMessage
from madan_sara.contracts.outreach import OutreachState
from madan_sara.contracts.words.ends import why_unsent
from madan_sara.starter.finding import PersonOverview


def campaign_document(campaign: FoundCampaign) -> dict[str, Any]:
    """A campaign of a list, for JSON."""
    return {
        "campaign_id": campaign.campaign_id,
        "name": campaign.name,
        "status": campaign.status.value,
        "created_at": campaign.created_at,
        "messages": sum(campaign.by_state.values()),
        "by_state": campaign.by_state,
    }


def message_document(message: FoundMessage) -> dict[str, Any]:
    """A message of a list, for JSON."""
    return {
        "message_id": message.message_id,
        "campaign_id": message.campaign_id,
        "campaign_name": message.campaign_name,
        "recipient_id": message.recipient_id,
        "state": message.state.value,
        "reason": message.reason,
        "details": message.details,
        "channel": message.channel,
        "created_at": message.created_at,
        "scheduled_at": message.scheduled_at,
        "sent_at": message.sent_at,
    }


def person_document(person: PersonOverview) -> dict[str, Any]:
    """A person, for JSON."""
    return {
        "recipient_id": person.recipient_id,
        "suppressions": [
            {"channel": s.channel, "reason": s.reason} for s in person.contacts.suppressions
        ],
        "messages_today": person.messages_today,
        "messages_this_week": person.messages_this_week,
        "max_messages_per_day": person.settings.max_messages_per_day,
        "max_messages_per_week": person.settings.max_messages_per_week,
        "messages": [message_document(message) for message in person.messages],
    }


def campaigns_view(campaigns: Sequence[FoundCampaign], more: str | None) -> RenderableType:
    """A page of campaigns."""
    page = table()
    page.add_column("campaign", no_wrap=True)
    page.add_column("name", overflow="fold")
    page.add_column("status", overflow="fold")
    page.add_column("messages", justify="right")
    page.add_column("sent", justify="right")
    for campaign in campaigns:
        page.add_row(
            str(campaign.campaign_id),
            one_line(campaign.name),
            campaign.status.value,
            f"{sum(campaign.by_state.values()):,}",
            f"{campaign.by_state.get(OutreachState.SENT, 0):,}",
        )
    return _page(page, len(campaigns), "campaigns", more)


def messages_view(messages: Sequence[FoundMessage], more: str | None) -> RenderableType:
    """A page of a campaign's messages."""
    page = table()
    page.add_column("message", no_wrap=True)
    page.add_column("recipient", overflow="fold")
    page.add_column("stands", overflow="fold")
    page.add_column("channel", no_wrap=True)
    for message in messages:
        page.add_row(
            str(message.message_id),
            one_line(message.recipient_id),
            _stands(message),
            message.channel or "-",
        )
    return _page(page, len(messages), "messages", more)


def person_view(person: PersonOverview, more: str | None) -> RenderableType:
    """One person's messages, sent or not, and why."""
    settings = person.settings
    against = [f"{s.channel or 'every channel'}: {s.reason}" for s in person.contacts.suppressions]
    known = {
        "suppressed": "; ".join(against) or "no",
        "counts": f"{person.messages_today} in 24 hours, {person.messages_this_week} in 7 days",
        "caps": f"{settings.max_messages_per_day} and {settings.max_messages_per_week}, "
        "unless a campaign has its own",
    }
    parts: list[RenderableType] = [Text(one_line(person.recipient_id), style="bold")]
    parts += facts(known)
    for message in person.messages:
        parts += section(*_story(message))
    if more:
        parts += section("More", more)
    return Group(*parts)


def _story(message: FoundMessage) -> list[str]:
    """A heading and lines on one of a person's messages."""
    when = _instant(message.created_at)
    title = one_line(f"{when}  {message.campaign_name} - {_stands(message)}")
    lines = [f"message {message.message_id}, campaign {message.campaign_id}"]
    if message.channel:
        lines.insert(0, f"on {message.channel}")
    if message.reason:
        rule, _ = why_unsent(message.reason, message.details)
        lines.insert(0, rule)
    return [title, *map(one_line, lines)]


def _stands(message: FoundMessage) -> str:
    """A message's state, since when or until when, or why."""
    if message.reason and message.state is not OutreachState.CANCELLED:
        return f"{message.state}: {message.reason.replace('_', ' ')}"
    at = {
        OutreachState.SCHEDULED: message.scheduled_at,
        OutreachState.SENT: message.sent_at,
        OutreachState.UNKNOWN: message.sent_at,
    }.get(message.state)
    if at is None:
        return message.state.value
    text = "until" if message.state is OutreachState.SCHEDULED else "at"
    return f"{message.state} {text} {_instant(at)}"


def _page(table: Table, count: int, what: str, more: str | None) -> RenderableType:
    if not count:
        return f"There are no such {what}."
    return Group(table, more) if more else table


def _instant(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def last_id(found: Sequence[FoundCampaign] | Sequence[FoundMessage]) -> UUID:
    """The entry after which the next page begins."""
    last = found[-1]
    return last.campaign_id if isinstance(last, FoundCampaign) else last.message_id
