"""The facts that the database refuses to store."""

import uuid

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from madan_sara.contracts.delivery import DeliveryEvent, DeliveryEventKind
from tests.integration.persistence.shop import NOW
from tests.ledger import assert_accounts_balance

_CLAIM = """
INSERT INTO recipient_claims (message_id, tenant_id, campaign_id, recipient_id, covers, claimed_at,
                              released_at, forced, texts)
SELECT message_id, tenant_id, campaign_id, recipient_id,
       tstzrange(CAST(:now AS timestamptz) + make_interval(hours => :from_hour),
                 CAST(:now AS timestamptz) + make_interval(hours => :until_hour)),
       :now, CASE WHEN :released THEN CAST(:now AS timestamptz) END, :forced, '{}'
  FROM messages WHERE message_id = :message_id
"""

_ENTRY = """
INSERT INTO budget_entries (message_id, attempt_no, kind, tenant_id, campaign_id, channel, day,
                            amount_micros, created_at)
SELECT message_id, 1, :kind, tenant_id, campaign_id, 'chat', CAST(:now AS date), 1000000, :now
  FROM messages WHERE message_id = :message_id
"""

_ATTEMPT = """
INSERT INTO attempts (message_id, attempt_no, tenant_id, channel, provider, idempotency_key, state,
                      tries, called_at)
SELECT message_id, :attempt_no, tenant_id, 'chat', 'sandbox', :key, :state, 1, :now
  FROM messages WHERE message_id = :message_id
"""


async def _run(shop, statement, **parameters) -> None:
    async with shop.database.transaction() as connection:
        await connection.execute(text(statement), {"now": NOW, **parameters})


async def _claim(shop, ref, *, hours=(0, None), released=False, forced=False) -> None:
    await _run(
        shop,
        _CLAIM,
        message_id=ref.message_id,
        from_hour=hours[0],
        until_hour=hours[1],
        released=released,
        forced=forced,
    )


async def _attempt(shop, ref, attempt_no, state) -> None:
    key = f"{ref.message_id}:{attempt_no}"
    await _run(
        shop, _ATTEMPT, message_id=ref.message_id, attempt_no=attempt_no, state=state, key=key
    )


@pytest.mark.parametrize("hours", [(0, None), (1, None), (-5, 1), (23, 30), (-5, None)], ids=str)
async def test_two_live_claims_of_a_campaign_on_a_person_cannot_overlap(shop, hours):
    campaign = await shop.campaign()
    await _claim(shop, await shop.message(campaign), hours=(0, 24))
    second = await shop.message(campaign)
    with pytest.raises(IntegrityError, match="one_live_claim_per_campaign"):
        await _claim(shop, second, hours=hours)


async def test_claims_that_do_not_overlap_can_be_stored(shop):
    campaign, other_campaign = await shop.campaign(), await shop.campaign()
    await _claim(shop, await shop.message(campaign), hours=(0, 24))

    await _claim(shop, await shop.message(campaign), hours=(24, None))
    await _claim(shop, await shop.message(campaign), hours=(-24, 0))
    await _claim(shop, await shop.message(campaign), released=True)
    await _claim(shop, await shop.message(campaign), forced=True)
    await _claim(shop, await shop.message(campaign, "ben"))
    await _claim(shop, await shop.message(other_campaign))


async def test_a_released_claim_cannot_come_back_over_another(shop):
    campaign = await shop.campaign()
    first, second = await shop.message(campaign), await shop.message(campaign)
    await _claim(shop, first, released=True)
    await _claim(shop, second)
    revive = "UPDATE recipient_claims SET released_at = NULL WHERE message_id = :message_id"
    with pytest.raises(IntegrityError, match="one_live_claim_per_campaign"):
        await _run(shop, revive, message_id=first.message_id)


@pytest.mark.parametrize(
    "change",
    [
        "held_micros = 1000001",
        "spent_micros = 1000001",
        "held_micros = 500001, spent_micros = 500000",
        "held_micros = 600000, limit_micros = 500000",
    ],
)
async def test_held_and_spent_stay_within_the_limit(shop, change):
    campaign = await shop.campaign(budget_total=1)
    statement = (
        f"UPDATE budget_accounts SET {change} WHERE campaign_id = :id AND scope = 'campaign'"
    )
    with pytest.raises(IntegrityError, match="spend_within_limit"):
        await _run(shop, statement, id=campaign.id)
    exactly = "UPDATE budget_accounts SET held_micros = 400000, spent_micros = 600000"
    await _run(shop, f"{exactly} WHERE campaign_id = :id AND scope = 'campaign'", id=campaign.id)


