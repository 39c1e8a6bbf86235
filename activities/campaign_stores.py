"""Ports to the records of campaigns as they run, and to the workflows they start."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol
from uuid import UUID

from madan_sara.contracts.campaign import Campaign, CampaignStatus
from madan_sara.contracts.campaign_run import CampaignEvent, CampaignRef, Sweep, Wait
from madan_sara.contracts.outreach import Details, MessageRef
from madan_sara.policy.campaign_progress import CampaignFacts


@dataclass(frozen=True)
class SweptPage:
    """The result of one step of a sweep."""

    #: The messages it ended.
    ended: Sequence[UUID]
    #: The last message it looked at; None: it was the last page.
    last: UUID | None


@dataclass(frozen=True)
class TakenPage:
    """Messages to start, with their campaign as it is now."""

    campaign: Campaign
    message_ids: Sequence[UUID]


class CampaignRunStore(Protocol):
    """Campaigns as they run: their queue, their counts, their end."""

    async def facts(self, ref: CampaignRef, now: datetime) -> CampaignFacts:
        """The facts the next step depends on; read at the same cost for any audience.

        Raises:
            NotFoundError: there is no such campaign.
        """
        ...

    async def note_wait(self, ref: CampaignRef, wait: Wait | None) -> None:
        """Keep a campaign's wait, as part of its status."""
        ...

    async def set_share(
        self, ref: CampaignRef, share: int | None, day: date, reason: str, now: datetime
    ) -> None:
        """Keep a campaign's share of a day, and note it with its reason if it is new.

        Once for each day: run again, it changes nothing.
        """
        ...

    async def events_after(
        self, ref: CampaignRef, event_no: int
    ) -> Sequence[tuple[int, CampaignEvent]]:
        """The events noted of a campaign after a numbered one: the last few, in order."""
        ...

    async def take(self, ref: CampaignRef, at_most: int, *, only_taken: bool) -> TakenPage:
        """The first messages of the queue, now being decided, in the order of the queue.

        They stay in the queue until `started`, so that the successor of a dispatch that
        died takes them again. With `only_taken`, and for a campaign that does not send, it
        takes only those.
        """
        ...

    async def started(self, ref: CampaignRef, message_ids: Sequence[UUID]) -> None:
        """Take messages out of the queue, except those that wait there again."""
        ...

    async def requeue(self, ref: CampaignRef) -> None:
        """Queue recipients again for whom a limit had no room."""
        ...

    async def in_motion(self, ref: CampaignRef) -> int:
        """Messages being decided or handed over at this moment."""
        ...

    async def sweep(
        self, ref: CampaignRef, sweep: Sweep, after: UUID | None, now: datetime
    ) -> SweptPage:
        """End the next page of messages unsent, each with its hold and claim."""
        ...

    async def change(
        self,
        ref: CampaignRef,
        change: Callable[[Campaign], Campaign],
        now: datetime,
        *,
        kind: str,
        details: Details,
    ) -> CampaignStatus:
        """Change a campaign's configuration or status, with its limits and a note of it.

        Returns:
            The status it has then. A final one stays, and the note is not made; likewise an
            open one that is to end of itself while a recipient has no outcome yet.

        Raises:
            InvalidRequestError: a limit would be below what is held or spent already;
                nothing was changed.
            NotFoundError: there is no such campaign.
        """
        ...


class OutreachStarter(Protocol):
    """Starts the workflows that carry messages, and stops them."""

    async def start(self, ref: MessageRef, campaign: Campaign, sequence_number: int) -> bool:
        """Start a message's workflow; False where one runs already, which is left alone."""
        ...

    async def cancel_each(self, refs: Sequence[MessageRef]) -> None:
        """Ask the workflows of some messages to end, if they still run."""
        ...

    async def cancel_all(self, ref: CampaignRef, reason: str) -> None:
        """Ask every workflow of a campaign that still runs to end."""
        ...
