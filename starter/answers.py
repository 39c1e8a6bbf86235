"""The shapes the client library answers with, as the guide writes them."""

from collections.abc import Sequence
from typing import Any, Final, cast
from uuid import UUID

from typing_extensions import TypedDict

from madan_sara.contracts.outreach import UNSENT_STATES, DecisionAnswer, OutreachState
from madan_sara.contracts.records import MessageRecord
from madan_sara.policy.text_warnings import segment_warnings

_LOST: Final = (
    "recipients: {lost:,} of {total:,} are still `deciding`: their workflows were ended from "
    "outside; cancel those messages, then send them again"
)


class SendResult(TypedDict):
    """Answer to `send_outreach`; instants and ids are strings."""

    status: str
    message_id: str
    channel: str | None
    scheduled_at: str | None
    fallback_channels: list[str]
    routing_reason: str | None
    reason: str | None
    details: dict[str, Any]
    warnings: list[str]


class BatchItem(TypedDict):
    """One recipient of a batch."""

    recipient_id: str
    message_id: str
    status: str
    channel: str | None
    reason: str | None


class BatchResult(TypedDict):
    """Answer to `send_batch`; of a long list, how many its campaign will carry."""

    total: int
    scheduled: int
    blocked: int
    failed: int
    details: list[BatchItem]
    #: Put into the campaign's queue; 0 for a list that was answered one by one.
    queued: int
    #: The workflow that carries them; None for a list that was answered one by one.
    campaign_workflow_id: str | None
    #: Such as a saved campaign that differs from the one given.
    warnings: list[str]


def send_result(answer: DecisionAnswer, warnings: Sequence[str] = ()) -> SendResult:
    """A decision in the guide's shape, with warnings."""
    complete = answer.model_copy(update={"warnings": [*warnings, *answer.warnings]})
    return cast("SendResult", complete.model_dump(mode="json"))


def answer_from_record(record: MessageRecord) -> DecisionAnswer:
    """The decision on a message, from its record."""
    order = record.routing.channel_order() if record.routing else []
    after = order.index(record.channel) + 1 if record.channel in order else 0
    is_unsent = record.state in UNSENT_STATES
    return DecisionAnswer(
        status=record.state if is_unsent else OutreachState.SCHEDULED,
        message_id=record.message_id,
        channel=record.channel,
        scheduled_at=record.scheduled_at,
        fallback_channels=order[after:] if record.channel else [],
        routing_reason=record.routing.reason_for(record.channel) if record.routing else None,
        reason=record.reason,
        details=record.details,
        warnings=[*record.warnings, *segment_warnings(None if is_unsent else record.plan)],
    )


def undecided(message_id: UUID) -> DecisionAnswer:
    """The answer on a message whose workflow was ended before it had decided."""
    return DecisionAnswer(status=OutreachState.DECIDING, message_id=message_id)


def batch_item(recipient_id: str, answer: DecisionAnswer) -> BatchItem:
    """The decision on one recipient's message, in the shape a batch answers with."""
    return BatchItem(
        recipient_id=recipient_id,
        message_id=str(answer.message_id),
        status=answer.status.value,
        channel=answer.channel and answer.channel.value,
        reason=answer.reason and answer.reason.value,
    )


def batch_result(items: list[BatchItem], warnings: Sequence[str]) -> BatchResult:
    """A batch's answers, counted."""
    statuses = [item["status"] for item in items]
    lost = statuses.count(OutreachState.DECIDING)
    left = [_LOST.format(lost=lost, total=len(items))] if lost else []
    return BatchResult(
        total=len(items),
        scheduled=statuses.count(OutreachState.SCHEDULED),
        blocked=statuses.count(OutreachState.BLOCKED),
        failed=statuses.count(OutreachState.FAILED),
        details=items,
        queued=0,
        campaign_workflow_id=None,
        warnings=[*warnings, *left],
    )


def queued_batch(
    total: int, queued: int, campaign_workflow_id: str, warnings: Sequence[str]
) -> BatchResult:
    """The answer to a list that its campaign carries."""
    return BatchResult(
        total=total,
        scheduled=0,
        blocked=0,
        failed=0,
        details=[],
        queued=queued,
        campaign_workflow_id=campaign_workflow_id,
        warnings=list(warnings),
    )
