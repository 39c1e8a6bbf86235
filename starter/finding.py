"""Searches for messages, their recipients and their ends."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID

from pydantic import TypeAdapter

from madan_sara.contracts.base import NotBool, ShortText
from madan_sara.contracts.campaign import CampaignStatus
from madan_sara.contracts.errors import InvalidRequestError, NotFoundError
from madan_sara.contracts.found import FoundCampaign, FoundMessage, MessageFilter
from madan_sara.contracts.reading import read, require
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.contracts.violations import quoted
from madan_sara.persistence.database import Database
from madan_sara.persistence.finding import Contacts, PostgresFinder
from madan_sara.policy.frequency import DAY, WEEK

#: Messages or campaigns on a page, unless another number is asked for; and at most.
PAGE: Final = 50
LONGEST_PAGE: Final = 1_000

_ANY: Final = MessageFilter()
_ID: Final = TypeAdapter[UUID | None](UUID | None)
_LIMIT: Final = TypeAdapter[int](Annotated[int, NotBool])
_STATUS: Final = TypeAdapter[CampaignStatus | None](CampaignStatus | None)


@dataclass(frozen=True)
class PersonOverview:
    """The record of one person; no address, no text."""

    recipient_id: str
    contacts: Contacts
    #: Messages sent in the last 24 hours and 7 days or still to be sent, as the caps count.
    messages_today: int
    messages_this_week: int
    #: The caps of a campaign that brings none of its own.
    settings: OrchestratorSettings
    #: The newest first, of all campaigns.
    messages: Sequence[FoundMessage]


class Finding:
    """Finds a tenant's campaigns, messages and people, a page at a time.

    A page begins after the last entry of the page before: `after`.

    Args:
        database: where they are kept.
        tenant_id: their owner.
        settings: rules of campaigns that bring none of their own.
    """

    def __init__(self, database: Database, tenant_id: UUID, settings: OrchestratorSettings) -> None:
        self._finder = PostgresFinder(database)
        self._tenant_id = tenant_id
        self._settings = settings

    async def campaigns(
        self,
        *,
        status: CampaignStatus | None = None,
        after: UUID | None = None,
        limit: int = PAGE,
    ) -> list[FoundCampaign]:
        """Campaigns, the newest first.

        Raises:
            InvalidRequestError: the limit is out of range.
        """
        return await self._finder.campaigns(
            self._tenant_id,
            status=read(_STATUS, status, "status"),
            after=read(_ID, after, "after"),
            limit=_checked(limit),
        )

    async def messages(
        self,
        campaign_id: UUID,
        chosen: MessageFilter = _ANY,
        *,
        after: UUID | None = None,
        limit: int = PAGE,
    ) -> list[FoundMessage]:
        """Messages of a campaign, in the order in which it starts its recipients.

        A recipient's come with the newest first. None for a campaign that is not there.

        Raises:
            InvalidRequestError: the limit is out of range.
        """
        return await self._finder.messages(
            self._tenant_id,
            read(UUID, campaign_id, "campaign_id"),
            read(MessageFilter, vars(require(MessageFilter, chosen, "chosen")), "chosen"),
            after=read(_ID, after, "after"),
            limit=_checked(limit),
        )

    async def person(
        self, recipient_id: str, *, after: UUID | None = None, limit: int = PAGE
    ) -> PersonOverview:
        """One person's messages, sent or not, suppressions, and counts for the caps.

        Raises:
            InvalidRequestError: the limit is out of range.
            NotFoundError: nothing is known of this person.
        """
        now = datetime.now(UTC)
        recipient_id = read(ShortText, recipient_id, "recipient_id")
        contacts = await self._finder.contacts(self._tenant_id, recipient_id, now)
        messages = await self._finder.messages(
            self._tenant_id,
            None,
            MessageFilter(recipient_id=recipient_id),
            after=read(_ID, after, "after"),
            limit=_checked(limit),
        )
        if not messages and after is None and not contacts.suppressions:
            raise NotFoundError("recipient_id: nothing is known of this recipient")
        return PersonOverview(
            recipient_id=recipient_id,
            contacts=contacts,
            messages_today=sum(claim.within(DAY, now) for claim in contacts.claims),
            messages_this_week=sum(claim.within(WEEK, now) for claim in contacts.claims),
            settings=self._settings,
            messages=messages,
        )


def _checked(limit: int) -> int:
    entries = read(_LIMIT, limit, "limit")
    if not 1 <= entries <= LONGEST_PAGE:
        raise InvalidRequestError(f"limit: {quoted(entries)} is not between 1 and {LONGEST_PAGE}")
    return entries
