"""The channel of a message, and its fallbacks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.content import RenderedMessage
from madan_sara.contracts.decision import (
    ChannelAssessment,
    RoutingDecision,
    RoutingReason,
    RuledOut,
)
from madan_sara.contracts.recipient import RecipientProfile
from madan_sara.contracts.settings import ChannelDeduplication, OrchestratorSettings
from madan_sara.policy.data import POLICY_VERSION
from madan_sara.policy.selector import ChannelSelector, Engagement, best_first
from madan_sara.policy.send_time import plan_send_time
from madan_sara.policy.templates import RenderedMessages, TemplateError
from madan_sara.policy.text_length import encoded_length, length_unit

_SELECTOR: Final = ChannelSelector()


@dataclass(frozen=True)
class RoutingFacts:
    """All that the choice of a channel depends on, except the time."""

    campaign: Campaign
    settings: OrchestratorSettings
    #: The recipient's profile and the message's texts.
    rendered: RenderedMessages
    #: The person's last message inside the look-back window, by channel.
    recent_channels: Mapping[Channel, datetime] = field(default_factory=dict)
    #: Channels the person must not be contacted on, with the reason.
    suppressed: Mapping[Channel, str] = field(default_factory=dict)
    #: The person's reactions by our own count, added to the profile's history.
    engagement: Mapping[Channel, Engagement] = field(default_factory=dict)
    #: Channels with a provider, and the characters it takes; None: no limit of its own.
    text_limits: Mapping[Channel, int | None] = field(kw_only=True)
    force: bool = False

    @property
    def profile(self) -> RecipientProfile:
        """The recipient's profile."""
        return self.rendered.profile

    def engagement_on(self, channel: Channel) -> Engagement | None:
        """The person's reactions on a channel, reported and counted, if there are any."""
        reported = self.profile.engagement_history.get(channel)
        counted = self.engagement.get(channel, Engagement(0, 0, 0, 0))
        known = Engagement.from_history(reported) + counted if reported else counted
        return known if known.messages > 0 else None

    def deduplicates(self, mode: ChannelDeduplication) -> bool:
        """Whether this treatment of recently used channels applies."""
        return not self.force and self.settings.channel_deduplication is mode


def route(facts: RoutingFacts, *, now: datetime) -> RoutingDecision:
    """Choose the channel of a message and its fallbacks.

    The first rule that names a candidate decides: the recipient's preference, the
    campaign's priority, the best score with engagement data, the best score without.
    Fallbacks follow by score. Where recently used channels are to be avoided, they are
    candidates only if there is no other, and fallbacks only after all others.

    Args:
        facts: everything known about the message.
        now: the present; send times are planned from it.
    """
    channels = dict.fromkeys(facts.campaign.channels)
    assessments = [_assess(facts, channel, now) for channel in channels]
    viable = [assessment for assessment in assessments if assessment.ruled_out is None]
    prefers_safe = facts.deduplicates(ChannelDeduplication.PREFER)
    safe = [assessment for assessment in viable if assessment.safe]
    chosen, reason = _choose(facts, safe if prefers_safe and safe else viable)
    others = sorted(
        (assessment for assessment in viable if assessment.channel is not chosen),
        key=lambda other: (prefers_safe and not other.safe, _by_score(other)),
    )
    return RoutingDecision(
        channel=chosen,
        fallback_channels=[
            other.channel for other in others[: facts.settings.max_fallback_attempts - 1]
        ],
        reason=reason,
        assessments=assessments,
        policy_version=POLICY_VERSION,
    )


def _choose(
    facts: RoutingFacts, candidates: Sequence[ChannelAssessment]
) -> tuple[Channel | None, RoutingReason | None]:
    open_to = {candidate.channel for candidate in candidates}
    preferred = facts.profile.preferences.preferred_channel
    if preferred in open_to:
        return preferred, RoutingReason.USER_PREFERENCE
    for channel in facts.campaign.priority_for(facts.profile.customer_type):
        if channel in open_to:
            return channel, RoutingReason.CAMPAIGN_PRIORITY
    best = _SELECTOR.select_channel(candidates)
    if best is None:
        return None, None
    if any(candidate.has_evidence for candidate in candidates):
        return best, RoutingReason.PERFORMANCE
    return best, RoutingReason.BEST_PRACTICE


