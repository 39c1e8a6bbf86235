"""The command line beside running workers, and requests to feed it with."""

import uuid
from functools import partial
from typing import Any

import pytest

from madan_sara.devstack.temporal_server import TemporalDevServer
from madan_sara.starter.orchestrator import OutreachOrchestrator
from tests.integration.cli.cli import MadanSara, run_cli


@pytest.fixture
def settings(dsn: str, temporal: TemporalDevServer) -> dict[str, str]:
    return {"MADAN_SARA_DATABASE_URL": dsn, "TEMPORAL_ADDRESS": temporal.address}


@pytest.fixture
def madan_sara(settings: dict[str, str], workers: None) -> MadanSara:
    return partial(run_cli, settings=settings)


@pytest.fixture
def orchestrator(client, database, workers: None) -> OutreachOrchestrator:
    """On the command line's own tenant."""
    return OutreachOrchestrator(client, database)


@pytest.fixture
def campaign() -> dict[str, Any]:
    """A campaign file: at once, at any hour."""
    return {
        "id": str(uuid.uuid4()),
        "name": "Spring fair",
        "channels": ["email", "sms", "instagram", "linkedin"],
        "send_time_optimization": False,
        "settings": {"quiet_hours": None},
    }


@pytest.fixture
def request_file(campaign: dict[str, Any]) -> dict[str, Any]:
    """A request to send, to a person of its own."""
    person = uuid.uuid4().hex
    return {
        "campaign": campaign,
        "recipient_id": person,
        "recipient_profile": {
            "name": "Jane Smith",
            "customer_type": "returning",
            "timezone": "America/New_York",
            "contact_info": {"email": f"{person}@example.com", "instagram_handle": f"@{person}"},
            "preferences": {"preferred_channel": "instagram"},
            "engagement_history": {"email": {"open_rate": 0.4, "click_rate": 0.1}},
        },
        "content": {
            "email": f"Hi {{{{ name }}}}, {person} for you!",
            "instagram": f"Hey {{{{ name }}}}, see {person}!",
        },
    }
