"""Campaigns on the session's servers."""

from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from temporalio.client import Client

from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.contracts.campaign_run import CampaignRef
from madan_sara.emulators.sandbox.provider import SandboxProvider
from madan_sara.persistence.campaign_runs import PostgresCampaignRuns
from madan_sara.persistence.database import Database
from madan_sara.persistence.ownership import Ownership
from madan_sara.starter.campaign_control import CampaignControl
from madan_sara.starter.campaign_runs import CampaignRuns
from madan_sara.starter.orchestrator import OutreachOrchestrator
from tests.audience import queue

Launch = Callable[..., Awaitable[CampaignControl]]


@pytest.fixture
def control(client: Client, database: Database) -> Callable[[OutreachCampaign], CampaignControl]:
    def of(campaign: OutreachCampaign) -> CampaignControl:
        ref = CampaignRef(tenant_id=campaign.tenant_uuid, campaign_id=campaign.id)
        ownership, runs = Ownership(database, ref.tenant_id), CampaignRuns(client)
        return CampaignControl(ref, ownership, PostgresCampaignRuns(database), runs)

    return of


@pytest.fixture
def launch(
    orchestrator: OutreachOrchestrator,
    database: Database,
    control: Callable[[OutreachCampaign], CampaignControl],
) -> Launch:
    """Save a campaign, queue so many people with a chat account, and start it."""

    async def launched(campaign: OutreachCampaign, people: int) -> CampaignControl:
        await orchestrator.save_campaign(campaign)
        await queue(database, campaign, crowd(campaign, people))
        await control(campaign).start()
        return control(campaign)

    return launched


def crowd(campaign: OutreachCampaign, people: int) -> list[dict[str, object]]:
    """People of one campaign only: no other ever writes to them."""
    return [
        {"id": f"{campaign.id}-{n}", "contact_info": {"user_id": f"{campaign.id}-{n}"}}
        for n in range(people)
    ]


@pytest.fixture
def messages_got(sandbox: SandboxProvider) -> Callable[[UUID], list[str]]:
    """The chat accounts of a campaign's people, one for each message the provider took."""

    def got(campaign_id: UUID) -> list[str]:
        return [r.to for r in sandbox.taken() if r.to.startswith(str(campaign_id))]

    return got