def _by_score(assessment: ChannelAssessment) -> tuple[float, int]:
    return best_first(assessment.channel, assessment.total or 0.0)


def _assess(facts: RoutingFacts, channel: Channel, now: datetime) -> ChannelAssessment:
    obstacle = _obstacle(facts, channel)
    if obstacle is not None:
        return _ruled_out(facts, channel, *obstacle)
    plan = plan_send_time(
        facts.campaign, facts.settings, facts.profile, channel, now=now, force=facts.force
    )
    if plan.scheduled_at is None:
        detail = "no allowed moment is left before the campaign ends"
        return _ruled_out(facts, channel, RuledOut.NO_SEND_TIME, detail)
    return _scored(facts, channel, plan.scheduled_at.astimezone(ZoneInfo(plan.zone)).hour)


def _ruled_out(
    facts: RoutingFacts, channel: Channel, ruled_out: RuledOut, detail: str
) -> ChannelAssessment:
    return ChannelAssessment(
        channel=channel,
        ruled_out=ruled_out,
        detail=detail,
        has_evidence=facts.engagement_on(channel) is not None,
        last_used_at=facts.recent_channels.get(channel),
    )


def _scored(facts: RoutingFacts, channel: Channel, local_hour: int) -> ChannelAssessment:
    engagement = facts.engagement_on(channel)
    factors, total = _SELECTOR.score(
        channel,
        customer_type=facts.profile.customer_type,
        device=facts.profile.device_preference,
        urgency=facts.campaign.urgency,
        local_hour=local_hour,
        engagement=engagement,
    )
    return ChannelAssessment(
        channel=channel,
        factors=factors,
        total=total,
        has_evidence=engagement is not None,
        last_used_at=facts.recent_channels.get(channel),
        local_hour=local_hour,
    )


def _obstacle(facts: RoutingFacts, channel: Channel) -> tuple[RuledOut, str] | None:
    """The reason that rules a channel out at any time, in words without personal data."""
    if facts.profile.contact_info.address_for(channel) is None:
        return RuledOut.NO_CONTACT, f"the recipient has no address for {channel}"
    try:
        rendered = facts.rendered.on(channel)
    except TemplateError as error:
        return RuledOut.NO_CONTENT, f"its content cannot be filled in: {error}"
    if rendered is None:
        return RuledOut.NO_CONTENT, f"there is neither {channel} content nor a default"
    if channel not in facts.text_limits:
        return RuledOut.NO_PROVIDER, f"no provider is configured for {channel}"
    if channel in facts.suppressed:
        reason = facts.suppressed[channel]
        return RuledOut.SUPPRESSED, f"the recipient must not be contacted on it: {reason}"
    return _too_long(channel, rendered, facts.text_limits[channel]) or _recently_messaged(
        facts, channel
    )


def _too_long(
    channel: Channel, rendered: RenderedMessage, limit: int | None
) -> tuple[RuledOut, str] | None:
    length = max(encoded_length(channel, part) for part in (rendered.text, rendered.html or ""))
    if limit is None or length <= limit:
        return None
    unit = length_unit(channel)
    return RuledOut.TOO_LONG, f"the text has {length} {unit}, the provider takes {limit}"


def _recently_messaged(facts: RoutingFacts, channel: Channel) -> tuple[RuledOut, str] | None:
    used = channel in facts.recent_channels
    if not used or not facts.deduplicates(ChannelDeduplication.STRICT):
        return None
    hours = facts.settings.dedup_lookback_hours
    return RuledOut.RECENTLY_MESSAGED, f"it was used for the recipient in the last {hours} hours"
