"""Sends planned after a campaign's new end."""

from dataclasses import dataclass
from datetime import UTC, datetime

from madan_sara.activities.campaign_stores import OutreachStarter
from madan_sara.contracts.campaign_run import CampaignRef
from madan_sara.contracts.outreach import MessageRef
from madan_sara.persistence.campaign_runs import PostgresCampaignRuns
from madan_sara.persistence.sweeps import Place
from madan_sara.policy.campaign_versions import CampaignChange


@dataclass(frozen=True)
class MovedEnds:
    """Closes sends planned after an earlier end, so that they hold no money until they wake.

    A campaign of single messages has no workflow that could do it.

    Args:
        runs: campaigns as they run.
        outreaches: the workflows of their messages.
    """

    runs: PostgresCampaignRuns
    outreaches: OutreachStarter

    async def close_behind(self, change: CampaignChange) -> int:
        """Close the sends a campaign's end comes before.

        Each save looks for them, so that one that broke off is made good by the next. The
        workflows are asked to end once all is closed; those that are not find it when they wake.

        Args:
            change: the save that may have moved the end.

        Returns:
            How many were closed, as `blocked`, `expired`.
        """
        campaign = change.now.campaign
        if change.before is None or campaign.end_date is None:
            return 0
        ref = CampaignRef(tenant_id=campaign.tenant_uuid, campaign_id=campaign.id)
        closed: list[MessageRef] = []
        after: Place | None = Place.at(campaign.end_date)
        while after is not None:
            page = await self.runs.close_behind_end(ref, after, datetime.now(UTC))
            closed += [MessageRef(tenant_id=ref.tenant_id, message_id=m) for m in page.closed]
            after = page.last
        await self.outreaches.cancel_each(closed)
        return len(closed)
