"""Reasons for a message's channel, time and price, or why it is not sent at all."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from typing_extensions import TypedDict

from madan_sara.contracts.campaign import Campaign, OutreachCampaign, resolved
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.decision import ChannelAssessment, RoutingDecision, SendPlan
from madan_sara.contracts.money import from_micros
from madan_sara.contracts.outreach import FINAL_STATES, Details, OutreachState
from madan_sara.contracts.records import AttemptRecord, Booking, BookingState
from madan_sara.contracts.settings import DEFAULT_PRICES
from madan_sara.contracts.words.choices import ROUTING, TIMING, USED_LATELY, ZONES, why_ruled_out
from madan_sara.contracts.words.ends import why_unsent
from madan_sara.contracts.words.progress import STATES, attempt_meaning
from madan_sara.policy.data import FACTOR_WEIGHTS
from madan_sara.starter.message_status import MessageStatus, at_local, local_iso


class ChannelDecision(TypedDict):
    """One channel of the campaign, assessed for this message."""

    channel: str
    #: `chosen`, `fallback 1`, `ruled out` or `not needed`.
    decision: str
    #: The reason it is ruled out, or a note on its score; in words.
    why: str | None
    #: The five factors, 0 to 1; None when ruled out.
    factors: dict[str, float] | None
    total: float | None
    has_evidence: bool
    local_hour: int | None


class Timing(TypedDict):
    """The send time and its reasons."""

    scheduled_at: datetime | None
    scheduled_at_local: str | None
    time_zone: str
    time_zone_is: str
    why: str
    moved: list[str]


class Money(TypedDict):
    """The message's price, and what was held, spent and given back."""

    price: Decimal | None
    why: str | None
    held: Decimal
    spent: Decimal
    given_back: Decimal


class AttemptLine(TypedDict):
    """One attempt, or one channel that could not be tried."""

    attempt_no: int
    channel: str
    provider: str | None
    outcome: str
    meaning: str
    code: str | None
    calls: int
    provider_message_id: str | None
    price: Decimal


class Unsent(TypedDict):
    """The rule that ended a message."""

    reason: str
    rule: str
    details: Details
    advice: str


class Explanation(TypedDict):
    """All about one message, but no address and no text of it."""

    message_id: str
    campaign_id: str
    campaign_name: str
    recipient_id: str
    state: str
    headline: str
    unsent: Unsent | None
    #: Advice for a message whose workflow is lost.
    way_on: str | None
    channel: str | None
    why_channel: str | None
    fallback_channels: list[str]
    channels: list[ChannelDecision]
    #: The weight of each factor in the total; they sum to 1.
    factor_weights: dict[str, float]
    timing: Timing | None
    money: Money
    attempts: list[AttemptLine]
    receipts: list[str]
    warnings: list[str]
    force_send: bool
    policy_version: str | None


def explain_message(
    status: MessageStatus, bookings: Sequence[Booking], campaign: OutreachCampaign | Campaign
) -> Explanation:
    """Explain one message.

    Args:
        status: its status in database and workflow.
        bookings: the money of its attempts.
        campaign: its campaign, for the price list.
    """
    record, routing = status.record, status.routing
    return Explanation(
        message_id=str(record.message_id),
        campaign_id=str(record.campaign_id),
        campaign_name=record.campaign_name,
        recipient_id=record.recipient_id,
        state=status.state.value,
        headline=_headline(status),
        unsent=_unsent(status),
        way_on=status.way_on,
        channel=status.channel,
        why_channel=_why_channel(status),
        fallback_channels=_channels_left(status),
        channels=[_decision(routing, a) for a in routing.assessments] if routing else [],
        factor_weights=dict(FACTOR_WEIGHTS),
        timing=_timing(status.plan) if status.plan else None,
        money=_money(status.channel, status.plan, bookings, campaign),
        attempts=list(_attempts(status, bookings)),
        receipts=list(record.events),
        warnings=list(record.warnings),
        force_send=record.force_send,
        policy_version=routing.policy_version if routing else None,
    )


def _headline(status: MessageStatus) -> str:
    """The whole story in one sentence."""
    sentence = f"The message {STATES[status.state]}"
    if status.lost:
        return f"{sentence} and goes no further: its workflow {status.lost}."
    if status.state is OutreachState.QUEUED and status.waits_for:
        return f"The message is queued; it waits for {status.waits_for}."
    if status.waits_for:
        return f"The message is due; waits for {status.waits_for}."
    on = f" on {status.channel}" if status.channel else ""
    match status.state:
        case OutreachState.SCHEDULED | OutreachState.SENDING:
            when = at_local(status.scheduled_at, status.time_zone)
            return f"{sentence}: it goes out{on}, {when}."
        case OutreachState.SENT | OutreachState.UNKNOWN:
            when = at_local(status.record.sent_at, status.time_zone)
            return f"{sentence}{on}, {when}."
        case OutreachState.QUEUED | OutreachState.DECIDING:
            return f"{sentence}."
    reason = status.reason and status.reason.value.replace("_", " ")
    because = f": {reason}" if reason and reason != status.state else ""
    return f"{sentence}{because}. Nothing was sent."


