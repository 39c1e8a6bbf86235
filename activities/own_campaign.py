"""Campaigns that a caller passes to the components."""

from enum import Enum
from typing import Final, Literal, TypeAlias
from uuid import UUID

from madan_sara.contracts.campaign import Campaign, resolved
from madan_sara.contracts.errors import InvalidRequestError


class _Everyone(Enum):
    EVERY_TENANT = "every tenant"


#: What a worker's components serve. No value a caller may pass by mistake means that.
EVERY_TENANT: Final = _Everyone.EVERY_TENANT
#: Whose campaigns a component decides for.
Tenants: TypeAlias = UUID | Literal[_Everyone.EVERY_TENANT]


def own_campaign(campaign: object, tenants: Tenants) -> Campaign:
    """A campaign of a caller's own tenant, complete.

    Args:
        campaign: as the caller has it.
        tenants: the caller's tenant; EVERY_TENANT: a component of a worker, which serves all.

    Raises:
        InvalidRequestError: it is no campaign, or another tenant's.
    """
    complete = resolved(campaign)
    require_own(complete.tenant_uuid, tenants, "campaign.tenant_uuid")
    return complete


def require_own(given: UUID, tenants: Tenants, field: str) -> None:
    """Refuse a request that names another tenant.

    Raises:
        InvalidRequestError: it does.
    """
    if tenants is not EVERY_TENANT and given != tenants:
        raise InvalidRequestError(f"{field}: {given} is not this orchestrator's tenant {tenants}")
