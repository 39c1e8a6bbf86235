"""A campaign's corrected text, given to queued recipients."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.content import MessageContent
from madan_sara.contracts.recipient import STORED, RecipientProfile
from madan_sara.persistence.database import Database
from madan_sara.persistence.queued_texts import PostgresQueuedTexts, QueuedRecipient
from madan_sara.persistence.stored import read_stored
from madan_sara.policy.templates import check_content
from madan_sara.starter.digests import request_digest

#: Recipients read and changed at a time.
_AT_ONCE: Final = 1_000
#: Different violations that are reported.
_MOST_VIOLATIONS: Final = 5


@dataclass(frozen=True)
class TextsRenewed:
    """How many queued recipients have the campaign's present text, after it was saved."""

    #: They had another text, and get the present one.
    renewed: int = 0
    #: They keep their old text: the present one cannot be filled in for them.
    kept: int = 0
    #: Why not, each reason once; without a word about a recipient.
    violations: Sequence[str] = ()


@dataclass(frozen=True)
class SavedCampaign:
    """The changes that the saving of a campaign made to its messages."""

    texts: TextsRenewed = TextsRenewed()
    #: Sends planned after its end, which is earlier now; closed as `expired`.
    closed: int = 0


class QueuedTexts:
    """Gives the recipients a campaign has not started yet the text it has now.

    Args:
        database: where they are kept.
    """

    def __init__(self, database: Database) -> None:
        self._texts = PostgresQueuedTexts(database)

    async def renew(self, campaign: Campaign) -> TextsRenewed:
        """Give the new text to each recipient it can be filled in for.

        Interrupted, it is completed when the campaign is saved again.

        Args:
            campaign: as it was saved.
        """
        content = campaign.templates
        if content is None:
            return TextsRenewed()
        renewed = kept = 0
        violations: dict[str, None] = {}
        last: UUID | None = None
        while waiting := await self._texts.with_another(
            campaign, content, most=_AT_ONCE, after=last
        ):
            last = waiting[-1].message_id
            digests: dict[UUID, str] = {}
            for recipient in waiting:
                profile = read_stored(RecipientProfile, recipient.profile, context=STORED)
                if found := check_content(content, profile, campaign.channels):
                    kept += 1
                    violations |= dict.fromkeys(found)
                else:
                    digests[recipient.message_id] = _digest(campaign, recipient, profile, content)
            renewed += await self._texts.change(campaign, content, digests)
        return TextsRenewed(renewed, kept, tuple(violations)[:_MOST_VIOLATIONS])


def _digest(
    campaign: Campaign,
    recipient: QueuedRecipient,
    profile: RecipientProfile,
    content: MessageContent,
) -> str:
    return request_digest(
        campaign.id, recipient.recipient_id, profile, content.digest(), force_send=False
    )
