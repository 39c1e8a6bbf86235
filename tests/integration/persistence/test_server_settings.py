"""A server that writes dates, counts days and keeps transactions apart in ways of its own."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest_asyncio
from sqlalchemy import text

from madan_sara.contracts.outreach import ExitReason
from madan_sara.persistence.database import Database
from madan_sara.persistence.migrate import upgrade_database
from tests.integration.persistence.shop import NOW, Shop

_SETTINGS = (
    "DateStyle = 'German'",
    "TimeZone = 'America/New_York'",
    "default_transaction_isolation = 'serializable'",
)


@pytest_asyncio.fixture
async def foreign_shop(postgres, database, tenant_id) -> AsyncIterator[Shop]:
    await postgres.create_database("foreign_settings")
    async with database.statement() as connection:
        for setting in _SETTINGS:
            await connection.execute(text(f"ALTER DATABASE foreign_settings SET {setting}"))
    await upgrade_database(postgres.dsn("foreign_settings"))
    foreign = Database(postgres.dsn("foreign_settings"))
    yield Shop(foreign, tenant_id)
    await foreign.close()


async def test_a_server_with_other_dates_keeps_limits_and_windows(foreign_shop):
    shop = foreign_shop
    campaign = await shop.campaign(daily_limit=1, timezone="UTC")
    first, second = [await shop.message(campaign, person) for person in ("ana", "bo")]
    await shop.reserve(first)
    refused = (await shop.reserve(second)).block
    assert refused is not None
    assert refused.reason is ExitReason.DAILY_LIMIT
    async with shop.database.statement() as connection:
        before = await connection.execute(
            text("SELECT CAST(:now AS timestamptz) - interval '200 days'"), {"now": NOW}
        )
        assert before.scalar_one() == NOW - timedelta(days=200), "days of 24 hours"


async def test_a_server_with_stricter_transactions_refuses_none_for_others_beside_it(foreign_shop):
    shop = foreign_shop
    campaign = await shop.campaign(budget_total=8, timezone="UTC")
    messages = [await shop.message(campaign, f"person {number}") for number in range(12)]

    holds = await asyncio.gather(*(shop.reserve(message) for message in messages))

    assert sum(hold.held is not None for hold in holds) == 8
