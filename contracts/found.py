"""Campaigns and messages as entries of a list: no profile, no address, no text."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from madan_sara.contracts.base import ShortText
from madan_sara.contracts.campaign import CampaignStatus
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.outreach import Details, ExitReason, OutreachState


@dataclass(frozen=True)
class FoundCampaign:
    """One campaign of a list."""

    campaign_id: UUID
    name: str
    status: CampaignStatus
    created_at: datetime
    #: Messages by state; states without a message are left out.
    by_state: dict[str, int]


@dataclass(frozen=True)
class FoundMessage:
    """One message of a list; no profile, no text."""

    message_id: UUID
    campaign_id: UUID
    campaign_name: str
    recipient_id: str
    state: OutreachState
    reason: ExitReason | None
    details: Details
    channel: Channel | None
    created_at: datetime
    scheduled_at: datetime | None
    sent_at: datetime | None


@dataclass(frozen=True)
class MessageFilter:
    """The messages to look for; None: any."""

    state: OutreachState | None = None
    reason: ExitReason | None = None
    channel: Channel | None = None
    recipient_id: ShortText | None = None
