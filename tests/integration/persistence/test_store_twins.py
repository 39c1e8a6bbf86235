"""The simulation's stores answer as PostgreSQL does, and each of their methods is asked.

The long run is `tests/chaos/test_store_twins.py`.
"""

import inspect
import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import Any, NoReturn, get_type_hints

import pytest

from madan_sara import activities
from madan_sara.activities.attempt_store import AttemptStore
from madan_sara.activities.call_rates import CallRates
from madan_sara.activities.campaign_stores import CampaignRunStore, OutreachStarter
from madan_sara.activities.provider_accounts import ProviderAccounts
from madan_sara.activities.sender import MessageSender
from madan_sara.activities.stores import AnalyticsStore, BudgetLedger, ClaimStore, RequestStore
from tests.simulation.stores.attempts import MemoryAttempts
from tests.simulation.stores.campaigns import MemoryCampaigns
from tests.simulation.stores.claims import MemoryClaims
from tests.simulation.stores.ledger import MemoryLedger
from tests.simulation.stores.provider_accounts import MemoryProviderAccounts
from tests.simulation.stores.requests import MemoryRequests
from tests.twins.run import drive_twins

#: Some ten seconds. They notice most of fifty small mistakes in the stores in memory.
_EXAMPLES = 30

#: The ports of the activities to what PostgreSQL keeps, and who stands in for it.
_IN_MEMORY = {
    AnalyticsStore: MemoryRequests,
    AttemptStore: MemoryAttempts,
    BudgetLedger: MemoryLedger,
    CampaignRunStore: MemoryCampaigns,
    ClaimStore: MemoryClaims,
    ProviderAccounts: MemoryProviderAccounts,
    RequestStore: MemoryRequests,
}


# What differs is made short before it is told, which takes some minutes.
@pytest.mark.timeout(900)
def test_stores_in_memory_answer_as_those_in_postgresql(dsn):
    asked = drive_twins(dsn, examples=_EXAMPLES, is_repeatable=True)
    assert set(_simulated()) - asked.keys() == set(), "never asked"


def test_every_port_to_postgresql_has_its_twin():
    # Rates go by the clock of PostgreSQL: `test_call_rates.py` compares their twin.
    known = {*_IN_MEMORY, OutreachStarter, MessageSender, CallRates}
    assert {port.__qualname__ for port in _ports()} == {port.__qualname__ for port in known}


def _simulated() -> Iterator[str]:
    """The methods of ports that the simulation answers; the others return nothing, ever."""
    for port, memory in _IN_MEMORY.items():
        for name in _methods(port):
            if get_type_hints(getattr(memory, name))["return"] is not NoReturn:
                yield f"{port.__name__}.{name}"


def _methods(port: type) -> list[str]:
    return [name for name, _ in inspect.getmembers(port, inspect.isfunction) if name[0] != "_"]


def _ports() -> set[Any]:
    modules = [
        import_module(f"{activities.__name__}.{found.name}")
        for found in pkgutil.iter_modules(activities.__path__)
    ]
    return {
        each
        for module in modules
        for _, each in inspect.getmembers(module, inspect.isclass)
        if getattr(each, "_is_protocol", False) and each.__module__ == module.__name__
    }
