"""Outcomes in words: to which kind they belong, and why they are what they are."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from madan_sara.contracts.decision import RoutingReason, SendPlan, TimingReason
from madan_sara.contracts.delivery import AttemptState
from madan_sara.contracts.outreach import Details, ExitReason, OutreachState
from madan_sara.persistence.messages import AttemptRecord, MessageRecord


class Kind(StrEnum):
    """Kinds of outcomes; the value is the heading they are shown under."""

    SENT = "Sent at once"
    SENT_AFTER_TROUBLE = "Sent, after the first try had failed"
    UNKNOWN = "Perhaps sent: the answer was lost and nobody can be asked"
    ASLEEP = "Asleep until their time"
    BLOCKED = "Blocked by a rule"
    FAILED = "Failed: nobody could carry it"
    CANCELLED = "Cancelled"


_KINDS: Final = {
    OutreachState.UNKNOWN: Kind.UNKNOWN,
    OutreachState.SCHEDULED: Kind.ASLEEP,
    OutreachState.BLOCKED: Kind.BLOCKED,
    OutreachState.FAILED: Kind.FAILED,
    OutreachState.CANCELLED: Kind.CANCELLED,
}

_ROUTING: Final = {
    RoutingReason.USER_PREFERENCE: "the recipient prefers it",
    RoutingReason.CAMPAIGN_PRIORITY: "first in the campaign's priority",
    RoutingReason.PERFORMANCE: "best score, from how the recipient reacted so far",
    RoutingReason.BEST_PRACTICE: "best score by best practice",
}

_TIMING: Final = {
    TimingReason.IMMEDIATE: "when the campaign starts",
    TimingReason.CAMPAIGN_OPTIMAL: "the campaign's best time",
    TimingReason.BEST_PRACTICE: "the best time by best practice",
    TimingReason.REQUESTED: "rescheduled",
}


def kind_of(record: MessageRecord, *, answer_lost: bool) -> Kind:
    """The heading a message belongs under.

    Args:
        record: the message.
        answer_lost: whether a provider took it without saying so.
    """
    if record.state is not OutreachState.SENT:
        return _KINDS.get(record.state, Kind.UNKNOWN)
    calls = sum(attempt.calls for attempt in record.attempts)
    return Kind.SENT_AFTER_TROUBLE if calls > 1 or answer_lost else Kind.SENT


def why(record: MessageRecord, *, answer_lost: bool) -> str:
    """Why a message is where it is, in words.

    Args:
        record: the message.
        answer_lost: whether a provider took it without saying so.
    """
    match kind_of(record, answer_lost=answer_lost):
        case Kind.SENT:
            return _with_force(record, _routed(record))
        case Kind.SENT_AFTER_TROUBLE | Kind.UNKNOWN:
            story = [_attempt(attempt, answer_lost=answer_lost) for attempt in record.attempts]
            return "; then ".join(story)
        case Kind.ASLEEP if record.plan is not None:
            return _asleep(record.plan)
        case _:
            return _ended(record)


def _routed(record: MessageRecord) -> str:
    reason = record.routing and record.routing.reason
    return _ROUTING[reason] if reason else "no channel was chosen"


def _with_force(record: MessageRecord, words: str) -> str:
    return f"forced past the look-back window; {words}" if record.force_send else words


def _asleep(plan: SendPlan) -> str:
    if plan.scheduled_at is None:
        return "no time was found"
    local = plan.scheduled_at.astimezone(ZoneInfo(plan.zone))
    return f"until {local:%a %d %b %H:%M} {plan.zone}, {_TIMING[plan.reason]}"


def _attempt(attempt: AttemptRecord, *, answer_lost: bool) -> str:
    code = f" ({attempt.code})" if attempt.code else ""
    tries = f" at call {attempt.calls}" if attempt.calls > 1 else ""
    match attempt.state:
        case AttemptState.ACCEPTED if answer_lost:
            return f"{attempt.channel} took it, the answer was lost, the look-up found it"
        case AttemptState.ACCEPTED:
            return f"{attempt.channel} took it{tries}"
        case AttemptState.BOUNCED:
            return f"{attempt.channel} took it and bounced it later{code}"
        case AttemptState.REFUSED if attempt.calls > 1:
            return f"{attempt.channel} was given up after {attempt.calls} calls{code}"
        case AttemptState.UNKNOWN:
            return f"{attempt.channel} got it{tries} and did not confirm; not sent again"
        case _:
            return f"{attempt.channel} said no{code}"


def _ended(record: MessageRecord) -> str:
    words = _ENDS.get(record.reason) if record.reason else None
    return words(record.details) if words else f"{record.state} ({record.reason})"


def _duplicate(details: Details) -> str:
    if details.get("kind") == "near_duplicate":
        return f"duplicate: text {details['similarity']} like one the recipient got this week"
    return f"duplicate: this campaign has written within the last {details['lookback_hours']} hours"


def _frequency_cap(details: Details) -> str:
    sent, limit = details["messages_sent_today"], details["max_messages_per_day"]
    if details["period"] == "week":
        sent, limit = details["messages_sent_this_week"], details["max_messages_per_week"]
    return f"frequency cap: {sent} of {limit} messages a {details['period']}, all campaigns"


def _budget(details: Details) -> str:
    if not details:
        return "budget: nothing was left when their turn came"
    return (
        f"budget: costs {details['price']}, {details['remaining_budget']} left of "
        f"{details['limit']} for the {details['scope']}"
    )


def _per_channel(details: Details) -> str:
    """Channels by what stands against them, like `no contact: sms, email`."""
    channels: dict[str, list[str]] = {}
    for channel, obstacle in details.items():
        channels.setdefault(str(obstacle).replace("_", " "), []).append(channel)
    return "; ".join(f"{obstacle}: {', '.join(names)}" for obstacle, names in channels.items())


#: Reasons in words, from the figures kept with them.
_ENDS: Final[Mapping[ExitReason, Callable[[Details], str]]] = {
    ExitReason.DUPLICATE: _duplicate,
    ExitReason.FREQUENCY_CAP: _frequency_cap,
    ExitReason.BUDGET_EXCEEDED: _budget,
    ExitReason.DAILY_LIMIT: lambda d: (
        f"daily limit: {d['messages_sent_today']} of {d['daily_limit']} messages on {d['day']}"
    ),
    ExitReason.CAMPAIGN_NOT_ACTIVE: lambda d: f"the campaign is {d['campaign_status']}",
    ExitReason.SUPPRESSED: lambda d: f"suppressed: {d.get('suppression') or _per_channel(d)}",
    ExitReason.EXPIRED: lambda _: "expired: no allowed moment is left before the campaign ends",
    ExitReason.NO_VIABLE_CHANNEL: lambda d: f"no viable channel ({_per_channel(d)})",
    ExitReason.ALL_CHANNELS_FAILED: lambda d: f"every channel said no ({_per_channel(d)})",
    ExitReason.CANCELLED: lambda _: "withdrawn while it was asleep",
}
