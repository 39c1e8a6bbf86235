"""Outcomes in words: their kinds, and their reasons."""

from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from madan_sara.contracts.decision import SendPlan
from madan_sara.contracts.delivery import AttemptState
from madan_sara.contracts.outreach import OutreachState
from madan_sara.contracts.records import AttemptRecord, MessageRecord
from madan_sara.contracts.words.choices import ROUTING, TIMING
from madan_sara.contracts.words.ends import why_unsent
from madan_sara.contracts.words.progress import attempt_meaning


class Kind(StrEnum):
    """Kinds of outcomes; the value is the heading they are shown under."""

    SENT = "Sent at once"
    SENT_AFTER_TROUBLE = "Sent, after the first try had failed"
    UNKNOWN = "Perhaps sent: the answer was lost and cannot be found out"
    ASLEEP = "Asleep until their time"
    BLOCKED = "Blocked by a rule"
    FAILED = "Failed: no channel could carry it"
    CANCELLED = "Cancelled"


_KINDS: Final = {
    OutreachState.UNKNOWN: Kind.UNKNOWN,
    OutreachState.SCHEDULED: Kind.ASLEEP,
    OutreachState.BLOCKED: Kind.BLOCKED,
    OutreachState.FAILED: Kind.FAILED,
    OutreachState.CANCELLED: Kind.CANCELLED,
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
    return ROUTING[reason] if reason else "no channel was chosen"


def _with_force(record: MessageRecord, reason: str) -> str:
    return f"forced past the look-back window; {reason}" if record.force_send else reason


def _asleep(plan: SendPlan) -> str:
    if plan.scheduled_at is None:
        return "no time was found"
    local = plan.scheduled_at.astimezone(ZoneInfo(plan.zone))
    return f"until {local:%a %d %b %H:%M} {plan.zone}, {TIMING[plan.reason]}"


def _attempt(attempt: AttemptRecord, *, answer_lost: bool) -> str:
    code = f" ({attempt.code})" if attempt.code else ""
    calls = f" at call {attempt.calls}" if attempt.calls > 1 else ""
    meaning = attempt_meaning(attempt.state, attempt.code)
    if answer_lost and attempt.state is AttemptState.ACCEPTED:
        meaning += "; its answer was lost, and the look-up found it"
    return f"{attempt.channel}{calls}: {meaning}{code}"


def _ended(record: MessageRecord) -> str:
    if record.reason is None:
        return record.state.value
    return why_unsent(record.reason, record.details)[0]
