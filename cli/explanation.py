"""Why a message goes where, when and at what price, or why it does not go at all."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from typing_extensions import TypedDict

from madan_sara.cli import words
from madan_sara.cli.standing import Standing, at_local, local_iso
from madan_sara.contracts.campaign import Campaign, OutreachCampaign, resolved
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.decision import ChannelAssessment, RoutingDecision, SendPlan
from madan_sara.contracts.money import from_micros
from madan_sara.contracts.outreach import FINAL_STATES, Details, OutreachState
from madan_sara.contracts.settings import DEFAULT_PRICES
from madan_sara.persistence.bookings import Booking, BookingState
from madan_sara.persistence.intake import AttemptRecord


class ChannelVerdict(TypedDict):
    """One channel of the campaign, judged for this message."""

    channel: str
    #: `chosen`, `fallback 1`, `ruled out` or `not needed`.
    verdict: str
    #: Why it is ruled out, or what to know about its score; in words.
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
    """What the message costs, and what became of that money."""

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
    """Everything there is to say about one message; no address, no text of it."""

    message_id: str
    campaign_id: str
    campaign_name: str
    recipient_id: str
    state: str
    headline: str
    unsent: Unsent | None
    #: What can be done for a message whose workflow is lost.
    way_on: str | None
    channel: str | None
    why_channel: str | None
    fallback_channels: list[str]
    channels: list[ChannelVerdict]
    timing: Timing | None
    money: Money
    attempts: list[AttemptLine]
    receipts: list[str]
    warnings: list[str]
    force_send: bool
    policy_version: str | None


def explain_message(
    standing: Standing, bookings: Sequence[Booking], campaign: OutreachCampaign | Campaign
) -> Explanation:
    """Explain one message.

    Args:
        standing: what database and workflow know about it.
        bookings: the money of its attempts.
        campaign: its campaign, for the price list.
    """
    record, routing = standing.record, standing.routing
    return Explanation(
        message_id=str(record.message_id),
        campaign_id=str(record.campaign_id),
        campaign_name=record.campaign_name,
        recipient_id=record.recipient_id,
        state=standing.state.value,
        headline=_headline(standing),
        unsent=_unsent(standing),
        way_on=standing.way_on,
        channel=standing.channel,
        why_channel=_why_channel(standing),
        fallback_channels=_channels_left(standing),
        channels=[_verdict(routing, a) for a in routing.assessments] if routing else [],
        timing=_timing(standing.plan) if standing.plan else None,
        money=_money(standing.channel, standing.plan, bookings, campaign),
        attempts=list(_attempts(standing, bookings)),
        receipts=list(record.events),
        warnings=list(record.warnings),
        force_send=record.force_send,
        policy_version=routing.policy_version if routing else None,
    )


def _headline(standing: Standing) -> str:
    """The whole story in one sentence."""
    sentence = f"The message {words.STATES[standing.state]}"
    if standing.lost:
        return f"{sentence} and goes no further: its workflow {standing.lost}."
    if standing.waits_for:
        return f"The message is due; waits for {standing.waits_for}."
    on = f" on {standing.channel}" if standing.channel else ""
    match standing.state:
        case OutreachState.SCHEDULED | OutreachState.SENDING:
            when = at_local(standing.scheduled_at, standing.time_zone)
            return f"{sentence}: it goes out{on}, {when}."
        case OutreachState.SENT | OutreachState.UNKNOWN:
            when = at_local(standing.record.sent_at, standing.time_zone)
            return f"{sentence}{on}, {when}."
        case OutreachState.DECIDING:
            return f"{sentence}."
    reason = standing.reason and standing.reason.value.replace("_", " ")
    because = f": {reason}" if reason and reason != standing.state else ""
    return f"{sentence}{because}. Nothing was sent."


def _channels_left(standing: Standing) -> list[str]:
    """The channels that follow the planned one, while the message is on its way."""
    order = standing.routing.order() if standing.routing else []
    if standing.state in FINAL_STATES or standing.channel not in order:
        return []
    return [channel.value for channel in order[order.index(standing.channel) + 1 :]]


def _unsent(standing: Standing) -> Unsent | None:
    if standing.reason is None or standing.state not in FINAL_STATES:
        return None
    rule, advice = words.why_unsent(standing.reason, standing.details)
    advice = advice.replace("CAMPAIGN_ID", str(standing.record.campaign_id))
    return Unsent(reason=standing.reason.value, rule=rule, details=standing.details, advice=advice)


def _why_channel(standing: Standing) -> str | None:
    """Why the first channel was chosen, and why it is another one by now, if it is."""
    routing = standing.routing
    if routing is None or routing.channel is None or routing.reason is None:
        return None
    first = f"{routing.channel} was chosen because {words.ROUTING[routing.reason]}"
    if standing.channel in (None, routing.channel):
        return f"{first}."
    return f"{first}; {standing.channel} is its fallback, because an earlier channel did not work."


def _verdict(routing: RoutingDecision, assessment: ChannelAssessment) -> ChannelVerdict:
    channel = assessment.channel
    if assessment.ruled_out is not None:
        verdict = "ruled out"
    elif channel is routing.channel:
        verdict = "chosen"
    elif channel in routing.fallback_channels:
        verdict = f"fallback {routing.fallback_channels.index(channel) + 1}"
    else:
        verdict = "not needed"
    return ChannelVerdict(
        channel=channel.value,
        verdict=verdict,
        why=_why_verdict(assessment),
        factors=assessment.factors.model_dump() if assessment.factors else None,
        total=assessment.total,
        has_evidence=assessment.has_evidence,
        local_hour=assessment.local_hour,
    )


def _why_verdict(assessment: ChannelAssessment) -> str | None:
    if assessment.ruled_out is not None:
        short = words.RULED_OUT[assessment.ruled_out]
        return f"{short}: {assessment.detail}" if assessment.detail else short
    return None if assessment.safe else "used for this person lately, so others go first"


def _timing(plan: SendPlan) -> Timing:
    return Timing(
        scheduled_at=plan.scheduled_at,
        scheduled_at_local=local_iso(plan.scheduled_at, plan.zone),
        time_zone=plan.zone,
        time_zone_is=words.ZONES[plan.zone_source],
        why=words.TIMING[plan.reason],
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


def _attempts(standing: Standing, bookings: Sequence[Booking]) -> Iterator[AttemptLine]:
    """The calls to providers, then what only the workflow knows: channels not called at all."""
    prices = {booking.attempt_no: booking.amount_micros for booking in bookings}
    calls = {(call.attempt_no, call.channel) for call in standing.record.attempts}
    yield from (_call(call) for call in standing.record.attempts)
    for noted in standing.noted_attempts:
        if (noted.attempt_no, noted.channel) not in calls:
            yield AttemptLine(
                attempt_no=noted.attempt_no,
                channel=noted.channel.value,
                provider=None,
                outcome=noted.outcome,
                meaning=_meaning(noted.outcome, noted.code, called=False),
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
        meaning=_meaning(call.state, call.code, called=True),
        code=call.code,
        calls=call.calls,
        provider_message_id=call.provider_message_id,
        price=from_micros(call.price_micros),
    )


def _meaning(outcome: str, code: str | None, *, called: bool) -> str:
    own = words.CODES.get(code) if code else None
    if own:
        return own
    return words.ATTEMPTS.get(outcome, outcome) if called else outcome
