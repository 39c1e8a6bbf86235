"""Campaigns that a caller passes to the components."""

from uuid import UUID

from madan_sara.contracts.campaign import Campaign, resolved
from madan_sara.contracts.errors import InvalidRequestError


def own_campaign(campaign: object, tenant_id: UUID | None) -> Campaign:
    """A campaign of a caller's own tenant, complete.

    Args:
        campaign: as the caller has it.
        tenant_id: the tenant; None: a component of a worker, which serves all of them.

    Raises:
        InvalidRequestError: it is no campaign, or another tenant's.
    """
    complete = resolved(campaign)
    require_own(complete.tenant_uuid, tenant_id, "campaign.tenant_uuid")
    return complete


def require_own(given: UUID, tenant_id: UUID | None, field: str) -> None:
    """Refuse a request that names another tenant.

    Raises:
        InvalidRequestError: it does.
    """
    if tenant_id is not None and given != tenant_id:
        raise InvalidRequestError(f"{field}: {given} is not this orchestrator's tenant {tenant_id}")
