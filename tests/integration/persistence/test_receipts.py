"""A receipt's effects are stored as the policy has them, early, late and all at once."""

import asyncio
import uuid
from collections import Counter

import pytest
from sqlalchemy import text

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import AttemptState, DeliveryEvent, DeliveryEventKind
from madan_sara.policy.receipts import RULES, state_after, suppressed_by
from tests.integration.persistence.shop import NOW
from tests.ledger import assert_accounts_balance

KINDS = list(DeliveryEventKind)
ANSWERS = (AttemptState.ACCEPTED, AttemptState.UNKNOWN, AttemptState.REFUSED)
DEAD = "5.1.1"


async def begun(shop, campaign, recipient_id):
    ref = await shop.message(campaign, recipient_id)
    await shop.reserve(ref)
    assert await shop.attempts.open_attempt(ref, 1, Channel.CHAT, "vendor", NOW, openings_before=0)
    return ref


async def answered(shop, ref, state):
    attempt = await shop.attempts.record_attempt(ref, 1, state, NOW, openings=1, tries=1)
    return attempt.state


async def brought_to(shop, ref, state):
    """Bring a begun attempt into a state."""
    if state is AttemptState.BOUNCED:
        await answered(shop, ref, AttemptState.ACCEPTED)
        await receive(shop, ref, DeliveryEventKind.BOUNCED, code="5.2.2")
    elif state is not AttemptState.SENDING:
        await answered(shop, ref, state)


async def receive(shop, ref, kind, code=DEAD):
    event = DeliveryEvent(
        provider="vendor",
        provider_event_id=uuid.uuid4().hex,
        message_id=ref.message_id,
        attempt_no=1,
        kind=kind,
        occurred_at=NOW,
        code=code,
    )
    return await shop.receipts.receive(shop.tenant_id, event, NOW)


async def state_of(shop, ref):
    return (await shop.messages.record(shop.tenant_id, ref.message_id)).attempts[0].state


async def rows(shop, statement):
    async with shop.database.statement() as connection:
        return (await connection.execute(text(statement), {"id": shop.tenant_id})).all()


async def suppressed_kinds(shop):
    found = await rows(shop, "SELECT subject_kind FROM suppressions WHERE tenant_id = :id")
    return Counter(kind for (kind,) in found)


async def counted(shop):
    found = await rows(
        shop,
        "SELECT name, CAST(sum(messages) AS integer) FROM ("
        "SELECT tenant_id, kind, name, messages FROM campaign_tallies UNION ALL "
        "SELECT tenant_id, kind, name, messages FROM campaign_tally_changes) kept "
        "WHERE tenant_id = :id AND kind = 'receipt' GROUP BY name",
    )
    return {name: int(messages) for name, messages in found}


@pytest.mark.parametrize("kind", KINDS)
async def test_the_policys_effects_of_a_receipt_are_stored(shop, kind):
    campaign = await shop.campaign()
    for state in AttemptState:
        ref = await begun(shop, campaign, f"late-{state}")
        await brought_to(shop, ref, state)
        earlier = await suppressed_kinds(shop)

        assert await receive(shop, ref, kind)

        assert await state_of(shop, ref) is state_after(kind, state)
        assert await suppressed_kinds(shop) - earlier == Counter(suppressed_by(kind, DEAD))
    seen = {DeliveryEventKind.BOUNCED: 1} if kind is not DeliveryEventKind.BOUNCED else {}
    counts = {kind: len(AttemptState), **seen}
    if RULES[kind].engages:
        counts["engaged"] = len(AttemptState)
    assert await counted(shop) == counts
    await assert_accounts_balance(shop.database, shop.tenant_id)


@pytest.mark.parametrize("kind", [*KINDS, None])
async def test_a_receipt_heard_before_the_answer_changes_the_same(shop, kind):
    campaign = await shop.campaign()
    for answer in ANSWERS:
        ref = await begun(shop, campaign, f"early-{answer}")
        if kind is not None:
            await receive(shop, ref, kind)
        assert await state_of(shop, ref) is AttemptState.SENDING
        reactions = await rows(
            shop, "SELECT 1 FROM engagement_stats WHERE tenant_id = :id AND messages = 0"
        )
        assert len(reactions) == (kind is not None and RULES[kind].engages)
        due = answer if kind is None else state_after(kind, answer)
        assert await answered(shop, ref, answer) is due
    cancelled = await begun(shop, campaign, "early-cancelled")
    if kind is not None:
        await receive(shop, cancelled, kind)
    closed = await shop.attempts.close_attempt(cancelled, 1, Channel.CHAT, NOW)
    lost = AttemptState.UNKNOWN
    assert closed.state is (lost if kind is None else state_after(kind, lost))


async def test_receipts_that_race_count_a_message_once(shop):
    ref = await begun(shop, await shop.campaign(), "ana")
    await answered(shop, ref, AttemptState.ACCEPTED)

    await asyncio.gather(*(receive(shop, ref, kind) for kind in KINDS for _ in range(3)))

    assert await state_of(shop, ref) is AttemptState.BOUNCED
    assert await counted(shop) == {**{kind.value: 1 for kind in KINDS}, "engaged": 1}
    assert await suppressed_kinds(shop) == Counter(["address", "recipient"])
    statistics = "SELECT messages, opens, clicks, replies FROM engagement_stats WHERE tenant_id=:id"
    assert [tuple(row) for row in await rows(shop, statistics)] == [(1, 1, 1, 1)]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_message_is_in_the_same_state_whichever_came_first(shop, kind):
    campaign = await shop.campaign()
    for answer in ANSWERS:
        late = await begun(shop, campaign, f"ana-late-{answer}")
        await answered(shop, late, answer)
        await receive(shop, late, kind)
        early = await begun(shop, campaign, f"ana-early-{answer}")
        await receive(shop, early, kind)
        await answered(shop, early, answer)

        states = [(await shop.requests.request(ref)).state for ref in (late, early)]
        assert states[0] is states[1], (kind, answer)
        assert await state_of(shop, late) is await state_of(shop, early)
    await assert_accounts_balance(shop.database, shop.tenant_id)
