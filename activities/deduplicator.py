"""The right to contact a person: deduplication and frequency caps."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from temporalio import activity

from madan_sara.activities.own_campaign import Tenants, own_campaign
from madan_sara.activities.stores import Claim, ClaimDecision, ClaimStore, DecisionFacts
from madan_sara.contracts.base import ShortText
from madan_sara.contracts.campaign import (
    Campaign,
    CampaignStatus,
    OutreachCampaign,
)
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.content import RenderedMessage
from madan_sara.contracts.outreach import (
    Block,
    ClaimResult,
    DecideInput,
    ExitReason,
    ReopenInput,
    ReopenResult,
)
from madan_sara.contracts.reading import read, read_moment
from madan_sara.policy.frequency import (
    RecentClaim,
    decide_claim,
    find_duplicate,
    find_frequency_block,
    find_near_duplicate,
    safe_channels,
)
from madan_sara.policy.templates import TemplateError, comparable_text


class MessageDeduplicator:
    """Prevents duplicate messages and enforces frequency caps.

    Args:
        claims: the rights to contact people.
        tenants: whose campaigns it decides for a caller.
    """

    def __init__(self, claims: ClaimStore, *, tenants: Tenants) -> None:
        self._tenants = tenants
        self._claims = claims

    async def claim(self, request: DecideInput) -> Claim:
        """Take the right to contact the message's person, or learn what forbids it.

        Racing claims on a person are decided one after the other, so that no two can
        win where one may. Run again, it returns the first answer.
        """
        return await self._claims.claim(
            request.ref, request.now, lambda facts: _decide(facts, request)
        )

    @activity.defn
    async def reopen_claim(self, request: ReopenInput) -> ReopenResult:
        """Take the right up again for a message that bounced."""
        return await self._claims.reopen(request.ref)

    async def check_duplicate(
        self,
        campaign: OutreachCampaign | Campaign,
        recipient_id: str,
        *,
        texts: Sequence[str] = (),
        now: datetime | None = None,
    ) -> Block | None:
        """Whether a message to this person now would be a duplicate.

        Args:
            campaign: the campaign that would send.
            recipient_id: the person, by this id alone: addresses count with a message only.
            texts: the message's texts, to find near-duplicates across campaigns.
            now: the instant to decide at; the present unless given.

        Returns:
            The block with its figures, or None.

        Raises:
            InvalidRequestError: an argument is not what it should be; says what it wants.
        """
        complete = own_campaign(campaign, self._tenants)
        moment, said = read_moment(now, "now"), read(list[str], texts, "texts")
        recent = await self._recent(complete, recipient_id, moment)
        same_campaign = find_duplicate(complete.id, complete.settings, recent, moment)
        return same_campaign or find_near_duplicate(said, complete.settings, recent, moment)[0]

    async def apply_frequency_cap(
        self,
        campaign: OutreachCampaign | Campaign,
        recipient_id: str,
        *,
        now: datetime | None = None,
    ) -> Block | None:
        """Whether the daily or weekly cap forbids another message to this person."""
        complete, moment = own_campaign(campaign, self._tenants), read_moment(now, "now")
        recent = await self._recent(complete, recipient_id, moment)
        return find_frequency_block(complete.settings, recent, moment)

    async def get_safe_channels(
        self,
        campaign: OutreachCampaign | Campaign,
        recipient_id: str,
        *,
        now: datetime | None = None,
    ) -> list[Channel]:
        """The campaign's channels without a message to this person inside the look-back window."""
        complete, moment = own_campaign(campaign, self._tenants), read_moment(now, "now")
        recent = await self._recent(complete, recipient_id, moment)
        return safe_channels(complete.channels, recent, complete.settings, moment)

    async def _recent(
        self, campaign: Campaign, recipient_id: str, now: datetime
    ) -> Sequence[RecentClaim]:
        settings = campaign.settings
        # A request keeps its recipient's id without the space around it.
        recipient = read(ShortText, recipient_id, "recipient_id")
        widest = max(
            timedelta(days=7),
            timedelta(hours=settings.dedup_lookback_hours),
            timedelta(days=settings.near_duplicate_days),
        )
        return await self._claims.recent_claims(campaign.tenant_uuid, recipient, now - widest)


def _decide(facts: DecisionFacts, claim: DecideInput) -> ClaimDecision:
    """The decision on a claim, and the texts it will be remembered by."""
    request = facts.request
    paused = request.campaign.status is CampaignStatus.PAUSED and claim.is_recipient_of_campaign
    if request.campaign.status is not CampaignStatus.ACTIVE and not paused:
        details = {"campaign_status": request.campaign.status.value}
        return _blocked(ExitReason.CAMPAIGN_NOT_ACTIVE, details)
    for suppression in facts.suppressions:
        if suppression.channel is None:
            return _blocked(ExitReason.SUPPRESSED, {"suppression": suppression.reason})
    texts = _texts(facts)
    result = decide_claim(
        campaign_id=request.campaign.id,
        texts=texts,
        settings=request.settings,
        recent=facts.recent,
        now=claim.now,
        force=request.force_send,
    )
    return ClaimDecision(result=result, texts=texts)


def _blocked(reason: ExitReason, details: dict[str, str]) -> ClaimDecision:
    return ClaimDecision(ClaimResult(block=Block(reason=reason, details=dict(details))))


def _texts(facts: DecisionFacts) -> list[str]:
    """The message's texts on all channels it may go by."""
    request = facts.request
    messages: dict[RenderedMessage, None] = {}
    for channel in request.campaign.channels:
        if request.profile.contact_info.address_for(channel) is None:
            continue
        # A template that fails is no text of this message; routing rules its channel out.
        with suppress(TemplateError):
            message = request.rendered.on(channel)
            if message is not None:
                messages[message] = None
    return list(dict.fromkeys(map(comparable_text, messages)))
