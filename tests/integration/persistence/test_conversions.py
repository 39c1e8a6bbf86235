"""A conversion counts once, for the channel its message was sent on."""

import asyncio
import uuid

import pytest
from sqlalchemy import text

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.errors import ConflictError, InvalidRequestError, KeyUsedError
from madan_sara.contracts.outreach import OutreachState
from madan_sara.policy.returns import analyse
from madan_sara.starter.conversions import Conversions
from tests.tallies import assert_tallies_are_exact


@pytest.fixture
def record(database, tenant_id):
    conversions = Conversions(database, tenant_id)

    async def record(ref, value, conversion_id=None, at=None):
        return await conversions.record(ref.message_id, value, conversion_id=conversion_id, at=at)

    return record


@pytest.fixture
async def campaign(shop):
    return await shop.campaign()


@pytest.fixture
async def sent(shop, campaign):
    ref = await shop.message(campaign)
    await shop.reserve(ref, channel=Channel.SMS)
    await shop.settle(ref)
    return ref


async def counted(shop, campaign) -> tuple[int, str, str | None]:
    """Conversions on SMS, their value, and the return on what was spent there."""
    sms = analyse(campaign, await shop.ledger.balances(campaign)).by_channel[Channel.SMS]
    roi = None if sms.roi is None else str(sms.roi)
    return sms.conversions, str(sms.conversion_value), roi


async def test_a_conversion_counts_for_the_channel_the_message_was_sent_on(
    shop, campaign, sent, record
):
    named = await record(sent, "12.50", "order 1")
    unnamed = await record(sent, 0)

    assert named == "order 1"
    assert uuid.UUID(unnamed)
    assert await counted(shop, campaign) == (2, "12.5", "11.5000")
    await assert_tallies_are_exact(shop.database, shop.tenant_id)


async def test_however_often_it_is_repeated_it_counts_once(shop, campaign, sent, record):
    answers = await asyncio.gather(*(record(sent, 3, "order 1") for _ in range(10)))
    assert set(answers) == {"order 1"}
    assert await counted(shop, campaign) == (1, "3", "2.0000")


async def test_one_id_never_stands_for_two_values(shop, campaign, sent, record):
    await record(sent, 3, "order 1")
    with pytest.raises(KeyUsedError, match=r"^conversion_id: stands for .* 3 already, not 4"):
        await record(sent, 4, "order 1")
    assert await counted(shop, campaign) == (1, "3", "2.0000")


async def test_a_message_that_may_have_been_sent_can_bring_one(shop, campaign, record):
    ref = await shop.message(campaign)
    await shop.reserve(ref, channel=Channel.SMS)
    await shop.settle(ref, state=OutreachState.UNKNOWN)
    await record(ref, 1)
    assert (await counted(shop, campaign))[0] == 1


@pytest.mark.parametrize("state", ["deciding", "scheduled", "cancelled"])
async def test_a_message_that_was_not_sent_can_bring_none(shop, campaign, record, state):
    ref = await shop.message(campaign)
    if state != "deciding":
        await shop.reserve(ref, channel=Channel.SMS)
    if state == "cancelled":
        await shop.conclude(ref)
    with pytest.raises(ConflictError, match=f"is {state}; only a message that was sent"):
        await record(ref, 1)
    assert (await counted(shop, campaign))[0] == 0
    async with shop.database.statement() as connection:
        stored = await connection.execute(
            text("SELECT count(*) FROM conversions WHERE tenant_id = :tenant_id"),
            {"tenant_id": shop.tenant_id},
        )
        assert stored.scalar_one() == 0


async def test_another_tenants_message_is_unknown(shop, sent, database):
    with pytest.raises(LookupError, match=str(sent.message_id)):
        await Conversions(database, uuid.uuid4()).record(
            sent.message_id, 1, conversion_id=None, at=None
        )


@pytest.mark.parametrize(
    ("value", "conversion_id", "named"),
    [
        (-1, None, "value:"),
        ("0.0000001", None, "value:"),
        ("much", None, "value:"),
        (True, None, "value:"),
        (1, "", "conversion_id:"),
        (1, "x" * 201, "conversion_id:"),
    ],
)
async def test_a_violation_is_named(sent, record, value, conversion_id, named):
    with pytest.raises(InvalidRequestError, match=named):
        await record(sent, value, conversion_id)


async def test_a_campaign_that_was_never_saved_has_no_accounts(shop, campaign):
    other = campaign.model_copy(update={"id": uuid.uuid4()})
    with pytest.raises(LookupError, match=str(other.id)):
        await shop.ledger.balances(other)
