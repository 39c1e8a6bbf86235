"""Several messages in one statement: each gets the same answer as alone."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import text

from madan_sara.activities.deduplicator import MessageDeduplicator
from madan_sara.activities.own_campaign import EVERY_TENANT
from madan_sara.contracts.outreach import ClaimResult, DecideInput, ExitReason, MessageRef
from madan_sara.persistence.database import Database, Parameters, Query
from tests.integration.persistence.shop import NOW, TODAY, Shop
from tests.ledger import assert_accounts_balance
from tests.waiting import eventually

TOMORROW = TODAY + timedelta(days=1)

_LOCK_MESSAGES = "SELECT FROM messages WHERE message_id = ANY(:ids) FOR UPDATE"
_LOCK_VERSIONS = "SELECT FROM recipient_versions WHERE identifier = ANY(:ids) FOR UPDATE"
_WAITING = text("""
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND wait_event_type = 'Lock'
""")


class WatchedDatabase(Database):
    """Notes how many messages each shared statement carried, and its errors."""

    def __init__(self, dsn: str) -> None:
        super().__init__(dsn)
        self.carried: list[int] = []
        self.errors: list[Exception] = []

    async def fetch(self, query: Query, parameters: Parameters) -> Sequence[asyncpg.Record]:
        ids = parameters.get("message_id")
        if isinstance(ids, list):
            self.carried.append(len(ids))
        try:
            return await super().fetch(query, parameters)
        except Exception as error:
            self.errors.append(error)
            raise


@pytest_asyncio.fixture
async def watched(dsn: str) -> AsyncIterator[WatchedDatabase]:
    database = WatchedDatabase(dsn)
    yield database
    await database.close()


@pytest.fixture
def shop(watched: WatchedDatabase, tenant_id) -> Shop:
    return Shop(watched, tenant_id)


@pytest_asyncio.fixture
async def other(dsn: str, tenant_id) -> AsyncIterator[Shop]:
    """Another worker's."""
    database = WatchedDatabase(dsn)
    yield Shop(database, tenant_id)
    await database.close()


async def _claim(shop: Shop, ref: MessageRef, *, after=timedelta(0)) -> ClaimResult:
    deduplicator = MessageDeduplicator(shop.claims, tenants=EVERY_TENANT)
    return (await deduplicator.claim(DecideInput(ref=ref, now=NOW + after))).result


async def _people(shop: Shop, campaign, count: int) -> list[MessageRef]:
    return [await shop.message(campaign, f"person {n}") for n in range(count)]


async def _open_days(shop: Shop, campaign) -> None:
    """Accounts of a day exist from its first hold on; without one each hold goes alone."""
    early = await shop.message(campaign, "early bird")
    for attempt_no, day in enumerate((TODAY, TOMORROW), start=1):
        await shop.reserve(early, attempt_no, day=day, price=0)
        await shop.release(early, attempt_no)


async def test_holds_that_fit_win_and_no_others(shop, watched):
    campaign = await shop.campaign(budget_total=5)
    await _open_days(shop, campaign)
    refs = await _people(shop, campaign, 12)

    results = await asyncio.gather(*(shop.reserve(ref) for ref in refs))

    assert max(watched.carried) == 12
    assert sum(result.block is None for result in results) == 5
    assert {r.block.reason for r in results if r.block} == {ExitReason.BUDGET_EXCEEDED}
    await assert_accounts_balance(shop.database, shop.tenant_id)


async def test_a_large_price_does_not_take_the_place_of_small_ones(shop, watched):
    campaign = await shop.campaign(budget_total=3)
    await _open_days(shop, campaign)
    refs = await _people(shop, campaign, 4)
    prices = [5_000_000, 1_000_000, 1_000_000, 1_000_000]

    results = await asyncio.gather(
        *(shop.reserve(ref, price=price) for ref, price in zip(refs, prices, strict=True))
    )

    assert max(watched.carried) == 4
    assert [result.block is None for result in results] == [False, True, True, True]
    await assert_accounts_balance(shop.database, shop.tenant_id)


