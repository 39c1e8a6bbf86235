"""Whoever books money locks the message first, then accounts: nobody waits in a circle."""

import asyncio

import pytest
from sqlalchemy import text

from tests.integration.persistence.shop import TODAY
from tests.waiting import eventually

_LOCK_MESSAGE = text("SELECT 1 FROM messages WHERE message_id = :message_id FOR NO KEY UPDATE")
_LOCK_ACCOUNTS = text("""
SELECT 1 FROM budget_accounts WHERE tenant_id = :tenant_id FOR UPDATE NOWAIT
""")
_WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()")


@pytest.mark.parametrize("day_is_open", [True, False], ids=["at once", "under lock"])
async def test_a_reservation_that_waits_for_its_message_holds_no_account(
    shop, database, day_is_open
):
    campaign = await shop.campaign(daily_limit=5)
    ref = await shop.message(campaign)
    if day_is_open:
        await shop.reserve(await shop.message(campaign, "ben"), day=TODAY)

    async def somebody_waits() -> bool:
        async with database.statement() as connection:
            return bool((await connection.execute(_WAITING)).scalar_one())

    async with database.transaction() as connection:
        await connection.execute(_LOCK_MESSAGE, {"message_id": ref.message_id})
        reserving = asyncio.create_task(shop.reserve(ref, day=TODAY))
        await eventually(somebody_waits, "the reservation waits for the message")
        locked = await connection.execute(_LOCK_ACCOUNTS, {"tenant_id": shop.tenant_id})
        assert locked.all()
    assert (await reserving).block is None