async def test_the_number_of_messages_stays_within_the_limit(shop):
    campaign = await shop.campaign(daily_limit=2)
    await shop.reserve(await shop.message(campaign))
    statement = "UPDATE budget_accounts SET message_count = :n WHERE campaign_id = :id"
    with pytest.raises(IntegrityError, match="messages_within_limit"):
        await _run(shop, f"{statement} AND scope = 'day'", id=campaign.id, n=3)


@pytest.mark.parametrize("column", ["held_micros", "spent_micros", "message_count"])
async def test_no_account_falls_below_nothing(shop, column):
    campaign = await shop.campaign()
    statement = f"UPDATE budget_accounts SET {column} = -1 WHERE campaign_id = :id"
    with pytest.raises(IntegrityError, match=f"budget_accounts_{column}_check"):
        await _run(shop, statement, id=campaign.id)


async def test_a_message_is_accepted_once(shop):
    ref = await shop.message(await shop.campaign())
    await _attempt(shop, ref, 1, "accepted")
    await _attempt(shop, ref, 2, "refused")
    with pytest.raises(IntegrityError, match="one_accepted_attempt"):
        await _attempt(shop, ref, 3, "accepted")
    bounce = "UPDATE attempts SET state = 'bounced' WHERE message_id = :id AND attempt_no = 1"
    await _run(shop, bounce, id=ref.message_id)
    await _attempt(shop, ref, 3, "accepted")


async def test_an_attempt_exists_once(shop):
    ref = await shop.message(await shop.campaign())
    await _attempt(shop, ref, 1, "refused")
    with pytest.raises(IntegrityError, match="attempts_pkey"):
        await _attempt(shop, ref, 1, "sending")


@pytest.mark.parametrize(
    ("first", "second", "constraint"),
    [
        ("settle", "release", "one_end_per_hold"),
        ("release", "settle", "one_end_per_hold"),
        ("settle", "settle", "one_end_per_hold|budget_entries_pkey"),
        ("hold", "hold", "budget_entries_pkey"),
    ],
)
async def test_a_hold_begins_and_ends_once(shop, first, second, constraint):
    ref = await shop.message(await shop.campaign())
    await _run(shop, _ENTRY, message_id=ref.message_id, kind=first)
    with pytest.raises(IntegrityError, match=constraint):
        await _run(shop, _ENTRY, message_id=ref.message_id, kind=second)


async def test_a_receipt_counts_once(shop):
    ref = await shop.message(await shop.campaign(budget_total=5))
    await shop.reserve(ref)
    await shop.settle(ref)
    event = DeliveryEvent(
        provider="sandbox",
        provider_event_id=uuid.uuid4().hex,
        message_id=ref.message_id,
        attempt_no=1,
        kind=DeliveryEventKind.OPENED,
        occurred_at=NOW,
    )

    assert await shop.receipts.receive(shop.tenant_id, event, NOW)
    assert not await shop.receipts.receive(shop.tenant_id, event, NOW)

    async with shop.database.statement() as connection:
        figures = await connection.execute(
            text("SELECT messages, opens FROM engagement_stats WHERE tenant_id = :id"),
            {"id": shop.tenant_id},
        )
        assert figures.one() == (1, 1)
    repeat = """
        INSERT INTO delivery_events SELECT * FROM delivery_events WHERE message_id = :id
    """
    with pytest.raises(IntegrityError, match="delivery_events_pkey"):
        await _run(shop, repeat, id=ref.message_id)
    await assert_accounts_balance(shop.database, shop.tenant_id)


async def test_a_stranger_s_receipt_is_not_kept(shop):
    ref = await shop.message(await shop.campaign())
    event = DeliveryEvent(
        provider="sandbox",
        provider_event_id=uuid.uuid4().hex,
        message_id=ref.message_id,
        attempt_no=1,
        kind=DeliveryEventKind.BOUNCED,
        occurred_at=NOW,
    )
    assert not await shop.receipts.receive(uuid.uuid4(), event, NOW)
