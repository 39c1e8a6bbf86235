"""Only one module decides what a tenant owns, and no slip of a caller's widens it."""

import ast
import inspect
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from temporalio.client import Client

from madan_sara.activities.budget import BudgetManager
from madan_sara.activities.deduplicator import MessageDeduplicator
from madan_sara.activities.own_campaign import EVERY_TENANT, own_campaign
from madan_sara.activities.router import ChannelRouter
from madan_sara.activities.scheduler import SendTimeScheduler
from madan_sara.contracts.errors import InvalidRequestError, MadanSaraError
from madan_sara.persistence.database import Database
from madan_sara.starter.orchestrator import OutreachOrchestrator
from tests.makers import make_campaign, make_profile

_ROOT = Path(__file__).parents[2]
_ROOMS = [path.resolve() for path in (_ROOT / "madan_sara").iterdir() if path.is_symlink()]


def test_only_the_tenant_check_calls_an_id_the_tenants_own():
    makers = {
        path.relative_to(_ROOT).as_posix()
        for room in _ROOMS
        for path in room.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("OwnMessage", "OwnCampaign")
    }
    assert makers == {"persistence/ownership.py"}


async def _orchestrator(tenant_id: object) -> OutreachOrchestrator:
    client = await Client.connect("127.0.0.1:1", lazy=True)
    database = Database("postgresql+asyncpg://user@127.0.0.1:1/facts")
    return OutreachOrchestrator(client, database, tenant_id=tenant_id)  # type: ignore[arg-type]


@pytest.mark.parametrize("tenant", [None, "", "nonsense", 7, object(), EVERY_TENANT, b"\0" * 15])
async def test_a_tenant_that_is_none_is_refused_before_anything_is_asked(tenant):
    with pytest.raises(InvalidRequestError, match="tenant_id: "):
        await _orchestrator(tenant)


async def test_a_tenant_by_its_text_is_that_tenant_everywhere():
    tenant = uuid4()
    orchestrator = await _orchestrator(str(tenant))
    own, theirs = make_campaign(tenant), make_campaign(uuid4())
    answer = orchestrator.scheduler.get_optimal_send_time(own, make_profile(), "email")
    assert answer.scheduled_at is not None
    assert orchestrator.handle(uuid4()).id.startswith(f"outreach-{tenant}")
    with pytest.raises(InvalidRequestError, match="not this orchestrator's tenant"):
        await orchestrator.save_campaign(theirs)


async def test_no_component_answers_about_another_tenants_campaign():
    orchestrator, theirs = await _orchestrator(uuid4()), make_campaign(uuid4())
    person, text = make_profile(), {"default": "Bonjou"}
    for route in (orchestrator.router.route_message, orchestrator.router.route_with_fallback):
        with pytest.raises(InvalidRequestError, match="not this orchestrator's tenant"):
            route(theirs, person, text)
    with pytest.raises(MadanSaraError, match="not this orchestrator's tenant"):
        await orchestrator.budget.record_spend(theirs, "email", 1)


@pytest.mark.parametrize(
    "component", [BudgetManager, ChannelRouter, MessageDeduplicator, SendTimeScheduler]
)
def test_a_component_is_told_whose_campaigns_it_serves(component):
    tenants = inspect.signature(component).parameters["tenants"]
    assert tenants.default is inspect.Parameter.empty


def test_nothing_but_its_name_means_every_tenant():
    campaign = make_campaign(uuid4())
    for nothing in (None, False, "", UUID(int=0)):
        with pytest.raises(InvalidRequestError):
            own_campaign(campaign, nothing)  # type: ignore[arg-type]
    assert own_campaign(campaign, EVERY_TENANT).id == campaign.id


def test_only_the_workers_components_serve_every_tenant():
    users = {
        path.relative_to(_ROOT).as_posix()
        for room in _ROOMS
        for path in room.rglob("*.py")
        if "EVERY_TENANT" in path.read_text()
    }
    assert users == {"activities/own_campaign.py", "worker/components.py"}
