"""Campaigns as the client library saves, finds and watches them."""

from datetime import UTC, datetime
from uuid import UUID

from contracts.campaign import OutreachCampaign
from contracts.faults import InvalidRequestError
from contracts.settings import OrchestratorSettings
from persistence.campaign_status import PostgresCampaignStatus
from persistence.campaigns import PostgresCampaignStore
from persistence.database import Database
from policy.campaign_days import campaign_day
from starter.campaign_status import CampaignStatusResult, campaign_status
from starter.requests import checked_campaign


class Campaigns:
    """One tenant's campaigns.

    Args:
        database: where they are kept.
        tenant_id: whose they are.
        settings: rules of campaigns that bring none of their own.
    """

    def __init__(self, database: Database, tenant_id: UUID, settings: OrchestratorSettings) -> None:
        self._store = PostgresCampaignStore(database)
        self._status = PostgresCampaignStatus(database)
        self._tenant_id = tenant_id
        self._settings = settings
        #: Each campaign as a caller last had it saved here.
        self._seen: dict[UUID, str] = {}

    async def get(self, campaign_id: UUID) -> OutreachCampaign:
        """A saved campaign.

        Raises:
            LookupError: there is no such campaign.
        """
        campaign = await self._store.load(self._tenant_id, campaign_id)
        if campaign is None:
            raise LookupError(f"there is no campaign {campaign_id}")
        return campaign

    async def find(self, campaign: OutreachCampaign | UUID) -> OutreachCampaign:
        """The campaign itself, checked, or the saved one of that id.

        Raises:
            InvalidRequestError: its fields contradict each other, or it is another
                tenant's.
            LookupError: there is no such campaign.
        """
        if isinstance(campaign, OutreachCampaign):
            return self._own(campaign)
        if not isinstance(campaign, UUID):
            raise InvalidRequestError(
                f"campaign: must be an OutreachCampaign or the UUID of a saved one, "
                f"not {type(campaign).__name__}"
            )
        return await self.get(campaign)

    async def save(self, campaign: OutreachCampaign) -> None:
        """Store a campaign as it is, its status included; a final status stays.

        Raises:
            InvalidRequestError: its fields contradict each other, or a limit is below
                what is held or spent already; nothing was stored.
        """
        await self._save(self._own(campaign), keep_status=False)

    def is_changed(self, campaign: OutreachCampaign) -> bool:
        """Whether a caller's campaign was not saved here in this form yet."""
        return self._seen.get(campaign.id) != campaign.model_dump_json()

    async def save_changed(self, campaign: OutreachCampaign) -> None:
        """Store a caller's campaign; the status it is saved with stays."""
        await self._save(campaign, keep_status=True)

    async def standing(self, campaign_id: UUID) -> CampaignStatusResult:
        """A campaign's budget, daily limit, pacing, counts and prospects.

        Raises:
            LookupError: there is no such campaign.
        """
        now = datetime.now(UTC)
        snapshot = await self._status.snapshot(self._tenant_id, campaign_id, now)
        return campaign_status(snapshot, now)

    def _own(self, campaign: OutreachCampaign) -> OutreachCampaign:
        if campaign.tenant_uuid != self._tenant_id:
            raise InvalidRequestError(
                f"campaign.tenant_uuid: {campaign.tenant_uuid} is not this orchestrator's "
                f"tenant {self._tenant_id}"
            )
        return checked_campaign(campaign, self._settings)

    async def _save(self, campaign: OutreachCampaign, *, keep_status: bool) -> None:
        now = datetime.now(UTC)
        settings = (campaign.settings or self._settings).with_all_prices()
        resolved = campaign.model_copy(update={"settings": settings})
        today = campaign_day(campaign, now)
        await self._store.save(resolved, today, now, keep_status=keep_status)
        self._seen[campaign.id] = campaign.model_dump_json()
