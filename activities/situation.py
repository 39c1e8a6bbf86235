"""The situation of an attempt for `policy/attempts.py`, from the facts a run has read."""

from datetime import UTC, datetime, timedelta

from madan_sara.activities.account_watch import AccountWatch
from madan_sara.activities.attempt_log import AttemptLog
from madan_sara.activities.attempt_store import Attempt
from madan_sara.activities.lease import LEASE
from madan_sara.activities.sender import SenderCapabilities
from madan_sara.contracts.campaign import CampaignStatus
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import DeliveryOutcome
from madan_sara.contracts.outreach import DeliverInput, DeliverResult
from madan_sara.contracts.settings import AmbiguityPolicy, OrchestratorSettings
from madan_sara.policy.attempts import MOST_LOST_CALLS, Obstacle, Recovery, Situation, patience_left


def settled_at(attempt: Attempt, capabilities: SenderCapabilities) -> datetime:
    """When a call is over, and a look-up finds it if the provider has taken it.

    It counts from the instant the call was given up. If the run is gone, that is not on record,
    but the call began within `LEASE`, and lasted no longer than its sender's longest.
    """
    over_at = attempt.given_up_at
    if over_at is None:
        called_at = attempt.called_at or datetime.min.replace(tzinfo=UTC)
        over_at = called_at + LEASE + capabilities.longest_call
    return over_at + capabilities.look_up_settles_after if capabilities.look_up else over_at


def recovery_of(
    capabilities: SenderCapabilities, settings: OrchestratorSettings, channel: Channel
) -> Recovery:
    """How a lost answer is recovered; a look-up comes before another call."""
    if capabilities.look_up:
        return Recovery.LOOK_UP
    if capabilities.idempotency_keys:
        return Recovery.KEYS
    policy = settings.ambiguity_policy(channel)
    return Recovery.RESEND if policy is AmbiguityPolicy.AT_LEAST_ONCE else Recovery.NONE


def patience_of(log: AttemptLog, request: DeliverInput, *, is_outage: bool) -> timedelta:
    """How much longer the message waits for its channel; none when it has waited enough.

    An outage is waited for longer where no channel is left, but not with a message that may
    be out: waiting would not show whether it is.
    """
    return patience_left(
        log.facts.request.settings,
        request.channel,
        log.waited,
        is_last=request.is_last_channel,
        is_outage=is_outage and not log.may_be_out,
    )


def situation_of(
    log: AttemptLog,
    account: AccountWatch,
    capabilities: SenderCapabilities,
    request: DeliverInput,
    obstacle: DeliverResult | None,
    now: datetime,
) -> Situation:
    """All that the next move depends on.

    Args:
        log: the attempt's record, as it was read.
        account: the account, likewise.
        capabilities: the provider's.
        request: the attempt.
        obstacle: the obstacle to the send, if any.
        now: the present.
    """
    settled = log.attempt is None or settled_at(log.attempt, capabilities) <= now
    return Situation(
        known=log.known,
        recovery=recovery_of(capabilities, log.facts.request.settings, request.channel),
        obstacle=_kind_of(obstacle, log, now),
        is_settled=settled,
        was_lost=log.was_lost,
        has_tries=not log.was_lost or log.tries < MOST_LOST_CALLS,
        is_account_down=account.is_down,
    )


def _kind_of(obstacle: DeliverResult | None, log: AttemptLog, now: datetime) -> Obstacle:
    if obstacle is not None:
        if obstacle.outcome is not DeliveryOutcome.NOT_DUE or obstacle.not_before is None:
            return Obstacle.FORBIDDEN
        # The end of its day is no obstacle to a message that may be out: its hold is kept.
        if not log.is_out or obstacle.not_before > now:
            return Obstacle.NOT_NOW
    paused = log.facts.request.campaign.status is CampaignStatus.PAUSED
    return Obstacle.PAUSED if paused else Obstacle.NONE
