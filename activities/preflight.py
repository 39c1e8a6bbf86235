"""Whether a message may still be handed over, checked just before it is."""

from datetime import datetime

from madan_sara.activities.attempt_store import DeliveryFacts
from madan_sara.contracts.campaign import CampaignStatus
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import DeliveryOutcome
from madan_sara.contracts.outreach import Block, DeliverResult, Details, ExitReason
from madan_sara.policy.campaign_days import campaign_day
from madan_sara.policy.send_time import is_allowed, next_allowed
from madan_sara.policy.zones import resolve_zone

#: Code of an attempt on a channel the person is suppressed on.
SUPPRESSED_ON_CHANNEL = "suppressed"


def find_obstacle(facts: DeliveryFacts, channel: Channel, now: datetime) -> DeliverResult | None:
    """The obstacle that has come up since the decision; None: the message may go.

    A paused campaign is no obstacle of this kind: the send waits for it.
    """
    return _withdrawn(facts, now) or _refused(facts, channel) or _not_due(facts, now)


def _withdrawn(facts: DeliveryFacts, now: datetime) -> DeliverResult | None:
    campaign = facts.request.campaign
    if campaign.status not in (CampaignStatus.ACTIVE, CampaignStatus.PAUSED):
        status = campaign.status.value
        return _block(ExitReason.CAMPAIGN_NOT_ACTIVE, {"campaign_status": status})
    for suppression in facts.suppressions:
        if suppression.channel is None:
            return _block(ExitReason.SUPPRESSED, {"suppression": suppression.reason})
    if campaign.end_date is not None and campaign.is_over(now):
        return _block(ExitReason.EXPIRED, {"end_date": campaign.end_date.isoformat()})
    return None


def _refused(facts: DeliveryFacts, channel: Channel) -> DeliverResult | None:
    if any(suppression.channel is channel for suppression in facts.suppressions):
        return DeliverResult(outcome=DeliveryOutcome.REFUSED, code=SUPPRESSED_ON_CHANNEL)
    return None


def _not_due(facts: DeliveryFacts, now: datetime) -> DeliverResult | None:
    """The allowed hours, or the day the money is held on, passed in the meantime."""
    request = facts.request
    zone = resolve_zone(request.campaign, request.settings, request.profile)[0]
    quiet_hours = request.settings.quiet_hours
    held_on = campaign_day(request.campaign, request.scheduled_at or now)
    if is_allowed(now, zone, quiet_hours) and held_on == campaign_day(request.campaign, now):
        return None
    allowed_at = next_allowed(now, zone, quiet_hours)
    return DeliverResult(outcome=DeliveryOutcome.NOT_DUE, not_before=allowed_at)


def _block(reason: ExitReason, details: Details) -> DeliverResult:
    return DeliverResult(
        outcome=DeliveryOutcome.WITHDRAWN, block=Block(reason=reason, details=details)
    )
