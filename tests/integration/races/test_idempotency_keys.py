"""Racing clients that share a key."""

import asyncio
from uuid import UUID

import pytest
from sqlalchemy import text

from madan_sara.contracts.errors import KeyUsedError
from tests.integration.races.crowd import ask, tally
from tests.ledger import assert_nothing_left_behind
from tests.makers import make_campaign

_MESSAGES = text("SELECT count(*) FROM messages WHERE tenant_id = :tenant_id")


async def _messages(database, tenant_id) -> int:
    async with database.statement() as connection:
        found = await connection.execute(_MESSAGES, {"tenant_id": tenant_id})
        count: int = found.scalar_one()
        return count


async def test_one_key_is_one_message_with_one_answer(crowd, database, tenant_id, messages_got):
    campaign = make_campaign(tenant_id, channels=["chat"], budget_total=1)
    person = f"one-key-{tenant_id}"

    results = await crowd.race([ask(campaign, person, idempotency_key="order 7")] * 20)
    again = await crowd.race([ask(campaign, person, idempotency_key="order 7")])

    assert tally(results) == {"scheduled": 20}
    assert all(result == results[0] for result in results + again)
    assert await _messages(database, tenant_id) == 1
    assert messages_got(person) == 1
    await assert_nothing_left_behind(database, tenant_id)


async def test_a_blocked_answer_is_the_same_for_every_caller(crowd, database, tenant_id):
    campaign = make_campaign(tenant_id, channels=["chat"])
    person = f"blocked-key-{tenant_id}"
    await crowd.race([ask(campaign, person)])

    results = await crowd.race([ask(campaign, person, idempotency_key="order 8")] * 20)
    again = await crowd.race([ask(campaign, person, idempotency_key="order 8")])

    assert tally(results) == {"duplicate": 20}
    assert all(result == results[0] for result in results + again)
    assert await _messages(database, tenant_id) == 2
    await assert_nothing_left_behind(database, tenant_id)


@pytest.mark.parametrize(
    "change",
    [
        {"content": {"default": "The market opens at nine."}},
        {"recipient_id": "somebody else"},
        {"recipient_profile": {"contact_info": {"user_id": "another address"}}},
        {"force_send": True},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_a_key_stands_for_one_request_only(change, crowd, tenant_id, messages_got):
    campaign = make_campaign(tenant_id, channels=["chat"])
    person = f"reused-key-{tenant_id}"
    [first] = await crowd.race([ask(campaign, person, idempotency_key="order 9")])

    with pytest.raises(KeyUsedError, match=r"^idempotency_key: stands for ") as refusal:
        await crowd.race([ask(campaign, person, **{"idempotency_key": "order 9", **change})])

    assert first["message_id"] in str(refusal.value)
    assert messages_got(person) == 1


async def test_of_two_requests_racing_with_one_key_one_is_refused(crowd, tenant_id, messages_got):
    campaign = make_campaign(tenant_id, channels=["chat"])
    person = f"contested-key-{tenant_id}"
    contents = [{"default": "Bread is ready."}, {"default": "Fish has arrived."}] * 5
    asks = [ask(campaign, person, idempotency_key="k", content=content) for content in contents]

    answers = await asyncio.gather(*(a(crowd.one()) for a in asks), return_exceptions=True)

    refusals = [a for a in answers if isinstance(a, KeyUsedError)]
    results = [a for a in answers if isinstance(a, dict)]
    assert len(refusals) == len(results) == 5
    [message_id] = {result["message_id"] for result in results}
    await crowd.one().handle(UUID(message_id)).result()
    assert messages_got(person) == 1
