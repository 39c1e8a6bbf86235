"""The choice of a channel for one message."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from madan_sara.activities.own_campaign import Tenants, own_campaign
from madan_sara.activities.stores import DecisionFacts
from madan_sara.contracts.campaign import Campaign, OutreachCampaign
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.content import MessageContent
from madan_sara.contracts.decision import RoutingDecision
from madan_sara.contracts.reading import read, read_moment
from madan_sara.contracts.recipient import RecipientProfile
from madan_sara.policy.frequency import recent_channels
from madan_sara.policy.routing import RoutingFacts, route
from madan_sara.policy.templates import RenderedMessages


class ChannelRouter:
    """Decides which channel carries a message, and which follow if it fails.

    Args:
        text_limits: channels with a provider, and the longest text it takes
            (characters; None: no limit).
        tenants: whose campaigns it decides for a caller.
    """

    def __init__(self, text_limits: Mapping[Channel, int | None], *, tenants: Tenants) -> None:
        self._tenants = tenants
        self._text_limits = text_limits

    def route_stored(self, facts: DecisionFacts, now: datetime) -> RoutingDecision:
        """Choose the channels of a stored message."""
        return route(self._routing_facts(facts, now), now=now)

    def route_message(
        self,
        campaign: OutreachCampaign | Campaign,
        profile: RecipientProfile | Mapping[str, Any],
        content: MessageContent | Mapping[str, Any],
        *,
        now: datetime | None = None,
    ) -> Channel | None:
        """The optimal channel for a person, or None when none can reach them."""
        return self.route_with_fallback(campaign, profile, content, now=now).channel

    def route_with_fallback(
        self,
        campaign: OutreachCampaign | Campaign,
        profile: RecipientProfile | Mapping[str, Any],
        content: MessageContent | Mapping[str, Any],
        *,
        now: datetime | None = None,
    ) -> RoutingDecision:
        """The optimal channel, its fallbacks, and how each channel was assessed.

        Raises:
            InvalidRequestError: an argument is not what it should be; says what it wants.
        """
        text = read(MessageContent, content, "content")
        complete = own_campaign(campaign, self._tenants)
        facts = RoutingFacts(
            campaign=complete,
            settings=complete.settings,
            rendered=RenderedMessages(text, read(RecipientProfile, profile, "profile")),
            text_limits=self._text_limits,
        )
        return route(facts, now=read_moment(now, "now"))

    def _routing_facts(self, facts: DecisionFacts, now: datetime) -> RoutingFacts:
        request = facts.request
        return RoutingFacts(
            campaign=request.campaign,
            settings=request.settings,
            rendered=request.rendered,
            recent_channels=recent_channels(facts.recent, request.settings, now),
            suppressed={s.channel: s.reason for s in facts.suppressions if s.channel},
            engagement=facts.engagement,
            text_limits=self._text_limits,
            force=request.force_send,
        )
