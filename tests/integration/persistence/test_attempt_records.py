"""The record of an attempt, and the bookings of the same statement."""

import asyncio
import uuid
from collections import Counter
from datetime import timedelta

import asyncpg
import pytest
from sqlalchemy import text

from madan_sara.activities.attempt_store import Postponement
from madan_sara.activities.deduplicator import MessageDeduplicator
from madan_sara.activities.own_campaign import EVERY_TENANT
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import AttemptState, DeliveryEventKind
from madan_sara.contracts.outreach import DecideInput, MessageRef
from tests.integration.persistence.shop import NOW, Shop
from tests.ledger import assert_accounts_balance
from tests.tallies import assert_tallies_are_exact

LATER = NOW + timedelta(minutes=5)

#: Which transaction wrote each row that follows from a message being taken.
_WRITERS = text("""
SELECT 'attempt' AS row, xmin::text FROM attempts WHERE message_id = :id
 UNION ALL SELECT 'message', xmin::text FROM messages WHERE message_id = :id
 UNION ALL SELECT 'claim', xmin::text FROM recipient_claims WHERE message_id = :id
 UNION ALL SELECT 'entry', xmin::text FROM budget_entries WHERE message_id = :id AND kind = 'settle'
 UNION ALL SELECT 'account', xmin::text FROM budget_accounts
            WHERE tenant_id = :tenant_id AND spent_micros > 0
 UNION ALL SELECT 'habit', xmin::text FROM engagement_stats WHERE tenant_id = :tenant_id
""")

_STATUS = text("""
SELECT m.state, m.sent_at, m.finished_at, upper(r.covers) AS covered_until,
       (SELECT array_agg(kind ORDER BY kind) FROM budget_entries WHERE message_id = :id) AS kinds
  FROM messages m JOIN recipient_claims r USING (message_id) WHERE message_id = :id
""")


_COUNTED = text("SELECT messages FROM engagement_stats WHERE tenant_id = :tenant_id")
_PUT_IN_STATE = text("UPDATE messages SET state = :state WHERE message_id = :id")


@pytest.fixture
async def begun(shop) -> MessageRef:
    """A message whose provider is being called."""
    ref: MessageRef = await shop.message(await shop.campaign(budget_total=5))
    await MessageDeduplicator(shop.claims, tenants=EVERY_TENANT).claim(
        DecideInput(ref=ref, now=NOW)
    )
    await shop.reserve(ref)
    await _open(shop, ref)
    return ref


async def _open(shop: Shop, ref: MessageRef) -> None:
    assert await shop.attempts.open_attempt(ref, 1, Channel.CHAT, "postman", NOW, openings_before=0)


async def _rows(shop: Shop, statement, ref: MessageRef):
    async with shop.database.statement() as connection:
        key = {"id": ref.message_id, "tenant_id": ref.tenant_id}
        return (await connection.execute(statement, key)).all()


async def _status(shop: Shop, ref: MessageRef):
    await assert_accounts_balance(shop.database, shop.tenant_id)
    (row,) = await _rows(shop, _STATUS, ref)
    return row


async def test_a_taken_attempt_keeps_no_code_of_an_earlier_wait(shop, begun):
    wait = Postponement(until=LATER, code="misconfigured", account="postman:1")
    assert await shop.attempts.put_off(begun, 1, Channel.CHAT, NOW, wait, openings=1, tries=0)
    assert await shop.attempts.open_attempt(
        begun, 1, Channel.CHAT, "postman", LATER, openings_before=1
    )
    taken = await shop.attempts.record_attempt(
        begun, 1, AttemptState.ACCEPTED, LATER, openings=2, tries=1
    )
    assert (taken.state, taken.code) == (AttemptState.ACCEPTED, None)


@pytest.mark.parametrize("answer", [AttemptState.ACCEPTED, AttemptState.UNKNOWN])
async def test_an_answer_and_all_that_follows_from_it_are_one_commit(shop, begun, answer):
    await shop.attempts.record_attempt(begun, 1, answer, LATER, openings=1, tries=1)

    writers = await _rows(shop, _WRITERS, begun)
    written = Counter(row for row, _ in writers)
    assert written == Counter(["attempt", "message", "claim", "entry", "habit", *["account"] * 3])
    assert len({transaction for _, transaction in writers}) == 1


@pytest.mark.parametrize(
    ("answer", "state"),
    [(AttemptState.ACCEPTED, "sent"), (AttemptState.UNKNOWN, "unknown")],
)
async def test_a_taken_message_is_sent_spent_and_covered_for_one_look_back(
    shop, begun, answer, state
):
    attempt = await shop.attempts.record_attempt(begun, 1, answer, LATER, openings=1, tries=1)

    status = await _status(shop, begun)
    assert attempt.state is answer
    assert (status.state, status.sent_at, status.finished_at) == (state, LATER, LATER)
    assert status.covered_until == LATER + timedelta(hours=24)
    assert status.kinds == ["hold", "settle"]


