"""Every public operation, on another tenant's data, on unknown ids and on invalid values.

The operations are listed by looking: a new one without a row fails.
"""

import inspect
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Final
from uuid import uuid4

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from madan_sara.contracts.errors import (
    InvalidRequestError,
    MadanSaraError,
    NotFoundError,
    UnreachableError,
)
from madan_sara.devstack.ports import choose_ports
from madan_sara.persistence.database import Database
from madan_sara.starter.orchestrator import OutreachOrchestrator
from tests.makers import make_campaign, make_profile
from tests.operations import (
    ANYTHING,
    OPERATIONS,
    TEXT,
    Target,
    answer_of,
    asleep,
    call,
    listed_operations,
    operation_of,
)

#: Operations without database and Temporal: they decide by their arguments, or only name things.
_ALONE: Final = {
    *(name for name in OPERATIONS if name.startswith(("router.", "selector."))),
    "campaign",
    "handle",
    "scheduler.get_optimal_send_time",
    "scheduler.schedule_batch",
}
#: Operations that ask or steer a workflow without reading the database.
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
    *(name for name in OPERATIONS if name.startswith("campaign.")),
}
#: What names nothing that another tenant may have.
_OF_NOBODY: Final = {
    *(name for name in _ALONE if not name.startswith("router.")),
    "find.campaigns",
    "suppress",
}
#: Operations that answer that there is nothing.
_EMPTY: Final[dict[str, object]] = {"find.messages": [], "record_delivery_event": False}


def _all_but(names: Collection[str]) -> list[str]:
    return [name for name in OPERATIONS if name not in names]


@pytest.fixture
def people(tmp_path: Path) -> Path:
    file = tmp_path / "people.csv"
    file.write_text("id,name,email\nana,Ana,ana@example.com\n")
    return file


@pytest.fixture
async def own(orchestrator, tenant_id, people) -> Target:
    """A message of the caller's that is asleep, in a campaign that waits for its start."""
    return await asleep(orchestrator, tenant_id, people)


@pytest.fixture
async def away() -> AsyncIterator[Database]:
    (port,) = choose_ports(0)
    database = Database(f"postgresql+asyncpg://user:secret@127.0.0.1:{port}/facts")
    yield database
    await database.close()


def test_every_operation_has_a_row():
    assert listed_operations() == set(OPERATIONS)


async def test_another_tenants_messages_are_not_found_and_not_touched(
    orchestrator, client, database, people
):
    theirs = uuid4()
    other = OutreachOrchestrator(client, database, tenant_id=theirs)
    target = await asleep(other, theirs, people)
    await other.suppress(recipient_id=target.recipient_id)
    before = await _state_of(other, target)

    said = {name: await answer_of(orchestrator, name, target) for name in _all_but(_OF_NOBODY)}

    objects = {
        name
        for name in said
        if {"campaign", "tenant_id"} & OPERATIONS[name](target).keys()
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
    assert (await by_text.send_outreach(own.campaign, "ana", make_profile(), TEXT))["message_id"]


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
        name for name in OPERATIONS if name.startswith(("deduplicator.", "router.", "scheduler."))
    }
    for name in _all_but({*_OF_NOBODY, *_EMPTY, *decided, "save_campaign"}):
        with pytest.raises(NotFoundError) as caught:
            await call(orchestrator, name, target)
        assert str(caught.value), name


async def test_a_database_that_is_away_is_named(client, away, own, tenant_id):
    orchestrator = OutreachOrchestrator(client, away, tenant_id=tenant_id)
    for name in _all_but(_ALONE):
        with pytest.raises(UnreachableError, match="PostgreSQL cannot be reached") as caught:
            await call(orchestrator, name, own)
        assert "secret" not in str(caught.value), name
    for name in _ALONE:
        await call(orchestrator, name, own)


async def test_a_temporal_that_is_away_is_named(database, own, tenant_id):
    (port,) = choose_ports(0)
    address = f"127.0.0.1:{port}"
    client = await Client.connect(address, lazy=True, data_converter=pydantic_data_converter)
    orchestrator = OutreachOrchestrator(client, database, tenant_id=tenant_id)
    said = {name: await answer_of(orchestrator, name, own) for name in OPERATIONS}
    unreachable = {name for name, outcome in said.items() if isinstance(outcome, UnreachableError)}
    assert unreachable == _ON_TEMPORAL
    assert all("Temporal does not answer" in str(said[name]) for name in unreachable)


async def test_a_namespace_that_is_not_there_is_named(temporal, database, own, tenant_id):
    client = await Client.connect(
        temporal.address, namespace="elsewhere", data_converter=pydantic_data_converter
    )
    orchestrator = OutreachOrchestrator(client, database, tenant_id=tenant_id)
    said = {name: await answer_of(orchestrator, name, own) for name in OPERATIONS}
    unreachable = {name for name, outcome in said.items() if isinstance(outcome, UnreachableError)}
    assert unreachable == _ON_TEMPORAL
    assert [name for name in unreachable if "Namespace elsewhere" not in str(said[name])] == []


async def test_a_value_of_a_wrong_type_is_refused_by_its_name(orchestrator, own):
    said = {
        (name, parameter): await answer_of(orchestrator, name, own, **{parameter: object()})
        for name in OPERATIONS
        for parameter in inspect.signature(operation_of(orchestrator, name, own)).parameters
        if parameter not in ANYTHING
    }
    assert [key for key, outcome in said.items() if type(outcome) is not InvalidRequestError] == []
