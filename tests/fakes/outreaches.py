"""Workflows of outreaches that only remember what they are asked."""

from collections.abc import Sequence

from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.campaign_run import CampaignRef
from madan_sara.contracts.errors import UnreachableError
from madan_sara.contracts.outreach import MessageRef


class RememberingOutreaches:
    """`OutreachStarter` without a server.

    Args:
        are_there: whether they can be reached.
    """

    def __init__(self, *, are_there: bool = True) -> None:
        self._are_there = are_there
        #: Those asked to end one by one.
        self.asked: list[MessageRef] = []
        #: The campaigns of which all were asked to.
        self.asked_all: list[CampaignRef] = []

    async def start(self, ref: MessageRef, campaign: Campaign, sequence_number: int) -> bool:
        """Start a message's workflow."""
        return True

    async def cancel_each(self, refs: Sequence[MessageRef]) -> None:
        """Ask the workflows of some messages to end."""
        if not self._are_there:
            raise UnreachableError
        self.asked += refs

    async def cancel_all(self, ref: CampaignRef, reason: str) -> None:
        """Ask all workflows of a campaign to end."""
        if not self._are_there:
            raise UnreachableError
        self.asked_all.append(ref)
