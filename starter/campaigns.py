"""Campaigns as the client library saves, finds and watches them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from madan_sara.activities.own_campaign import require_own
from madan_sara.contracts.campaign import Campaign, OutreachCampaign
from madan_sara.contracts.errors import (
    CampaignConflictError,
    InvalidRequestError,
    NotFoundError,
)
from madan_sara.contracts.reading import read, require
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.persistence.campaign_status import PostgresCampaignStatus
from madan_sara.persistence.campaigns import PostgresCampaignStore
from madan_sara.persistence.database import Database
from madan_sara.policy.campaign_versions import (
    CampaignChange,
    StoredCampaign,
    differing_fields,
    saved_over,
    sent_over,
)
from madan_sara.starter.campaign_status import CampaignStatusResult, campaign_status
from madan_sara.starter.requests import checked_campaign


@dataclass(frozen=True)
class ChosenCampaign:
    """The campaign a send goes by."""

    campaign: Campaign
    #: The caller's own, to be saved first; None: the saved one is used.
    unsaved: OutreachCampaign | None = None
    #: The change its saving made; None: it was not saved.
    change: CampaignChange | None = None
    warnings: Sequence[str] = ()


class Campaigns:
    """One tenant's campaigns.

    Args:
        database: where they are kept.
        tenant_id: their owner.
        settings: rules of campaigns that bring none of their own.
    """

    def __init__(self, database: Database, tenant_id: UUID, settings: OrchestratorSettings) -> None:
        self._store = PostgresCampaignStore(database)
        self._status = PostgresCampaignStatus(database)
        self._tenant_id = tenant_id
        self._settings = settings

    async def get(self, campaign_id: UUID) -> Campaign:
        """A saved campaign, by which messages are decided.

        Raises:
            NotFoundError: there is no such campaign.
        """
        return (await self._stored(campaign_id)).campaign

    async def request(self, campaign_id: UUID) -> OutreachCampaign:
        """A saved campaign, to be changed and saved again.

        Raises:
            NotFoundError: there is no such campaign.
        """
        stored = await self._stored(campaign_id)
        return OutreachCampaign.of(stored.campaign, stored.version)

    def checked(self, campaign: OutreachCampaign) -> Campaign:
        """A caller's campaign, complete and free of contradictions.

        Raises:
            InvalidRequestError: its fields contradict each other, or it is another tenant's.
        """
        given = require(OutreachCampaign, campaign, "campaign")
        require_own(given.tenant_uuid, self._tenant_id, "campaign.tenant_uuid")
        return checked_campaign(given, self._settings)

    async def save(self, campaign: OutreachCampaign) -> CampaignChange:
        """Store a campaign, its status included; a final status stays.

        Returns:
            The campaign as it was stored so far, and as it is stored now.

        Raises:
            CampaignConflictError: it was changed elsewhere since this object was saved or
                loaded; nothing was stored.
            InvalidRequestError: its fields contradict each other, or a limit is below
                what is held or spent already; nothing was stored.
        """
        own = self.checked(campaign)
        change = await self._store.save(
            own, datetime.now(UTC), over=lambda present: saved_over(campaign, own, present)
        )
        campaign.note_saved(change.now.version)
        return change

    async def choose(self, given: OutreachCampaign | UUID) -> ChosenCampaign:
        """The campaign a send goes by.

        That is the saved one, unless there is none, or the caller has changed an object that
        was saved or loaded as the very version that is saved: a send never undoes a change of
        another caller.

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
        differing = differing_fields(given, own, saved.campaign)
        if not differing:
            return ChosenCampaign(saved.campaign)
        if given.saved_version == saved.version:
            return ChosenCampaign(own.with_status(saved.campaign.status), unsaved=given)
        warning = (
            f"campaign: the saved one stands, which differs from the one given in "
            f"{', '.join(differing)}; to change it, load it (`get_campaign`), change that one and "
            "save it"
        )
        return ChosenCampaign(saved.campaign, warnings=[warning])

    async def save_chosen(self, chosen: ChosenCampaign) -> ChosenCampaign | None:
        """Save a send's campaign, if it is to be saved.

        Returns:
            The send's campaign, with a warning where one was made that the caller may not have
            meant; None: another was saved meanwhile, and the send has to choose again.

        Raises:
            InvalidRequestError: a limit is below what is held or spent already.
        """
        given, own = chosen.unsaved, chosen.campaign
        if given is None:
            return chosen
        is_new = given.saved_version is None
        try:
            change = await self._store.save(
                own, datetime.now(UTC), over=lambda present: sent_over(given, own, present)
            )
        except CampaignConflictError:
            return None
        given.note_saved(change.now.version)
        warnings = await self._namesakes(given) if is_new else []
        return replace(chosen, change=change, warnings=warnings)

    async def _namesakes(self, made: OutreachCampaign) -> list[str]:
        """A warning about a new campaign whose id was not written but made with the object."""
        if "id" in made.model_fields_set:
            return []
        other = await self._store.namesake(self.checked(made))
        if other is None:
            return []
        warning = (
            f"campaign: {made.id} is new beside {other}, which has the same name; to go on with "
            "one, send with its id, or write the id in the campaign"
        )
        return [warning]

    async def _stored(self, campaign_id: UUID) -> StoredCampaign:
        stored = await self._store.load(self._tenant_id, read(UUID, campaign_id, "campaign_id"))
        if stored is None:
            raise NotFoundError.campaign(campaign_id)
        return stored

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