@pytest.mark.parametrize("answer", [AttemptState.REFUSED, AttemptState.NOT_SENT])
async def test_an_attempt_that_is_not_taken_books_nothing(shop, begun, answer):
    await shop.attempts.record_attempt(begun, 1, answer, LATER, openings=1, tries=1)

    status = await _status(shop, begun)
    assert (status.state, status.sent_at, status.kinds) == ("sending", None, ["hold"])
    assert status.covered_until is None


async def test_one_answer_stands_and_is_booked_once(shop, begun):
    """The first answer counts; a later acceptance only changes an unknown attempt."""
    answers = [AttemptState.ACCEPTED, AttemptState.UNKNOWN, AttemptState.REFUSED] * 3
    attempts = await asyncio.gather(
        *(
            shop.attempts.record_attempt(begun, 1, answer, LATER, openings=1, tries=1)
            for answer in answers
        ),
        *(shop.attempts.close_attempt(begun, 1, Channel.CHAT, LATER) for _ in answers),
    )

    states = {attempt.state for attempt in attempts}
    assert states in ({"accepted"}, {"refused"}, {"unknown", "accepted"})
    status = await _status(shop, begun)
    assert status.state == ("sending" if states == {"refused"} else "sent")
    assert status.kinds == (["hold"] if states == {"refused"} else ["hold", "settle"])


async def _provider_id(shop: Shop, ref: MessageRef) -> str | None:
    record = await shop.messages.record(shop.tenant_id, ref.message_id)
    assert record is not None
    return record.attempts[-1].provider_message_id


async def _accepted_late(shop: Shop, ref: MessageRef, *, openings: int = 1):
    return await shop.attempts.record_attempt(
        ref,
        1,
        AttemptState.ACCEPTED,
        LATER + timedelta(hours=1),
        openings=openings,
        tries=1,
        provider_message_id="letter 1",
    )


async def _lose(shop: Shop, ref: MessageRef) -> None:
    await shop.attempts.record_attempt(ref, 1, AttemptState.UNKNOWN, LATER, openings=1, tries=1)


@pytest.mark.parametrize("is_closed", [False, True], ids=["given up", "cancelled"])
async def test_a_late_acceptance_makes_an_unknown_message_sent(shop, begun, is_closed):
    if is_closed:
        await shop.attempts.close_attempt(begun, 1, Channel.CHAT, LATER)
    else:
        await _lose(shop, begun)
    before = await _status(shop, begun)

    attempt = await _accepted_late(shop, begun)

    after = await _status(shop, begun)
    assert (attempt.state, await _provider_id(shop, begun)) == (AttemptState.ACCEPTED, "letter 1")
    assert (before.state, after.state) == ("unknown", "sent")
    assert after[1:] == before[1:]
    assert sum((await _rows(shop, _COUNTED, begun))[0]) == 1
    await assert_tallies_are_exact(shop.database, shop.tenant_id)


async def test_an_acceptance_of_an_earlier_call_leaves_the_attempt_unknown(shop, begun):
    await _lose(shop, begun)
    assert (await _accepted_late(shop, begun, openings=0)).state is AttemptState.UNKNOWN
    assert (await _status(shop, begun)).state == "unknown"


async def test_a_late_acceptance_leaves_a_message_that_has_moved_on(shop, begun):
    await _lose(shop, begun)
    assert await shop.receive(begun, DeliveryEventKind.BOUNCED)
    assert (await _accepted_late(shop, begun)).state is AttemptState.BOUNCED
    assert await _provider_id(shop, begun) is None


@pytest.mark.parametrize("state", ["deciding", "scheduled", "cancelled", "sent"])
async def test_a_late_acceptance_leaves_a_message_in_any_state_but_unknown(shop, begun, state):
    await _lose(shop, begun)
    async with shop.database.statement() as connection:
        key = {"id": begun.message_id, "state": state}
        await connection.execute(_PUT_IN_STATE, key)
    assert (await _accepted_late(shop, begun)).state is AttemptState.UNKNOWN
    (status,) = await _rows(shop, _STATUS, begun)
    assert status.state == state


@pytest.mark.parametrize("repetition", range(20))
async def test_an_acceptance_at_the_moment_of_giving_up_ends_as_sent(shop, begun, repetition):
    await asyncio.gather(_lose(shop, begun), _accepted_late(shop, begun))
    assert (await _status(shop, begun)).state == "sent"
    assert await _provider_id(shop, begun) == "letter 1"


