"""What starts and stops outreaches for their campaign."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.campaign_run import CampaignRef
from madan_sara.contracts.naming import outreach_workflow_id
from madan_sara.contracts.outreach import MessageRef, OutreachInput

if TYPE_CHECKING:
    from tests.simulation.life import Life


class SimulatedStarter:
    """`OutreachStarter` of a simulated life.

    Args:
        life: what it is part of.
    """

    def __init__(self, life: "Life") -> None:
        self._life = life

    async def start(self, ref: MessageRef, campaign: Campaign, place: int) -> bool:
        workflow_id = outreach_workflow_id(ref.tenant_id, ref.message_id)
        return await self._life.network.call(
            "start an outreach",
            lambda: self._life.server.start_outreach(
                workflow_id, OutreachInput(ref=ref, place=place)
            ),
        )

    async def cancel_each(self, refs: Sequence[MessageRef]) -> None:
        for ref in refs:
            self._life.server.cancel(outreach_workflow_id(ref.tenant_id, ref.message_id))

    async def cancel_all(self, ref: CampaignRef, reason: str) -> None:
        tables = self._life.tables
        for message in tables.messages.values():
            if message.campaign_id == ref.campaign_id:
                workflow_id = outreach_workflow_id(ref.tenant_id, message.message_id)
                self._life.server.cancel(workflow_id, reason)
