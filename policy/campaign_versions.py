"""The saving of a stored campaign again: which change wins, and which conflicts."""

from dataclasses import dataclass
from typing import Final, NamedTuple, Self

from madan_sara.contracts.campaign import (
    FINAL_STATUSES,
    Campaign,
    CampaignStatus,
    OutreachCampaign,
    SavedAs,
)
from madan_sara.contracts.errors import CampaignConflictError, InvalidRequestError
from madan_sara.contracts.violations import listed
from madan_sara.policy.campaign_rules import new_violations

#: What a request leaves open where its writer has not set it.
_LEFT_OPEN: Final = frozenset({"start_date", "settings", "status"})


class StoredCampaign(NamedTuple):
    """A campaign as it is stored, and the number of changes of its configuration so far."""

    campaign: Campaign
    version: int


class CampaignChange(NamedTuple):
    """A save that was stored."""

    #: None: it was the first.
    before: Campaign | None
    now: StoredCampaign


@dataclass(frozen=True)
class GivenCampaign:
    """A caller's campaign at one instant: the object may be changed while it is being saved."""

    #: Complete.
    own: Campaign
    #: What its writer has not set.
    left_open: frozenset[str]
    #: What it was saved as or loaded from before; None: it never was.
    known: SavedAs | None = None

    @classmethod
    def of(cls, given: OutreachCampaign, own: Campaign) -> Self:
        """A campaign as its caller has it now.

        Args:
            given: the caller's object.
            own: the same, complete.
        """
        left_open = _LEFT_OPEN - given.model_fields_set
        if given.settings is None:
            left_open |= {"settings"}
        return cls(own, left_open, given.saved_as)

    @property
    def version(self) -> int | None:
        """Which version of the stored campaign it comes from; None: of none."""
        return None if self.known is None else self.known.version

    def completed_by(self, stored: Campaign) -> Campaign:
        """Its own, with what its writer has left open as it is stored.

        Raises:
            InvalidRequestError: what is stored there contradicts the rest.
        """
        stays = {field: getattr(stored, field) for field in self.left_open}
        complete = self.own.model_copy(update=stays)
        if complete == self.own:
            return complete
        violations = new_violations(stored, complete)
        if violations:
            raise InvalidRequestError(listed(f"campaign.{violation}" for violation in violations))
        return complete

    def saved_as(self, change: CampaignChange) -> SavedAs:
        """What its object is saved as, once its owner has saved it."""
        return SavedAs(
            self.own.tenant_uuid, self.own.id, change.now.version, status=self.own.status
        )

    def sent_as(self, change: CampaignChange) -> SavedAs:
        """The same once a send has: one that changes what is stored leaves the status unsaved."""
        saved = self.saved_as(change)
        if self.known is None or change.before is None:
            return saved
        return saved._replace(status=self.known.status)


def differing_fields(given: GivenCampaign, stored: Campaign) -> list[str]:
    """The fields a caller has set otherwise than they are stored; the status is none of them.

    Args:
        given: as the caller has it.
        stored: as it is stored.
    """
    ours = given.own.model_dump(mode="json", exclude={"status", *given.left_open})
    theirs = stored.model_dump(mode="json")
    return [field for field, value in ours.items() if value != theirs[field]]


def saved_over(given: GivenCampaign, stored: StoredCampaign) -> Campaign:
    """What a stored campaign becomes when its owner saves it.

    The owner's version wins where it comes from the stored one; what it leaves open stays.
    Otherwise what was stored meanwhile wins, an operator's limits for one. A status that was
    ordered meanwhile wins over one its owner has not touched.

    Args:
        given: as its owner has it.
        stored: as it is stored now.

    Raises:
        CampaignConflictError: both were changed.
        InvalidRequestError: its own contradicts what it leaves open.
    """
    is_known = given.version == stored.version
    conflicts = [] if is_known else differing_fields(given, stored.campaign)
    status = _status(given, stored.campaign.status)
    if status is None:
        conflicts.append("status")
    if conflicts or status is None:
        raise CampaignConflictError(given.own.id, conflicts)
    becomes = given.completed_by(stored.campaign) if is_known else stored.campaign
    return becomes.with_status(status)


def sent_over(given: GivenCampaign, stored: StoredCampaign) -> Campaign:
    """What a stored campaign becomes when a send brings a changed one; its status stays.

    Raises:
        CampaignConflictError: the caller does not know the stored version.
        InvalidRequestError: the caller's own contradicts what it leaves open.
    """
    if given.version != stored.version:
        raise CampaignConflictError(given.own.id, differing_fields(given, stored.campaign))
    return given.completed_by(stored.campaign).with_status(stored.campaign.status)


def _status(given: GivenCampaign, stored: CampaignStatus) -> CampaignStatus | None:
    """The status a campaign is saved with; None: its owner and a command want different ones."""
    wanted = given.own.status
    known = None if given.known is None else given.known.status
    is_untouched = wanted is known or (known is None and "status" in given.left_open)
    if stored in FINAL_STATUSES or is_untouched:
        return stored
    return wanted if known is stored or wanted is stored else None
