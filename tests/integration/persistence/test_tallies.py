"""Kept counts equal the counted rows, whatever happens at the same moment."""

import asyncio
import uuid
from contextlib import suppress
from datetime import timedelta

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.conversion import Conversion
from madan_sara.contracts.delivery import DeliveryEventKind
from madan_sara.contracts.outreach import MessageRef, OutreachState
from madan_sara.persistence.campaign_status import PostgresCampaignStatus
from madan_sara.persistence.conversions import PostgresConversions
from madan_sara.policy.tallies import ENGAGED, Tallies, TallyKind
from tests.integration.persistence.shop import NOW, TODAY, Shop
from tests.tallies import assert_tallies_are_exact, kept_counts

CHANNELS = (Channel.CHAT, Channel.SMS)

_FOLD = text("SELECT fold_tallies(:tenant_id, :campaign_id)")

KINDS = (
    *("store", "hold", "hold", "settle", "settle", "release", "block", "cancel"),
    *("receipt", "receipt", "convert", "fold", "fold"),
)
_STEPS = st.tuples(
    st.sampled_from(KINDS),
    st.integers(0, 3),
    st.integers(1, 2),
    st.sampled_from(CHANNELS),
    st.sampled_from(DeliveryEventKind),
)


async def tallies(shop: Shop, campaign_id: uuid.UUID) -> Tallies:
    """The counts as a status reads them."""
    reader = PostgresCampaignStatus(shop.database)
    return (await reader.snapshot(shop.tenant_id, campaign_id, NOW)).tallies


async def fold(shop: Shop, campaign_id: uuid.UUID) -> None:
    async with shop.database.statement() as connection:
        await connection.execute(_FOLD, {"tenant_id": shop.tenant_id, "campaign_id": campaign_id})


