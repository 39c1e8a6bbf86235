"""Sends planned after a campaign's new end."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from madan_sara.contracts.campaign_run import CampaignRef, Sweep
from madan_sara.contracts.outreach import ExitReason, MessageRef, OutreachState
from madan_sara.persistence.campaign_runs import PostgresCampaignRuns
from madan_sara.policy.campaign_versions import CampaignChange
from madan_sara.starter.outreaches import Outreaches


@dataclass(frozen=True)
class MovedEnds:
    """Closes sends planned after an earlier end, so that they hold no money until they wake.

    A campaign of single messages has no workflow that could do it.

    Args:
        runs: campaigns as they run.
        outreaches: the workflows of their messages.
    """

    runs: PostgresCampaignRuns
    outreaches: Outreaches

    async def close_behind(self, change: CampaignChange) -> int:
        """Close the sends planned after a campaign's new end.

        Interrupted, it leaves sends that expire at their own time.

        Args:
            change: the save that may have moved the end.

        Returns:
            How many were closed, as `blocked`, `expired`.
        """
        before, now = change.before, change.now.campaign
        end = now.end_date
        if before is None or end is None or (before.end_date and before.end_date <= end):
            return 0
        ref = CampaignRef(tenant_id=now.tenant_uuid, campaign_id=now.id)
        sweep = Sweep(
            states=[OutreachState.SCHEDULED],
            state=OutreachState.BLOCKED,
            reason=ExitReason.EXPIRED,
            planned_from=end,
        )
        closed, last = 0, None
        while True:
            page = await self.runs.sweep(ref, sweep, last, datetime.now(UTC))
            closed += len(page.ended)
            await self.outreaches.cancel_each([_message(ref, message) for message in page.ended])
            if page.last is None:
                return closed
            last = page.last


def _message(ref: CampaignRef, message_id: UUID) -> MessageRef:
    return MessageRef(tenant_id=ref.tenant_id, message_id=message_id)
