"""Crowds, with the sandbox's and the database's view of what they achieved."""

import uuid
from collections.abc import Callable

import pytest
from temporalio.client import Client

from madan_sara.emulators.sandbox.provider import SandboxProvider
from madan_sara.persistence.database import Database
from tests.integration.races.crowd import Crowd


@pytest.fixture
def crowd(client: Client, database: Database, workers: None, tenant_id: uuid.UUID) -> Crowd:
    return Crowd(client, database, tenant_id)


@pytest.fixture
def messages_got(sandbox: SandboxProvider) -> Callable[[str], int]:
    """How many messages reached the people whose ids begin like this."""

    def count(prefix: str) -> int:
        return sum(request.to.startswith(prefix) for request in sandbox.taken())

    return count