class Bustle:
    """All changes of counts, in any order and at the same moment."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._conversions = PostgresConversions(shop.database)

    async def open(self) -> None:
        self._campaign = await self._shop.campaign(channels=list(CHANNELS), daily_limit=3)
        self._refs = [await self._shop.message(self._campaign, name) for name in "abcd"]

    async def step(
        self, kind: str, number: int, attempt_no: int, channel: Channel, event: DeliveryEventKind
    ) -> None:
        ref = self._refs[number]
        sent = OutreachState.SENT if attempt_no == 1 else OutreachState.UNKNOWN
        conversion = Conversion(conversion_id="sale", value=number, occurred_at=NOW)
        await {
            "store": lambda: self._shop.message(self._campaign, str(uuid.uuid4())),
            "hold": lambda: self._hold(ref, attempt_no, channel),
            "settle": lambda: self._shop.settle(ref, attempt_no, sent),
            "release": lambda: self._shop.release(ref, attempt_no),
            "block": lambda: self._shop.conclude(ref, OutreachState.BLOCKED),
            "cancel": lambda: self._shop.conclude(ref),
            "receipt": lambda: self._shop.receive(ref, event, attempt_no),
            "convert": lambda: self._conversions.record(
                self._shop.tenant_id, ref.message_id, conversion, NOW
            ),
            "fold": lambda: fold(self._shop, self._campaign.id),
        }[kind]()

    async def _hold(self, ref: MessageRef, attempt_no: int, channel: Channel) -> None:
        # One that is refused is refused as a whole, and changes no count.
        with suppress(IntegrityError):
            await self._shop.reserve(ref, attempt_no, channel=channel)


@given(bursts=st.lists(st.lists(_STEPS, min_size=2, max_size=10), min_size=1, max_size=6))
# Not shrunk: a race does not fail twice the same way.
@settings(
    deadline=None,
    max_examples=40,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_simultaneous_changes_are_counted_exactly(database, bursts):
    shop = Shop(database, uuid.uuid4())
    bustle = Bustle(shop)
    await bustle.open()
    for burst in bursts:
        await asyncio.gather(*(bustle.step(*step) for step in burst))
        await assert_tallies_are_exact(database, shop.tenant_id)


async def test_no_reader_ever_sees_a_message_twice_or_not_at_all(shop):
    campaign = await shop.campaign()
    refs = [await shop.message(campaign, f"p{number}") for number in range(30)]
    seen, done = [], asyncio.Event()

    async def read() -> None:
        while not done.is_set():
            seen.append(sum((await tallies(shop, campaign.id)).by_state().values()))

    async def fold_again_and_again() -> None:
        while not done.is_set():
            await fold(shop, campaign.id)

    async def send() -> None:
        try:
            for ref in refs:
                await shop.reserve(ref)
                await shop.settle(ref)
        finally:
            done.set()

    await asyncio.gather(read(), read(), fold_again_and_again(), fold_again_and_again(), send())

    assert len(seen) > 10
    assert set(seen) == {len(refs)}
    assert (await tallies(shop, campaign.id)).by_state() == {"sent": len(refs)}


async def test_a_change_rolled_back_is_not_counted(shop, database, tenant_id):
    campaign = await shop.campaign()
    ref = await shop.message(campaign)
    before = await kept_counts(database, tenant_id)
    async with database.statement() as connection:
        await connection.execution_options(isolation_level="READ COMMITTED")
        await connection.execute(
            text("UPDATE messages SET state = 'cancelled' WHERE message_id = :message_id"),
            {"message_id": ref.message_id},
        )
        await connection.execute(_FOLD, {"tenant_id": tenant_id, "campaign_id": campaign.id})
        await connection.rollback()
    assert await kept_counts(database, tenant_id) == before
    await assert_tallies_are_exact(database, tenant_id)


async def test_a_fold_that_is_not_over_holds_no_change_up(shop, database, tenant_id):
    campaign = await shop.campaign()
    ref = await shop.message(campaign)
    async with database.transaction() as connection:
        await connection.execute(_FOLD, {"tenant_id": tenant_id, "campaign_id": campaign.id})
        async with asyncio.timeout(10):
            await shop.reserve(ref)
            await fold(shop, campaign.id)
            await shop.settle(ref)
            assert (await tallies(shop, campaign.id)).by_state() == {"sent": 1}
    await assert_tallies_are_exact(database, tenant_id)


async def test_changes_are_folded_by_the_transactions_that_make_them(shop, database, tenant_id):
    campaign = await shop.campaign()
    ref = await shop.message(campaign)
    rounds = 3_000
    async with database.statement() as connection:
        await connection.execute(
            text(f"""
            DO $$ BEGIN FOR round_no IN 1..{rounds} LOOP
                UPDATE messages SET state = CASE state WHEN 'deciding' THEN 'scheduled'
                                                       ELSE 'deciding' END
                 WHERE message_id = '{ref.message_id}';
                COMMIT;
            END LOOP; END $$""")
        )
        left = await connection.execute(
            text("SELECT count(*) FROM campaign_tally_changes WHERE campaign_id = :campaign_id"),
            {"campaign_id": campaign.id},
        )
    # Two changes a round. Each round folds with one chance in 200: that none of the last 2,500
    # did happens once in 270,000 runs.
    assert left.scalar_one() < 2 * 2_500
    await assert_tallies_are_exact(database, tenant_id)


async def test_a_thousand_messages_of_one_statement_are_one_change(shop, database, tenant_id):
    campaign = await shop.campaign()
    await shop.message(campaign)
    copy = text("""
    INSERT INTO messages (message_id, tenant_id, campaign_id, recipient_id, idempotency_key,
                          request_digest, profile, addresses, content_digest, force_send, state,
                          created_at)
    SELECT gen_random_uuid(), tenant_id, campaign_id, 'p' || number, 'p' || number, '', profile,
           addresses, content_digest, false, 'queued', created_at
      FROM messages, generate_series(1, 1000) number WHERE tenant_id = :tenant_id
    """)
    async with database.statement() as connection:
        await connection.execute(copy, {"tenant_id": tenant_id})
        appended = await connection.execute(
            text(
                "SELECT (SELECT count(*) FROM campaign_tally_changes WHERE tenant_id = :tenant_id)"
                " + (SELECT count(*) FROM campaign_tallies WHERE tenant_id = :tenant_id)"
            ),
            {"tenant_id": tenant_id},
        )
    assert appended.scalar_one() == 2
    assert (await tallies(shop, campaign.id)).by_state() == {"deciding": 1, "queued": 1000}


async def test_receipts_of_a_message_that_race_count_once_of_each_kind(shop):
    campaign = await shop.campaign()
    ref = await shop.message(campaign)
    await shop.reserve(ref, channel=Channel.CHAT)
    await shop.settle(ref)
    kinds = [DeliveryEventKind.OPENED] * 5 + [DeliveryEventKind.CLICKED] * 5

    known = await asyncio.gather(*(shop.receive(ref, kind) for kind in kinds))

    assert all(known)
    counted = await tallies(shop, campaign.id)
    for name in ("opened", "clicked", ENGAGED):
        assert counted.messages(TallyKind.RECEIPT, name) == 1
        assert counted.messages(TallyKind.RECEIPT, name, channel="chat") == 1
    async with shop.database.statement() as connection:
        stats = await connection.execute(
            text("SELECT opens, clicks FROM engagement_stats WHERE tenant_id = :tenant_id"),
            {"tenant_id": shop.tenant_id},
        )
    assert stats.all() == [(1, 1)]


async def test_the_rate_and_the_day_are_read_with_the_counts(shop):
    campaign = await shop.campaign()
    for number in range(3):
        ref = await shop.message(campaign, f"p{number}")
        await shop.reserve(ref)
        await shop.settle(ref, after=timedelta(minutes=number - 6))
    reader = PostgresCampaignStatus(shop.database)
    snapshot = await reader.snapshot(shop.tenant_id, campaign.id, NOW)
    assert snapshot.recent.count == 1
    assert snapshot.recent.since == NOW - timedelta(minutes=4)
    assert snapshot.recent.first_ever == NOW - timedelta(minutes=6)
    assert {a.key for a in snapshot.accounts if a.scope == "day"} == {TODAY.isoformat()}
