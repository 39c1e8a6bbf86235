"""Names of workflows in the Web UI, and the attributes it finds them by."""

from typing import Final, TypedDict
from uuid import UUID

from pydantic_core import to_json
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.naming import (
    CAMPAIGN_ATTRIBUTE,
    STATE_ATTRIBUTE,
    TENANT_ATTRIBUTE,
    UNDER_WAY_STATE,
)

_TENANT: Final = SearchAttributeKey.for_keyword(TENANT_ATTRIBUTE)
_CAMPAIGN: Final = SearchAttributeKey.for_keyword(CAMPAIGN_ATTRIBUTE)
_STATE: Final = SearchAttributeKey.for_keyword(STATE_ATTRIBUTE)

#: A server may refuse a summary of more than 400 bytes (`limit.userMetadataSummarySize`), of
#: which the payload's encoding takes 27 and a codec may take more. Server 1.32 starts a workflow
#: with a longer one; by the API, no client may count on that.
#: https://github.com/temporalio/api/blob/master/temporal/api/sdk/v1/user_metadata.proto
_LONGEST_SUMMARY_BYTES: Final = 300


class Shown(TypedDict):
    """A workflow's names in the Web UI, and the attributes it is found by."""

    static_summary: str
    search_attributes: TypedSearchAttributes


def shown(tenant_id: UUID, campaign: Campaign) -> Shown:
    """How a campaign's workflow is shown and found."""
    return Shown(
        static_summary=_summary(f"{campaign.name} ({campaign.campaign_type})"),
        search_attributes=TypedSearchAttributes(
            [
                SearchAttributePair(_TENANT, str(tenant_id)),
                SearchAttributePair(_CAMPAIGN, str(campaign.id)),
            ]
        ),
    )


def shown_outreach(tenant_id: UUID, campaign: Campaign) -> Shown:
    """How the workflow of a campaign's message is shown and found, until its end is known."""
    of_campaign = shown(tenant_id, campaign)
    under_way = SearchAttributePair(_STATE, UNDER_WAY_STATE)
    attributes = of_campaign["search_attributes"].updated(under_way)
    return Shown(static_summary=of_campaign["static_summary"], search_attributes=attributes)


def _summary(text: str) -> str:
    """A summary as long as the server takes; it counts the bytes of its JSON."""
    kept = text
    while len(to_json(kept)) > _LONGEST_SUMMARY_BYTES:
        text = text[:-1]
        kept = f"{text}..."
    return kept
