"""People who are in the data under several ids: one mailbox or number is one person."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from madan_sara.activities.deduplicator import MessageDeduplicator
from madan_sara.activities.own_campaign import EVERY_TENANT
from madan_sara.contracts.outreach import ClaimResult, DecideInput, ExitReason, MessageRef
from madan_sara.persistence.messages import PostgresMessageStore
from madan_sara.starter.requests import new_message
from tests.integration.persistence.shop import NOW, Shop

CHANNELS = ["email", "sms", "whatsapp"]
NO_TEXTS = {"near_duplicate_days": 0}
MARIE = {"email": "Marie@Example.com", "phone": "+509 3700 1234"}


async def _message(shop, campaign, recipient_id, contact, **changes) -> MessageRef:
    profile = {"contact_info": contact}
    content = {"default": "The market opens at eight."}
    message = new_message(campaign, recipient_id, profile, content, **changes)
    await PostgresMessageStore(shop.database).store(message, NOW)
    return MessageRef(tenant_id=shop.tenant_id, message_id=message.message_id)


async def _claim(shop, ref, *, after=timedelta(0)) -> ClaimResult:
    deduplicator = MessageDeduplicator(shop.claims, tenants=EVERY_TENANT)
    return (await deduplicator.claim(DecideInput(ref=ref, now=NOW + after))).result


@pytest.mark.parametrize(
    "contact",
    [
        {"email": "marie@EXAMPLE.com"},
        {"whatsapp": "+509 (3700) 12-34", "email": "another@example.com"},
        MARIE,
    ],
)
async def test_of_two_ids_with_one_address_the_first_is_written_to(shop, contact):
    campaign = await shop.campaign(channels=CHANNELS)
    first = await _message(shop, campaign, "newsletter-93", MARIE)
    second = await _message(shop, campaign, "shop-17", contact)
    assert (await _claim(shop, first)).block is None

    block = (await _claim(shop, second)).block

    assert block is not None
    assert block.reason is ExitReason.DUPLICATE
    assert block.details["kind"] == "same_address"
    assert block.details["last_message_id"] == str(first.message_id)
    details = str(block.details).casefold()
    assert "marie" not in details
    assert "3700" not in details


async def test_a_number_the_campaign_does_not_use_does_not_count(shop):
    campaign = await shop.campaign(channels=["email"])
    office = "+50937001234"
    people = [{"email": f"{name}@example.com", "phone": office} for name in ("ana", "ben")]
    refs = [await _message(shop, campaign, c["email"], c) for c in people]
    assert [(await _claim(shop, ref)).block for ref in refs] == [None, None]


async def test_equal_ids_of_two_platforms_are_two_people(shop):
    campaign = await shop.campaign(channels=["facebook", "chat"])
    contacts = [{"facebook_id": "17"}, {"user_id": "17"}]
    refs = [await _message(shop, campaign, f"p{n}", c) for n, c in enumerate(contacts)]
    assert [(await _claim(shop, ref)).block for ref in refs] == [None, None]


async def test_caps_count_the_messages_of_a_mailbox_under_all_its_ids(shop):
    caps = {**NO_TEXTS, "max_messages_per_day": 3}
    refs = [
        await _message(shop, await shop.campaign(channels=CHANNELS, settings=caps), f"id-{n}", c)
        for n, c in enumerate([MARIE, {"email": "marie@example.com"}] * 10)
    ]

    results = await asyncio.gather(*(_claim(shop, ref) for ref in refs))

    blocks = [result.block for result in results if result.block]
    assert len(blocks) == 17
    assert {block.reason for block in blocks} == {ExitReason.FREQUENCY_CAP}


async def test_of_racing_ids_with_one_mailbox_one_wins(shop):
    campaign = await shop.campaign(channels=CHANNELS)
    refs = [await _message(shop, campaign, f"id-{n}", MARIE) for n in range(30)]
    results = await asyncio.gather(*(_claim(shop, ref) for ref in refs))
    assert sum(result.block is None for result in results) == 1


_PEOPLE = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", "d"]), st.sampled_from("wxyz"), st.sampled_from("1234")
    ),
    min_size=2,
    max_size=12,
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(people=_PEOPLE)
async def test_in_any_race_no_id_mailbox_or_number_is_claimed_twice(shop, people):
    """Ids, mailboxes and numbers in any chain: each won claim shares nothing with another."""
    shop = Shop(shop.database, uuid4())
    campaign = await shop.campaign(channels=CHANNELS)
    contacts = [
        {"email": f"{mailbox}@example.com", "phone": f"+5093700123{number}"}
        for _, mailbox, number in people
    ]
    refs = [
        await _message(shop, campaign, person, contact)
        for (person, *_), contact in zip(people, contacts, strict=True)
    ]

    results = await asyncio.wait_for(asyncio.gather(*(_claim(shop, ref) for ref in refs)), 60)

    won = [p for p, result in zip(people, results, strict=True) if result.block is None]
    lost = [p for p, result in zip(people, results, strict=True) if result.block is not None]
    for position in range(3):
        assert len({person[position] for person in won}) == len(won)
    assert all(any(set(enumerate(p)) & set(enumerate(w)) for w in won) for p in lost)


async def test_the_database_refuses_a_second_claim_on_an_address(shop):
    """Whatever the code above it thinks of versions."""
    campaign = await shop.campaign(channels=CHANNELS)
    first = await _message(shop, campaign, "newsletter-93", MARIE)
    second = await _message(shop, campaign, "shop-17", MARIE)
    await _claim(shop, first)
    copied = text("""
        INSERT INTO recipient_claims (message_id, tenant_id, campaign_id, recipient_id, covers,
                                      claimed_at, forced, texts, addresses)
        SELECT :second, tenant_id, campaign_id, 'shop-17', covers, claimed_at, false, '{}',
               addresses FROM recipient_claims WHERE message_id = :first
    """)
    ids = {"first": first.message_id, "second": second.message_id}
    async with shop.database.statement() as connection:
        with pytest.raises(IntegrityError, match="one_live_claim_per_campaign"):
            await connection.execute(copied, ids)


async def test_an_address_is_free_again_with_its_claim(shop):
    campaign = await shop.campaign(channels=CHANNELS)
    first = await _message(shop, campaign, "newsletter-93", MARIE)
    second = await _message(shop, campaign, "shop-17", MARIE)
    await _claim(shop, first)
    await shop.conclude(first)
    assert (await _claim(shop, second)).block is None


async def test_a_window_made_shorter_counts_for_other_ids_too(shop):
    long = {**NO_TEXTS, "dedup_lookback_hours": 72}
    campaign = await shop.campaign(channels=[*CHANNELS, "chat"], settings=long)
    sent = await _message(shop, campaign, "newsletter-93", {**MARIE, "user_id": "7"})
    await _claim(shop, sent)
    await shop.reserve(sent)
    await shop.settle(sent)
    shorter = campaign.settings.model_copy(update={"dedup_lookback_hours": 24})
    changed = campaign.model_copy(update={"settings": shorter})
    await shop.save(changed)

    ref = await _message(shop, changed, "shop-17", MARIE)

    assert (await _claim(shop, ref, after=timedelta(hours=25))).block is None
