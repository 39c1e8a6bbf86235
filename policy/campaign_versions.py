"""The saving of a stored campaign again: which change wins, and which conflicts."""

from typing import Final, NamedTuple

from madan_sara.contracts.campaign import (
    FINAL_STATUSES,
    Campaign,
    CampaignStatus,
    OutreachCampaign,
)
from madan_sara.contracts.errors import CampaignConflictError

#: Fields a request leaves open where its writer has not set them.
_LEFT_OPEN: Final = ("start_date", "settings")


class StoredCampaign(NamedTuple):
    """A campaign as it is stored, and the number of changes of its configuration so far."""

    campaign: Campaign
    version: int


class CampaignChange(NamedTuple):
    """A save that was stored."""

    #: None: it was the first.
    before: Campaign | None
    now: StoredCampaign


def differing_fields(given: OutreachCampaign, own: Campaign, stored: Campaign) -> list[str]:
    """The fields a caller has changed from the stored ones, except the status.

    Args:
        given: as the caller has it.
        own: the same, complete.
        stored: as it is stored.
    """
    left_open = {field for field in _LEFT_OPEN if field not in given.model_fields_set}
    if given.settings is None:
        left_open.add("settings")
    ours = own.model_dump(mode="json", exclude={"status", *left_open})
    theirs = stored.model_dump(mode="json")
    return [field for field, value in ours.items() if value != theirs[field]]


def saved_over(given: OutreachCampaign, own: Campaign, stored: StoredCampaign) -> Campaign:
    """The new stored campaign when its owner saves it.

    The owner's version wins where it comes from the stored one. Otherwise a change stored
    meanwhile wins, an operator's limits for one. A status that was ordered meanwhile wins over
    one its owner has not changed.

    Args:
        given: as its owner has it.
        own: the same, complete.
        stored: as it is stored now.

    Raises:
        CampaignConflictError: both were changed.
    """
    is_known = given.saved_version == stored.version
    conflicts = [] if is_known else differing_fields(given, own, stored.campaign)
    status = _status(given, stored.campaign.status)
    if status is None:
        conflicts.append("status")
    if conflicts or status is None:
        raise CampaignConflictError(own.id, conflicts)
    return (own if is_known else stored.campaign).with_status(status)


def sent_over(given: OutreachCampaign, own: Campaign, stored: StoredCampaign) -> Campaign:
    """The new stored campaign when a send brings a changed one; its status stays.

    Raises:
        CampaignConflictError: the caller does not know the stored version.
    """
    if given.saved_version != stored.version:
        raise CampaignConflictError(own.id, differing_fields(given, own, stored.campaign))
    return own.with_status(stored.campaign.status)


def _status(given: OutreachCampaign, stored: CampaignStatus) -> CampaignStatus | None:
    """The status a campaign is saved with; None: its owner and a command want different ones."""
    known = given.saved_status
    is_untouched = given.status is known or (
        known is None and "status" not in given.model_fields_set
    )
    if stored in FINAL_STATUSES or is_untouched:
        return stored
    return given.status if known is stored or given.status is stored else None
