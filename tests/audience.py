"""A campaign's audience, put into its queue without a file."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from madan_sara.contracts.campaign import Campaign, OutreachCampaign, resolved
from madan_sara.persistence.database import Database
from madan_sara.persistence.recipients import PostgresRecipients
from madan_sara.starter.requests import new_message


async def queue(
    database: Database, campaign: OutreachCampaign | Campaign, people: Iterable[Mapping[str, Any]]
) -> int:
    """Queue people, each a profile with an `id`, for a saved campaign with templates."""
    complete = resolved(campaign)
    assert complete.templates is not None, "the campaign has no templates"
    messages = []
    for person in people:
        profile = dict(person)
        messages.append(new_message(complete, profile.pop("id"), profile, complete.templates))
    return await PostgresRecipients(database).add(complete, messages, datetime.now(UTC))
