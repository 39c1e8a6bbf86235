"""Campaigns as the client library saves, finds and watches them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from madan_sara.activities.own_campaign import own_campaign
from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.contracts.errors import InvalidRequestError, NotFoundError
from madan_sara.contracts.reading import read
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.persistence.campaign_status import PostgresCampaignStatus
from madan_sara.persistence.campaigns import PostgresCampaignStore
from madan_sara.persistence.database import Database
from madan_sara.policy.campaign_days import campaign_day
from madan_sara.starter.campaign_status import CampaignStatusResult, campaign_status
from madan_sara.starter.requests import checked_campaign


@dataclass(frozen=True)
class ChosenCampaign:
    """The campaign a send goes by."""

    campaign: OutreachCampaign
    #: The caller's own, which is to be saved first; None: the saved one stands.
    unsaved: OutreachCampaign | None = None
    warnings: Sequence[str] = ()


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

    async def get(self, campaign_id: UUID) -> OutreachCampaign:
        """A saved campaign.

        Raises:
            NotFoundError: there is no such campaign.
        """
        campaign = await self._store.load(self._tenant_id, read(UUID, campaign_id, "campaign_id"))
        if campaign is None:
            raise NotFoundError.campaign(campaign_id)
        return campaign

    def checked(self, campaign: OutreachCampaign) -> OutreachCampaign:
        """A copy of a caller's campaign, free of contradictions.

        Raises:
            InvalidRequestError: its fields contradict each other, or it is another tenant's.
        """
        own = own_campaign(campaign, self._tenant_id)
        return checked_campaign(own, self._settings)

    async def save(self, campaign: OutreachCampaign) -> None:
        """Store a campaign as it is, its status included; a final status stays.

        Raises:
            InvalidRequestError: its fields contradict each other, or a limit is below
                what is held or spent already; nothing was stored.
        """
        now = datetime.now(UTC)
        own = self._resolved(self.checked(campaign))
        campaign.note_saved(await self._store.save(own, campaign_day(own, now), now))

    async def choose(self, given: OutreachCampaign | UUID) -> ChosenCampaign:
        """The campaign a send goes by.

        That is the saved one, unless there is none, or the caller has changed an object that
        was saved or loaded as the very version that is saved: what others have set meanwhile
        is never undone by a send.

        Args:
            given: a campaign, or the id of a saved one.

        Raises:
            InvalidRequestError: its fields contradict each other, or it is another
                tenant's.
            NotFoundError: there is no such campaign.
        """
        if isinstance(given, UUID):
            return ChosenCampaign(await self.get(given))
        if not isinstance(given, OutreachCampaign):
            raise InvalidRequestError(
                f"campaign: must be an OutreachCampaign or the UUID of a saved one, "
                f"not {type(given).__name__}"
            )
        own = self.checked(given)
        saved = await self._store.load(self._tenant_id, own.id)
        if saved is None:
            return ChosenCampaign(own, unsaved=given)
        differing = self._differing(given, own, saved)
        if not differing:
            return ChosenCampaign(saved)
        if given.saved_version == saved.saved_version:
            kept = own.model_copy(update={"status": saved.status})
            return ChosenCampaign(kept, unsaved=given)
        warning = (
            f"campaign: the saved one stands, which differs from the one given in "
            f"{', '.join(differing)}; to change it, save it (`save_campaign`, `madan-sara campaign "
            "save`)"
        )
        return ChosenCampaign(saved, warnings=[warning])

    async def save_chosen(self, chosen: ChosenCampaign) -> bool:
        """Store what a send has chosen, if it is to be saved and no other save was faster.

        Returns:
            Whether it was chosen rightly; else another was saved meanwhile.

        Raises:
            InvalidRequestError: a limit is below what is held or spent already.
        """
        if chosen.unsaved is None:
            return True
        now = datetime.now(UTC)
        own = self._resolved(chosen.campaign)
        version = await self._store.save_for_send(
            own, campaign_day(own, now), now, known_version=chosen.unsaved.saved_version
        )
        if version is not None:
            chosen.unsaved.note_saved(version)
        return version is not None

    async def status(self, campaign_id: UUID) -> CampaignStatusResult:
        """A campaign's budget, daily limit, pacing, counts and prospects.

        Raises:
            NotFoundError: there is no such campaign.
        """
        now = datetime.now(UTC)
        snapshot = await self._status.snapshot(
            self._tenant_id, read(UUID, campaign_id, "campaign_id"), now
        )
        return campaign_status(snapshot, now)

    def _differing(
        self, given: OutreachCampaign, own: OutreachCampaign, saved: OutreachCampaign
    ) -> list[str]:
        """The fields a caller has set otherwise than they are saved."""
        # Commands change the status; and what the caller leaves open is as it was saved.
        left_open = {"status", *({"start_date"} - given.model_fields_set)}
        if given.settings is None:
            left_open.add("settings")
        ours = self._resolved(own).model_dump(mode="json", exclude=left_open)
        theirs = saved.model_dump(mode="json", exclude=left_open)
        return [field for field, value in ours.items() if value != theirs[field]]

    def _resolved(self, campaign: OutreachCampaign) -> OutreachCampaign:
        settings = (campaign.settings or self._settings).with_all_prices()
        return campaign.model_copy(update={"settings": settings})
