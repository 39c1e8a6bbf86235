"""What the Web UI shows workflows by, and finds them by."""

from typing import Final, TypedDict
from uuid import UUID

from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from contracts.campaign import OutreachCampaign
from contracts.naming import (
    CAMPAIGN_ATTRIBUTE,
    STATE_ATTRIBUTE,
    TENANT_ATTRIBUTE,
    UNDER_WAY_STATE,
)

_TENANT: Final = SearchAttributeKey.for_keyword(TENANT_ATTRIBUTE)
_CAMPAIGN: Final = SearchAttributeKey.for_keyword(CAMPAIGN_ATTRIBUTE)
_STATE: Final = SearchAttributeKey.for_keyword(STATE_ATTRIBUTE)


class Shown(TypedDict):
    """What the Web UI shows a workflow by, and finds it by."""

    static_summary: str
    search_attributes: TypedSearchAttributes


def shown(tenant_id: UUID, campaign: OutreachCampaign) -> Shown:
    """How a campaign's workflow is shown and found."""
    return Shown(
        static_summary=f"{campaign.name} ({campaign.campaign_type})",
        search_attributes=TypedSearchAttributes(
            [
                SearchAttributePair(_TENANT, str(tenant_id)),
                SearchAttributePair(_CAMPAIGN, str(campaign.id)),
            ]
        ),
    )


def shown_outreach(tenant_id: UUID, campaign: OutreachCampaign) -> Shown:
    """How the workflow of a campaign's message is shown and found, until its end is known."""
    of_campaign = shown(tenant_id, campaign)
    under_way = SearchAttributePair(_STATE, UNDER_WAY_STATE)
    attributes = of_campaign["search_attributes"].updated(under_way)
    return Shown(static_summary=of_campaign["static_summary"], search_attributes=attributes)