@pytest.mark.parametrize("is_closed", [False, True], ids=["given up", "cancelled"])
async def test_an_unknown_attempt_keeps_no_code_of_an_earlier_call(shop, begun, is_closed):
    wait = Postponement(until=LATER, code="smtp_421", account="postman:1")
    assert await shop.attempts.put_off(begun, 1, Channel.CHAT, NOW, wait, openings=1, tries=0)
    assert await shop.attempts.open_attempt(
        begun, 1, Channel.CHAT, "postman", LATER, openings_before=1
    )
    if is_closed:
        attempt = await shop.attempts.close_attempt(begun, 1, Channel.CHAT, LATER)
    else:
        attempt = await shop.attempts.record_attempt(
            begun, 1, AttemptState.UNKNOWN, LATER, openings=2, tries=1
        )
    assert (attempt.state, attempt.code) == (AttemptState.UNKNOWN, None)


async def test_a_bounce_heard_before_the_answer_is_neither_lost_nor_free(shop, begun):
    assert await shop.receive(begun, DeliveryEventKind.BOUNCED)

    attempt = await shop.attempts.record_attempt(
        begun, 1, AttemptState.UNKNOWN, LATER, openings=1, tries=1
    )

    assert attempt.state is AttemptState.BOUNCED
    status = await _status(shop, begun)
    assert (status.state, status.kinds) == ("sent", ["hold", "settle"])


@pytest.mark.parametrize("repetition", range(20))
async def test_a_bounce_and_an_answer_at_the_same_moment_end_as_a_bounce(shop, begun, repetition):
    await asyncio.gather(
        shop.receive(begun, DeliveryEventKind.BOUNCED),
        shop.attempts.record_attempt(begun, 1, AttemptState.ACCEPTED, LATER, openings=1, tries=1),
    )

    facts = await shop.attempts.delivery_facts(begun, 1, Channel.CHAT, "")
    assert facts.attempt.state is AttemptState.BOUNCED
    assert (await _status(shop, begun)).state == "sent"


async def test_closed_on_its_way_an_attempt_is_unknown_and_spent(shop, begun):
    attempt = await shop.attempts.close_attempt(begun, 1, Channel.CHAT, LATER)

    assert attempt.state is AttemptState.UNKNOWN
    status = await _status(shop, begun)
    assert (status.state, status.kinds) == ("unknown", ["hold", "settle"])


async def test_closed_after_a_bounce_an_attempt_was_taken(shop, begun):
    await shop.receive(begun, DeliveryEventKind.BOUNCED)

    attempt = await shop.attempts.close_attempt(begun, 1, Channel.CHAT, LATER)

    assert attempt.state is AttemptState.BOUNCED
    assert (await _status(shop, begun)).state == "sent"


async def test_closed_unsent_an_attempt_keeps_its_hold_for_its_release(shop, begun):
    await shop.attempts.record_attempt(begun, 1, AttemptState.NOT_SENT, NOW, openings=1, tries=1)

    attempt = await shop.attempts.close_attempt(begun, 1, Channel.CHAT, LATER)

    assert attempt.state is AttemptState.REFUSED
    status = await _status(shop, begun)
    assert (status.state, status.kinds) == ("sending", ["hold"])


@pytest.mark.parametrize("repetition", range(20))
async def test_an_answer_and_a_cancel_at_the_same_moment_leave_one_end(shop, begun, repetition):
    await asyncio.gather(
        shop.conclude(begun),
        shop.attempts.record_attempt(begun, 1, AttemptState.ACCEPTED, LATER, openings=1, tries=1),
    )

    status = await _status(shop, begun)
    ended_by = {"sent": "settle", "cancelled": "release"}[status.state]
    assert status.kinds == ["hold", ended_by]


async def test_no_other_tenants_attempt_is_recorded(shop, begun):
    stranger = MessageRef(tenant_id=uuid.uuid4(), message_id=begun.message_id)
    with pytest.raises(LookupError, match="has no attempt 1"):
        await shop.attempts.record_attempt(
            stranger, 1, AttemptState.ACCEPTED, LATER, openings=1, tries=1
        )
    assert (await _status(shop, begun)).state == "sending"


async def test_a_second_acceptance_of_a_message_books_nothing(shop, begun):
    await shop.attempts.record_attempt(begun, 1, AttemptState.NOT_SENT, NOW, openings=1, tries=1)
    await shop.reserve(begun, 2)
    assert await shop.attempts.open_attempt(begun, 2, Channel.CHAT, "p", NOW, openings_before=0)
    await shop.attempts.record_attempt(begun, 2, AttemptState.ACCEPTED, LATER, openings=1, tries=1)

    with pytest.raises(asyncpg.UniqueViolationError, match="one_accepted_attempt"):
        await shop.attempts.record_attempt(
            begun, 1, AttemptState.ACCEPTED, LATER, openings=1, tries=1
        )

    assert (await _status(shop, begun)).kinds == ["hold", "hold", "settle"]
