"""Every public operation, against what is not the caller's, not there or not what it should be.

The operations are listed by looking: a new one without a row fails.
"""

import inspect
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from madan_sara.activities.budget import BudgetManager
from madan_sara.activities.deduplicator import MessageDeduplicator
from madan_sara.activities.router import ChannelRouter
from madan_sara.activities.scheduler import SendTimeScheduler
from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.contracts.delivery import DeliveryEvent, DeliveryEventKind
from madan_sara.contracts.errors import (
    InvalidRequestError,
    MadanSaraError,
    NotFoundError,
    UnreachableError,
)
from madan_sara.devstack.ports import choose_ports
from madan_sara.persistence.database import Database
from madan_sara.policy.selector import ChannelSelector
from madan_sara.starter.campaign_control import CampaignControl
from madan_sara.starter.finding import Finding
from madan_sara.starter.orchestrator import OutreachOrchestrator
from tests.makers import make_campaign, make_profile

_TEXT: Final = {"default": "Bonjou {{ name }}"}
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

_OPERATIONS: Final[dict[str, Arguments]] = {
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
        "content_templates": _TEXT,
    },
    "send_outreach": lambda t: {
        "campaign": t.campaign.id,
        "recipient_id": "marie",
        "recipient_profile": make_profile(),
        "content": _TEXT,
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
        "content": _TEXT,
    },
    "router.route_with_fallback": lambda t: {
        "campaign": t.campaign,
        "profile": make_profile(),
        "content": _TEXT,
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

#: What needs neither the database nor Temporal: it decides by what it is given, or only names.
_ALONE: Final = {
    *(name for name in _OPERATIONS if name.startswith(("router.", "selector."))),
    "campaign",
    "handle",
    "scheduler.get_optimal_send_time",
    "scheduler.schedule_batch",
}
#: What asks or steers a workflow whatever is stored.
_ON_TEMPORAL: Final = {
    "cancel",
    "get_status",
    "process_fallback",
    "record_delivery_event",
    "reschedule",
    "save_campaign",
    "send_batch",
    "send_outreach",
    "import_recipients",
    *(name for name in _OPERATIONS if name.startswith("campaign.")),
}
#: What names nothing that another tenant may have.
_OF_NOBODY: Final = {
    *(name for name in _ALONE if not name.startswith("router.")),
    "find.campaigns",
    "suppress",
}
#: What answers that there is nothing.
_EMPTY: Final[dict[str, object]] = {"find.messages": [], "record_delivery_event": False}
#: Arguments that may be anything: called, or read as a text.
_ANYTHING: Final = {"on_progress"}


def _listed() -> set[str]:
    """The public operations there are."""

    def of(kind: type) -> list[str]:
        return [
            name
            for name, member in inspect.getmembers(kind, inspect.isfunction)
            # A component's activities take what a workflow gives them.
            if not name.startswith("_") and not hasattr(member, "__temporal_activity_definition")
        ]

    parts = {f"{part}.{name}" for part, kind in _PARTS.items() for name in of(kind)}
    return ({*of(OutreachOrchestrator)} - _LIFE) | parts


def _operation(orchestrator: OutreachOrchestrator, name: str, target: Target) -> Callable[..., Any]:
    part, _, method = name.rpartition(".")
    place: object = getattr(orchestrator, part) if part else orchestrator
    if part == "campaign":
        place = orchestrator.campaign(target.campaign.id)
    operation: Callable[..., Any] = getattr(place, method)
    return operation


async def _call(
    orchestrator: OutreachOrchestrator, name: str, target: Target, **changed: object
) -> object:
    arguments = {**_OPERATIONS[name](target), **changed}
    answer = _operation(orchestrator, name, target)(**arguments)
    return await answer if inspect.isawaitable(answer) else answer


async def _outcome(
    orchestrator: OutreachOrchestrator, name: str, target: Target, **changed: object
) -> object:
    """What an operation answers, or what it raises: others come through."""
    try:
        return await _call(orchestrator, name, target, **changed)
    except MadanSaraError as error:
        return error


def _all_but(names: Collection[str]) -> list[str]:
    return [name for name in _OPERATIONS if name not in names]


@pytest.fixture
def people(tmp_path: Path) -> Path:
    file = tmp_path / "people.csv"
    file.write_text("id,name,email\nana,Ana,ana@example.com\n")
    return file


@pytest.fixture
async def own(orchestrator, tenant_id, people) -> Target:
    """A message of the caller's that is asleep, in a campaign that waits for its start."""
    return await _asleep(orchestrator, tenant_id, people)


async def _asleep(orchestrator: OutreachOrchestrator, tenant_id: UUID, people: Path) -> Target:
    start = datetime.now(UTC) + timedelta(days=1)
    campaign = make_campaign(
        tenant_id, start_date=start, end_date=start + timedelta(days=9), templates=_TEXT
    )
    recipient = uuid4().hex
    profile = make_profile(contact_info={"email": f"{recipient}@example.com"})
    sent = await orchestrator.send_outreach(campaign, recipient, profile, _TEXT)
    assert sent["status"] == "scheduled", sent
    return Target(campaign, UUID(sent["message_id"]), recipient, people)


@pytest.fixture
async def away() -> AsyncIterator[Database]:
    (port,) = choose_ports(0)
    database = Database(f"postgresql+asyncpg://user:secret@127.0.0.1:{port}/facts")
    yield database
    await database.close()


def test_every_operation_has_a_row():
    assert _listed() == set(_OPERATIONS)


async def test_what_is_another_tenants_is_not_found_and_not_touched(
    orchestrator, client, database, people
):
    theirs = uuid4()
    other = OutreachOrchestrator(client, database, tenant_id=theirs)
    target = await _asleep(other, theirs, people)
    await other.suppress(recipient_id=target.recipient_id)
    before = await _state_of(other, target)

    said = {name: await _outcome(orchestrator, name, target) for name in _all_but(_OF_NOBODY)}

    objects = {
        name
        for name in said
        if {"campaign", "tenant_id"} & _OPERATIONS[name](target).keys()
        and not name.startswith(("send_", "import_"))
    }
    # A campaign is given whole: it says itself whose it is, and nothing is looked up.
    expected: dict[str, object] = dict.fromkeys(said, NotFoundError)
    expected |= dict.fromkeys(objects, InvalidRequestError) | _EMPTY
    kinds = {n: type(s) if isinstance(s, MadanSaraError) else s for n, s in said.items()}
    assert kinds == expected
    assert await _state_of(other, target) == before
    await other.cancel(target.message_id)


@pytest.mark.parametrize("tenant", [None, "nonsense", 7, object()])
def test_an_orchestrator_is_some_tenants(client, database, tenant):
    with pytest.raises(InvalidRequestError, match="tenant_id: "):
        OutreachOrchestrator(client, database, tenant_id=tenant)


async def test_a_tenant_by_its_text_has_what_is_the_tenants(
    client, database, orchestrator, own, tenant_id
):
    by_text = OutreachOrchestrator(client, database, tenant_id=str(tenant_id))  # type: ignore[arg-type]
    assert await _state_of(by_text, own) == await _state_of(orchestrator, own)
    assert (await by_text.send_outreach(own.campaign, "ana", make_profile(), _TEXT))["message_id"]


async def _state_of(orchestrator: OutreachOrchestrator, target: Target) -> object:
    return (
        await orchestrator.get_message(target.message_id),
        await orchestrator.get_status(target.message_id),
        await orchestrator.get_campaign(target.campaign.id),
        await orchestrator.find.person(target.recipient_id),
    )[:3]


async def test_an_unknown_id_is_not_found(orchestrator, tenant_id, people):
    target = Target(make_campaign(tenant_id), uuid4(), uuid4().hex, people)
    decided = {
        name for name in _OPERATIONS if name.startswith(("deduplicator.", "router.", "scheduler."))
    }
    for name in _all_but({*_OF_NOBODY, *_EMPTY, *decided, "save_campaign"}):
        with pytest.raises(NotFoundError) as caught:
            await _call(orchestrator, name, target)
        assert str(caught.value), name


async def test_a_database_that_is_away_is_named(client, away, own, tenant_id):
    orchestrator = OutreachOrchestrator(client, away, tenant_id=tenant_id)
    for name in _all_but(_ALONE):
        with pytest.raises(UnreachableError, match="PostgreSQL cannot be reached") as caught:
            await _call(orchestrator, name, own)
        assert "secret" not in str(caught.value), name
    for name in _ALONE:
        await _call(orchestrator, name, own)


async def test_a_temporal_that_is_away_is_named(database, own, tenant_id):
    (port,) = choose_ports(0)
    address = f"127.0.0.1:{port}"
    client = await Client.connect(address, lazy=True, data_converter=pydantic_data_converter)
    orchestrator = OutreachOrchestrator(client, database, tenant_id=tenant_id)
    said = {name: await _outcome(orchestrator, name, own) for name in _OPERATIONS}
    unreachable = {name for name, outcome in said.items() if isinstance(outcome, UnreachableError)}
    assert unreachable == _ON_TEMPORAL
    assert all("Temporal does not answer" in str(said[name]) for name in unreachable)


async def test_a_namespace_that_is_not_there_is_named(temporal, database, own, tenant_id):
    client = await Client.connect(
        temporal.address, namespace="elsewhere", data_converter=pydantic_data_converter
    )
    orchestrator = OutreachOrchestrator(client, database, tenant_id=tenant_id)
    said = {name: await _outcome(orchestrator, name, own) for name in _OPERATIONS}
    unreachable = {name for name, outcome in said.items() if isinstance(outcome, UnreachableError)}
    assert unreachable == _ON_TEMPORAL
    assert [name for name in unreachable if "Namespace elsewhere" not in str(said[name])] == []


async def test_a_value_of_a_wrong_type_is_refused_by_its_name(orchestrator, own):
    said = {
        (name, parameter): await _outcome(orchestrator, name, own, **{parameter: object()})
        for name in _OPERATIONS
        for parameter in inspect.signature(_operation(orchestrator, name, own)).parameters
        if parameter not in _ANYTHING
    }
    assert [key for key, outcome in said.items() if type(outcome) is not InvalidRequestError] == []