async def test_a_campaign_without_money_takes_nothing_from_its_neighbours(shop, watched):
    poor, rich = await shop.campaign(budget_total=0), await shop.campaign(budget_total=8)
    await _open_days(shop, poor)
    await _open_days(shop, rich)
    pairs = zip(await _people(shop, poor, 8), await _people(shop, rich, 8), strict=True)
    refs = [ref for pair in pairs for ref in pair]

    results = await asyncio.gather(*(shop.reserve(ref) for ref in refs))

    assert max(watched.carried) == 16
    assert [result.block is None for result in results] == [False, True] * 8
    await assert_accounts_balance(shop.database, shop.tenant_id)


async def test_holds_on_days_with_and_without_an_account(shop, watched):
    campaign = await shop.campaign(daily_limit=4)
    refs = await _people(shop, campaign, 12)
    await shop.reserve(refs[0], day=TODAY)

    results = await asyncio.gather(
        *(shop.reserve(ref, day=(TODAY, TOMORROW)[n % 2]) for n, ref in enumerate(refs))
    )

    assert max(watched.carried) == 12
    assert sum(result.block is None for result in results) == 8
    await assert_accounts_balance(shop.database, shop.tenant_id)


async def test_a_hold_twice_in_one_statement_is_booked_once(shop, watched):
    campaign = await shop.campaign(budget_total=6)
    await _open_days(shop, campaign)
    refs = await _people(shop, campaign, 6)

    results = await asyncio.gather(*(shop.reserve(ref) for ref in refs * 2))
    again = await asyncio.gather(*(shop.reserve(ref) for ref in refs))

    assert max(watched.carried) == 12
    assert [result.block for result in results] == [None] * 12
    assert [hold.held for hold in again] == [hold.held for hold in results[:6]]
    await assert_accounts_balance(shop.database, shop.tenant_id)


async def test_an_ended_message_among_others_takes_no_hold(shop):
    campaign = await shop.campaign()
    await _open_days(shop, campaign)
    refs = await _people(shop, campaign, 4)
    await shop.conclude(refs[2])

    results = await asyncio.gather(*(shop.reserve(ref) for ref in refs))

    assert [result.block and result.block.reason for result in results] == [
        None,
        None,
        ExitReason.CANCELLED,
        None,
    ]
    await assert_accounts_balance(shop.database, shop.tenant_id)


@asynccontextmanager
async def _locked(database: Database, lock: str, ids: Sequence[object]) -> AsyncIterator[None]:
    """Rows locked by another transaction until two statements wait for them."""
    async with database.transaction() as connection:
        await connection.execute(text(lock), {"ids": ids})
        yield

        async def both_wait() -> bool:
            async with database.statement() as observer:
                return bool((await observer.execute(_WAITING)).scalar_one() >= 2)

        await eventually(both_wait, "two statements wait for a lock")


async def test_holds_of_two_workers_in_opposite_orders_do_not_wait_for_each_other(
    shop, watched, other
):
    campaign = await shop.campaign()
    await _open_days(shop, campaign)
    refs = sorted(await _people(shop, campaign, 8), key=lambda ref: ref.message_id)
    middle = [ref.message_id for ref in refs[3:5]]

    async with _locked(shop.database, _LOCK_MESSAGES, middle):
        tasks = [asyncio.create_task(shop.reserve(ref)) for ref in refs]
        tasks += [asyncio.create_task(other.reserve(ref)) for ref in reversed(refs)]
        await asyncio.sleep(0)
    results = await asyncio.gather(*tasks)

    assert max(watched.carried) == max(other.database.carried) == 8
    assert [result.block for result in results] == [None] * 16
    errors = {type(error) for error in watched.errors + other.database.errors}
    assert errors <= {asyncpg.UniqueViolationError}
    await assert_accounts_balance(shop.database, shop.tenant_id)


async def test_claims_of_two_workers_in_opposite_orders_do_not_wait_for_each_other(
    shop, watched, other
):
    settings = {"near_duplicate_days": 0}
    people = [f"person {n}" for n in range(8)]
    before = await shop.campaign(settings=settings)
    await asyncio.gather(*[_claim(shop, await shop.message(before, name)) for name in people])
    campaign = await shop.campaign(settings=settings)
    refs = [await shop.message(campaign, name) for name in people]

    async with _locked(shop.database, _LOCK_VERSIONS, [f"id:{person}" for person in people[3:5]]):
        tasks = [asyncio.create_task(_claim(shop, ref)) for ref in refs]
        tasks += [asyncio.create_task(_claim(other, ref)) for ref in reversed(refs)]
        await asyncio.sleep(0)
    results = await asyncio.gather(*tasks)

    assert max(watched.carried) == max(other.database.carried) == 8
    assert results == [ClaimResult()] * 16
    assert watched.errors + other.database.errors == []