def _channels_left(status: MessageStatus) -> list[str]:
    """The channels that follow the planned one, while the message is on its way."""
    order = status.routing.channel_order() if status.routing else []
    if status.state in FINAL_STATES or status.channel not in order:
        return []
    return [channel.value for channel in order[order.index(status.channel) + 1 :]]


def _unsent(status: MessageStatus) -> Unsent | None:
    if status.reason is None or status.state not in FINAL_STATES:
        return None
    rule, advice = why_unsent(status.reason, status.details)
    advice = advice.replace("CAMPAIGN_ID", str(status.record.campaign_id))
    return Unsent(reason=status.reason.value, rule=rule, details=status.details, advice=advice)


def _why_channel(status: MessageStatus) -> str | None:
    """Why the first channel was chosen, and why it has changed, if it has."""
    routing = status.routing
    if routing is None or routing.channel is None or routing.reason is None:
        return None
    first = f"{routing.channel} was chosen because {ROUTING[routing.reason]}"
    if status.channel in (None, routing.channel):
        return f"{first}."
    return f"{first}; {status.channel} is its fallback, because an earlier channel did not work."


def _decision(routing: RoutingDecision, assessment: ChannelAssessment) -> ChannelDecision:
    channel = assessment.channel
    if assessment.ruled_out is not None:
        decision = "ruled out"
    elif channel is routing.channel:
        decision = "chosen"
    elif channel in routing.fallback_channels:
        decision = f"fallback {routing.fallback_channels.index(channel) + 1}"
    else:
        decision = "not needed"
    return ChannelDecision(
        channel=channel.value,
        decision=decision,
        why=_why(assessment),
        factors=assessment.factors.model_dump() if assessment.factors else None,
        total=assessment.total,
        has_evidence=assessment.has_evidence,
        local_hour=assessment.local_hour,
    )


def _why(assessment: ChannelAssessment) -> str | None:
    if assessment.ruled_out is not None:
        return why_ruled_out(assessment.ruled_out, assessment.detail)
    return None if assessment.safe else USED_LATELY


def _timing(plan: SendPlan) -> Timing:
    return Timing(
        scheduled_at=plan.scheduled_at,
        scheduled_at_local=local_iso(plan.scheduled_at, plan.zone),
        time_zone=plan.zone,
        time_zone_is=ZONES[plan.zone_source],
        why=TIMING[plan.reason],
        moved=list(plan.adjustments),
    )


def _money(
    channel: Channel | None,
    plan: SendPlan | None,
    bookings: Sequence[Booking],
    campaign: OutreachCampaign | Campaign,
) -> Money:
    def total(state: BookingState) -> Decimal:
        return from_micros(sum(b.amount_micros for b in bookings if b.state is state))

    own_prices = resolved(campaign).settings.prices
    if channel is None or not bookings:
        price, why = None, None
    else:
        price = from_micros(bookings[-1].amount_micros)
        own = own_prices.get(channel, DEFAULT_PRICES[channel]) != DEFAULT_PRICES[channel]
        source = "the campaign's price" if own else "the list price"
        why = f"{source} of one message on {channel}"
        if plan is not None and plan.channel is channel and plan.parts > 1:
            why = f"{plan.parts} segments, each at {source} of {price / plan.parts:f} on {channel}"
    return Money(
        price=price,
        why=why,
        held=total(BookingState.HELD),
        spent=total(BookingState.SPENT),
        given_back=total(BookingState.GIVEN_BACK),
    )


def _attempts(status: MessageStatus, bookings: Sequence[Booking]) -> Iterator[AttemptLine]:
    """The calls to providers, then channels not called at all, which only the workflow knows."""
    prices = {booking.attempt_no: booking.amount_micros for booking in bookings}
    calls = {(call.attempt_no, call.channel) for call in status.record.attempts}
    yield from (_call(call) for call in status.record.attempts)
    for noted in status.noted_attempts:
        if (noted.attempt_no, noted.channel) not in calls:
            yield AttemptLine(
                attempt_no=noted.attempt_no,
                channel=noted.channel.value,
                provider=None,
                outcome=noted.outcome,
                meaning=attempt_meaning(noted.outcome, noted.code),
                code=noted.code,
                calls=0,
                provider_message_id=None,
                price=from_micros(prices.get(noted.attempt_no, 0)),
            )


def _call(call: AttemptRecord) -> AttemptLine:
    return AttemptLine(
        attempt_no=call.attempt_no,
        channel=call.channel.value,
        provider=call.provider,
        outcome=call.state.value,
        meaning=attempt_meaning(call.state, call.code),
        code=call.code,
        calls=call.calls,
        provider_message_id=call.provider_message_id,
        price=from_micros(call.price_micros),
    )
