"""A shop for every test."""

import uuid

import pytest

from madan_sara.persistence.database import Database
from tests.integration.persistence.shop import Shop


@pytest.fixture
def shop(database: Database, tenant_id: uuid.UUID) -> Shop:
    return Shop(database, tenant_id)
