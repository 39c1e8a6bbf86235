"""The shapes the client library answers with, as the guide writes them."""

from decimal import Decimal
from typing import Any, TypedDict, cast

from contracts.money import from_micros, percent
from contracts.outreach import DecisionAnswer, OutreachState
from persistence.campaign_status import CampaignFigures
from persistence.intake import MessageRecord
from policy.pacing import Pacing


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
    """Answer to `send_batch`."""

    total: int
    scheduled: int
    blocked: int
    failed: int
    details: list[BatchItem]


class BudgetStatus(TypedDict):
    """A campaign's money; without a total budget, the shares of it are None."""

    budget_total: Decimal | None
    budget_spent: Decimal
    budget_held: Decimal
    budget_remaining: Decimal | None
    budget_utilization_pct: Decimal | None


class DailyLimitStatus(TypedDict):
    """A campaign's messages of today."""

    can_send: bool
    messages_sent_today: int
    daily_limit: int | None
    remaining_today: int | None


class PacingStatus(TypedDict):
    """Whether a campaign spends as its time passes."""

    recommendation: str
    ideal_spend_pct: float | None
    actual_spend_pct: float
    suggested_daily_messages: int | None


class CampaignStatusResult(TypedDict):
    """Answer to `get_orchestration_status`."""

    campaign_id: str
    campaign_status: str
    budget: BudgetStatus
    daily_limit: DailyLimitStatus
    pacing: PacingStatus
    total_sent: int
    total_unknown: int
    total_delivered: int
    total_opened: int
    total_clicked: int
    by_state: dict[str, int]


def send_result(answer: DecisionAnswer) -> SendResult:
    """A decision in the guide's shape."""
    return cast("SendResult", answer.model_dump(mode="json"))


def answer_from_record(record: MessageRecord) -> DecisionAnswer:
    """The decision on a message, from what is stored of it."""
    unsent = {OutreachState.BLOCKED, OutreachState.FAILED, OutreachState.CANCELLED}
    order = record.routing.order() if record.routing else []
    after = order.index(record.channel) + 1 if record.channel in order else 0
    return DecisionAnswer(
        status=record.state if record.state in unsent else OutreachState.SCHEDULED,
        message_id=record.message_id,
        channel=record.channel,
        scheduled_at=record.scheduled_at,
        fallback_channels=order[after:] if record.channel else [],
        routing_reason=record.routing.reason_for(record.channel) if record.routing else None,
        reason=record.reason,
        details=record.details,
        warnings=list(record.warnings),
    )


def batch_result(items: list[BatchItem]) -> BatchResult:
    """A batch's answers, counted."""
    statuses = [item["status"] for item in items]
    return BatchResult(
        total=len(items),
        scheduled=statuses.count(OutreachState.SCHEDULED),
        blocked=statuses.count(OutreachState.BLOCKED),
        failed=statuses.count(OutreachState.FAILED),
        details=items,
    )


def campaign_status(figures: CampaignFigures, pacing: Pacing) -> CampaignStatusResult:
    """A campaign's figures in the guide's shape."""
    return CampaignStatusResult(
        campaign_id=str(figures.campaign.id),
        campaign_status=figures.status.value,
        budget=_budget(figures),
        daily_limit=_daily_limit(figures),
        pacing=PacingStatus(
            recommendation=pacing.recommendation.value,
            ideal_spend_pct=pacing.ideal_spend_pct,
            actual_spend_pct=pacing.actual_spend_pct,
            suggested_daily_messages=pacing.suggested_daily_messages,
        ),
        total_sent=figures.by_state.get(OutreachState.SENT, 0),
        total_unknown=figures.by_state.get(OutreachState.UNKNOWN, 0),
        total_delivered=figures.delivered,
        total_opened=figures.opened,
        total_clicked=figures.clicked,
        by_state=figures.by_state,
    )


def _budget(figures: CampaignFigures) -> BudgetStatus:
    limit, spent = figures.limit_micros, figures.spent_micros
    left = None if limit is None else from_micros(limit - spent - figures.held_micros)
    return BudgetStatus(
        budget_total=None if limit is None else from_micros(limit),
        budget_spent=from_micros(spent),
        budget_held=from_micros(figures.held_micros),
        budget_remaining=left,
        budget_utilization_pct=None if limit is None else percent(spent, limit),
    )


def _daily_limit(figures: CampaignFigures) -> DailyLimitStatus:
    limit, today = figures.campaign.daily_limit, figures.messages_today
    return DailyLimitStatus(
        can_send=limit is None or today < limit,
        messages_sent_today=today,
        daily_limit=limit,
        remaining_today=None if limit is None else max(limit - today, 0),
    )