async def test_of_claims_on_a_person_in_one_statement_as_many_win_as_may(shop, watched):
    settings = {"max_messages_per_day": 2, "near_duplicate_days": 0}
    refs = [
        await shop.message(await shop.campaign(settings=settings), person)
        for person in ("ana", "ben") * 4
    ]

    results = await asyncio.gather(*(_claim(shop, ref) for ref in refs))

    assert max(watched.carried) == 8
    for person in range(2):
        blocks = [result.block for result in results[person::2]]
        assert blocks.count(None) == 2
        assert {b.reason for b in blocks if b} == {ExitReason.FREQUENCY_CAP}


async def test_a_claim_twice_in_one_statement_is_granted_once(shop, watched):
    refs = await _people(shop, await shop.campaign(), 3)

    results = await asyncio.gather(*(_claim(shop, ref) for ref in refs * 3))

    assert max(watched.carried) == 9
    assert results == [ClaimResult()] * 9


async def test_a_claim_that_runs_into_the_constraint_does_so_alone(shop, watched):
    settings = {"dedup_lookback_hours": 72, "near_duplicate_days": 0}
    campaign = await shop.campaign(settings=settings)
    sent = await shop.message(campaign, "ana")
    await _claim(shop, sent)
    await shop.reserve(sent)
    await shop.settle(sent)
    shorter = campaign.settings.model_copy(update={"dedup_lookback_hours": 24})
    changed = campaign.model_copy(update={"settings": shorter})
    await shop.save(changed)
    refs = [await shop.message(changed, person) for person in ("ben", "ana", "cid", "dan")]

    later = timedelta(hours=25)
    results = await asyncio.gather(*(_claim(shop, ref, after=later) for ref in refs))

    assert {type(error) for error in watched.errors} == {asyncpg.ExclusionViolationError}
    assert results == [ClaimResult()] * 4


async def test_a_message_that_does_not_exist_fails_alone(shop, watched):
    refs = await _people(shop, await shop.campaign(), 3)
    stranger = MessageRef(tenant_id=shop.tenant_id, message_id=uuid4())

    results = await asyncio.gather(
        *(_claim(shop, ref) for ref in (refs[0], stranger, *refs[1:])), return_exceptions=True
    )

    assert isinstance(results[1], LookupError)
    assert not any(isinstance(result, Exception) for result in (results[0], *results[2:]))
    assert max(watched.carried) == 4


async def test_a_cancelled_caller_leaves_the_others_their_claims(shop):
    refs = await _people(shop, await shop.campaign(), 6)
    tasks = [asyncio.create_task(_claim(shop, ref)) for ref in refs]
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    tasks[0].cancel()
    tasks[3].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert [r for n, r in enumerate(results) if n not in (0, 3)] == [ClaimResult()] * 4
    again = await asyncio.gather(*(_claim(shop, ref) for ref in refs))
    assert again == [ClaimResult()] * 6


async def test_a_locked_person_holds_no_other_claim_up(shop, watched):
    campaign = await shop.campaign(settings={"near_duplicate_days": 0})
    before = await shop.campaign(settings={"near_duplicate_days": 0})
    await _claim(shop, await shop.message(before, "person 3"))
    refs = await _people(shop, campaign, 8)

    async with shop.database.transaction() as connection:
        await connection.execute(text(_LOCK_VERSIONS), {"ids": ["id:person 3"]})
        tasks = [asyncio.create_task(_claim(shop, ref)) for ref in refs]
        done, waiting = await asyncio.wait(tasks, timeout=30, return_when=asyncio.FIRST_COMPLETED)
        while len(done) < 7:
            more, waiting = await asyncio.wait(
                waiting, timeout=30, return_when=asyncio.FIRST_COMPLETED
            )
            assert more
            done |= more
        assert waiting == {tasks[3]}

    assert max(watched.carried) == 8
    assert await asyncio.gather(*tasks) == [ClaimResult()] * 8
