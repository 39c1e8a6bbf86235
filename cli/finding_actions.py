"""The actions of commands that look for campaigns, messages and people."""

import shlex
from collections.abc import Sequence

from madan_sara.cli.actions import Action, Reply
from madan_sara.cli.finding_views import (
    campaign_document,
    campaigns_view,
    last_id,
    message_document,
    messages_view,
    person_document,
    person_view,
)
from madan_sara.cli.request_file import parse_id
from madan_sara.contracts.campaign import CampaignStatus
from madan_sara.contracts.found import FoundCampaign, FoundMessage, MessageFilter
from madan_sara.starter.finding import PAGE
from madan_sara.starter.orchestrator import OutreachOrchestrator


def campaigns(status: CampaignStatus | None, after: str | None, limit: int) -> Action:
    """A page of campaigns."""
    behind = None if after is None else parse_id(after, "--after")

    async def action(orchestrator: OutreachOrchestrator) -> Reply:
        find = orchestrator.find
        found = await find.campaigns(status=status, after=behind, limit=limit)
        options = [f"--status {status}"] if status else []
        document = {"campaigns": [campaign_document(campaign) for campaign in found]}
        more = _more(found, limit, "campaign list", *options)
        return Reply({**document, **_next(found, limit)}, campaigns_view(found, more))

    return action


def messages(campaign_id: str, chosen: MessageFilter, after: str | None, limit: int) -> Action:
    """A page of a campaign's messages."""
    campaign = parse_id(campaign_id, "CAMPAIGN_ID")
    behind = None if after is None else parse_id(after, "--after")

    async def action(orchestrator: OutreachOrchestrator) -> Reply:
        await orchestrator.get_campaign(campaign)  # Says so when there is none.
        found = await orchestrator.find.messages(campaign, chosen, after=behind, limit=limit)
        options = {
            "--state": chosen.state,
            "--reason": chosen.reason,
            "--channel": chosen.channel,
            "--recipient": chosen.recipient_id,
        }
        given = [f"{name} {shlex.quote(value)}" for name, value in options.items() if value]
        more = _more(found, limit, f"messages {campaign}", *given)
        document = {"messages": [message_document(message) for message in found]}
        return Reply({**document, **_next(found, limit)}, messages_view(found, more))

    return action


def person(recipient_id: str, after: str | None, limit: int) -> Action:
    """The record of one person."""
    behind = None if after is None else parse_id(after, "--after")

    async def action(orchestrator: OutreachOrchestrator) -> Reply:
        found = await orchestrator.find.person(recipient_id, after=behind, limit=limit)
        more = _more(found.messages, limit, f"person {shlex.quote(recipient_id)}")
        document = {**person_document(found), **_next(found.messages, limit)}
        return Reply(document, person_view(found, more))

    return action


def _next(
    found: Sequence[FoundCampaign] | Sequence[FoundMessage], limit: int
) -> dict[str, str | None]:
    """The value of --after for the next page; None: there is none."""
    return {"next_after": str(last_id(found)) if len(found) == limit else None}


def _more(
    found: Sequence[FoundCampaign] | Sequence[FoundMessage], limit: int, *command: str
) -> str | None:
    """The options for the next page, if there may be one."""
    after = _next(found, limit)["next_after"]
    given = f" --limit {limit}" if limit != PAGE else ""
    return after and f"more: madan-sara {' '.join(command)}{given} --after {after}"
