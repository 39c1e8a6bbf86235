"""The owner of a message or a campaign: the one check between an id and what it names.

Functions that steer a workflow take an `OwnMessage` or an `OwnCampaign`. Only this module makes
them, so that a type checker refuses an id that was not looked up for the tenant.
"""

from typing import Final, NewType
from uuid import UUID

from madan_sara.contracts.campaign_run import CampaignRef
from madan_sara.contracts.errors import NotFoundError
from madan_sara.contracts.outreach import MessageRef
from madan_sara.contracts.reading import read
from madan_sara.persistence.database import Database, Query

#: A message that is stored as the tenant's.
OwnMessage = NewType("OwnMessage", MessageRef)
#: A campaign that is saved as the tenant's.
OwnCampaign = NewType("OwnCampaign", CampaignRef)

_MESSAGE: Final = Query("""
SELECT FROM messages WHERE tenant_id = :tenant_id AND message_id = :message_id
""")

_CAMPAIGN: Final = Query("""
SELECT FROM campaigns WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id
""")


class Ownership:
    """The messages and campaigns of one tenant.

    Args:
        database: where messages and campaigns are kept.
        tenant_id: the tenant.
    """

    def __init__(self, database: Database, tenant_id: UUID) -> None:
        self._database = database
        self._tenant_id = tenant_id

    async def message(self, message_id: UUID) -> OwnMessage:
        """A message of the tenant.

        Raises:
            InvalidRequestError: the id is no UUID.
            NotFoundError: there is none by that id, or it is another tenant's.
        """
        ref = self.named_message(message_id)
        if await self._database.fetch_one(_MESSAGE, dict(ref)) is None:
            raise NotFoundError.message(ref.message_id)
        return OwnMessage(ref)

    async def campaign(self, campaign_id: UUID) -> OwnCampaign:
        """A campaign of the tenant.

        Raises:
            InvalidRequestError: the id is no UUID.
            NotFoundError: there is none by that id, or it is another tenant's.
        """
        ref = self.named_campaign(campaign_id)
        if await self._database.fetch_one(_CAMPAIGN, dict(ref)) is None:
            raise NotFoundError.campaign(ref.campaign_id)
        return OwnCampaign(ref)

    def named_message(self, message_id: UUID) -> MessageRef:
        """A message by an id of any type, if it is the tenant's."""
        named = read(UUID, message_id, "message_id")
        return MessageRef(tenant_id=self._tenant_id, message_id=named)

    def named_campaign(self, campaign_id: UUID) -> CampaignRef:
        """A campaign by an id of any type, if it is the tenant's."""
        named = read(UUID, campaign_id, "campaign_id")
        return CampaignRef(tenant_id=self._tenant_id, campaign_id=named)


def stored_message(tenant_id: UUID, message_id: UUID) -> OwnMessage:
    """A message that was just stored, or found by its key, as the tenant's."""
    return OwnMessage(MessageRef(tenant_id=tenant_id, message_id=message_id))


def stored_campaign(tenant_id: UUID, campaign_id: UUID) -> OwnCampaign:
    """A campaign that was just read, saved or changed as the tenant's."""
    return OwnCampaign(CampaignRef(tenant_id=tenant_id, campaign_id=campaign_id))
