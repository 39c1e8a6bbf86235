"""The public operations, each with arguments it can be called with."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

from madan_sara.activities.budget import BudgetManager
from madan_sara.activities.deduplicator import MessageDeduplicator
from madan_sara.activities.router import ChannelRouter
from madan_sara.activities.scheduler import SendTimeScheduler
from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.contracts.delivery import DeliveryEvent, DeliveryEventKind
from madan_sara.contracts.errors import (
    MadanSaraError,
)
from madan_sara.policy.selector import ChannelSelector
from madan_sara.starter.campaign_control import CampaignControl
from madan_sara.starter.finding import Finding
from madan_sara.starter.orchestrator import OutreachOrchestrator
from tests.makers import make_campaign, make_profile

TEXT: Final = {"default": "Bonjou {{ name }}"}
_LATER: Final = datetime.now(UTC) + timedelta(days=2)
_PARTS: Final = {
    "campaign": CampaignControl,
    "find": Finding,
    "deduplicator": MessageDeduplicator,
    "router": ChannelRouter,
    "selector": ChannelSelector,
    "budget": BudgetManager,
    "scheduler": SendTimeScheduler,
}
#: What opens and closes the connections themselves.
_LIFE: Final = {"connect", "close"}
#: Steps of a decision; like activities, they take what a workflow gives them.
_STEPS: Final = {
    "deduplicator.claim",
    "router.route_stored",
    "scheduler.plan_stored",
    "budget.full_days",
}


@dataclass(frozen=True)
class Target:
    """What the calls are about."""

    campaign: OutreachCampaign
    message_id: UUID
    recipient_id: str
    file: Path

    @property
    def event(self) -> DeliveryEvent:
        return DeliveryEvent(
            provider="sandbox",
            provider_event_id=uuid4().hex,
            message_id=self.message_id,
            attempt_no=1,
            kind=DeliveryEventKind.OPENED,
            occurred_at=datetime.now(UTC),
        )


Arguments = Callable[[Target], dict[str, Any]]

_MESSAGE: Final[Arguments] = lambda t: {"message_id": t.message_id}  # noqa: E731
_CAMPAIGN_ID: Final[Arguments] = lambda t: {"campaign_id": t.campaign.id}  # noqa: E731
_PERSON: Final[Arguments] = lambda t: {"campaign": t.campaign, "recipient_id": t.recipient_id}  # noqa: E731
_OBJECT: Final[Arguments] = lambda t: {"campaign": t.campaign}  # noqa: E731
_NOTHING: Final[Arguments] = lambda _: {}  # noqa: E731

OPERATIONS: Final[dict[str, Arguments]] = {
    "campaign": _CAMPAIGN_ID,
    "cancel": _MESSAGE,
    "explain": _MESSAGE,
    "get_campaign": _CAMPAIGN_ID,
    "get_message": _MESSAGE,
    "get_message_status": _MESSAGE,
    "get_orchestration_status": _CAMPAIGN_ID,
    "get_status": _MESSAGE,
    "handle": _MESSAGE,
    "import_recipients": lambda t: {"campaign": t.campaign.id, "path": t.file},
    "lift_suppression": lambda t: {"recipient_id": t.recipient_id},
    "process_fallback": _MESSAGE,
    "record_conversion": lambda t: {"message_id": t.message_id, "value": 5},
    "record_delivery_event": lambda t: {"event": t.event},
    "reschedule": lambda t: {"message_id": t.message_id, "at": _LATER},
    "save_campaign": _OBJECT,
    "send_batch": lambda t: {
        "campaign": t.campaign.id,
        "recipients": [{"id": "marie", **make_profile()}],
        "content_templates": TEXT,
    },
    "send_outreach": lambda t: {
        "campaign": t.campaign.id,
        "recipient_id": "marie",
        "recipient_profile": make_profile(),
        "content": TEXT,
    },
    "suppress": lambda t: {"recipient_id": t.recipient_id},
    "campaign.extend_end_date": lambda _: {"end_date": _LATER + timedelta(days=30)},
    "campaign.look_again": _NOTHING,
    "campaign.lost": _NOTHING,
    "campaign.pause": _NOTHING,
    "campaign.result": _NOTHING,
    "campaign.resume": _NOTHING,
    "campaign.set_budget": lambda _: {"budget_total": 5},
    "campaign.set_daily_limit": lambda _: {"daily_limit": 5},
    "campaign.set_limits": lambda _: {"daily_limit": 5},
    "campaign.start": _NOTHING,
    "campaign.status": _NOTHING,
    "find.campaigns": _NOTHING,
    "find.messages": _CAMPAIGN_ID,
    "find.person": lambda t: {"recipient_id": t.recipient_id},
    "deduplicator.apply_frequency_cap": _PERSON,
    "deduplicator.check_duplicate": _PERSON,
    "deduplicator.get_safe_channels": _PERSON,
    "router.route_message": lambda t: {
        "campaign": t.campaign,
        "profile": make_profile(),
        "content": TEXT,
    },
    "router.route_with_fallback": lambda t: {
        "campaign": t.campaign,
        "profile": make_profile(),
        "content": TEXT,
    },
    "selector.get_channel_recommendations": lambda _: {"customer_type": "new"},
    "selector.score": lambda _: {
        "channel": "email",
        "customer_type": None,
        "device": None,
        "urgency": None,
        "local_hour": 9,
        "engagement": None,
    },
    "selector.select_channel": lambda _: {"assessments": []},
    "budget.check_budget_available": lambda t: {"campaign": t.campaign, "channel": "email"},
    "budget.get_budget_analytics": _OBJECT,
    "budget.get_budget_pacing_recommendation": _OBJECT,
    "budget.record_spend": lambda t: {"campaign": t.campaign, "channel": "email", "amount": 1},
    "scheduler.get_optimal_send_time": lambda t: {
        "campaign": t.campaign,
        "profile": make_profile(),
        "channel": "email",
    },
    "scheduler.get_send_time_analytics": lambda t: {"tenant_id": t.campaign.tenant_uuid},
    "scheduler.schedule_batch": lambda t: {
        "campaign": t.campaign,
        "recipients": [(make_profile(), "email")],
    },
    # The last, as nothing can be ordered after it.
    "campaign.cancel": lambda _: {"reason": "sold out"},
}
#: Arguments that may be anything: called, or read as a text.
ANYTHING: Final = {"on_progress"}


def listed_operations() -> set[str]:
    """The public operations there are."""

    def of(kind: type) -> list[str]:
        return [
            name
            for name, member in inspect.getmembers(kind, inspect.isfunction)
            # A component's activities take what a workflow gives them.
            if not name.startswith("_") and not hasattr(member, "__temporal_activity_definition")
        ]

    parts = {f"{part}.{name}" for part, kind in _PARTS.items() for name in of(kind)}
    return ({*of(OutreachOrchestrator)} - _LIFE) | (parts - _STEPS)


def operation_of(
    orchestrator: OutreachOrchestrator, name: str, target: Target
) -> Callable[..., Any]:
    part, _, method = name.rpartition(".")
    place: object = getattr(orchestrator, part) if part else orchestrator
    if part == "campaign":
        place = orchestrator.campaign(target.campaign.id)
    operation: Callable[..., Any] = getattr(place, method)
    return operation


async def call(
    orchestrator: OutreachOrchestrator, name: str, target: Target, **changed: object
) -> object:
    arguments = {**OPERATIONS[name](target), **changed}
    answer = operation_of(orchestrator, name, target)(**arguments)
    return await answer if inspect.isawaitable(answer) else answer


async def answer_of(
    orchestrator: OutreachOrchestrator, name: str, target: Target, **changed: object
) -> object:
    """What an operation answers, or what it raises: others come through."""
    try:
        return await call(orchestrator, name, target, **changed)
    except MadanSaraError as error:
        return error


async def asleep(orchestrator: OutreachOrchestrator, tenant_id: UUID, people: Path) -> Target:
    """A message that is asleep, in a campaign that waits for its start."""
    start = datetime.now(UTC) + timedelta(days=1)
    campaign = make_campaign(
        tenant_id, start_date=start, end_date=start + timedelta(days=9), templates=TEXT
    )
    recipient = uuid4().hex
    profile = make_profile(contact_info={"email": f"{recipient}@example.com"})
    sent = await orchestrator.send_outreach(campaign, recipient, profile, TEXT)
    assert sent["status"] == "scheduled", sent
    return Target(campaign, UUID(sent["message_id"]), recipient, people)
