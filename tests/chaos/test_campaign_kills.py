"""The worker is killed again and again while campaigns run, are paused, and cancelled.

Run by hand with `make chaos`. The seed of the moments is printed; set `CHAOS_SEED` to
meet the same ones again.
"""

import asyncio
import os
import random
import uuid
from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from madan_sara.contracts.campaign import CampaignStatus, OutreachCampaign
from madan_sara.emulators.sandbox.journal import LoggedRequest
from madan_sara.persistence.database import Query
from madan_sara.starter.orchestrator import OutreachOrchestrator
from tests.audience import queue
from tests.integration.crashes.conftest import CrashStack
from tests.ledger import assert_nothing_left_behind
from tests.makers import make_campaign

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(2400)]

PEOPLE = int(os.environ.get("CHAOS_PEOPLE", "2000"))
KILLS = 10
#: Kills after which the campaign is paused, and goes on once the worker is back.
_PAUSED_AFTER = (2, 6)
#: The kill after which the other campaign is cancelled.
_CANCELLED_AFTER = 4
#: Handles the sandbox provider misbehaves for, and one it does not.
_TEMPERS = ("plain",) * 12 + ("throttle", "flaky", "refuse")

_ATTEMPTS = Query("""
SELECT a.idempotency_key FROM attempts a
 WHERE a.tenant_id = :tenant_id AND a.state IN ('accepted', 'bounced')
""")
_STATES = Query("""
SELECT campaign_id, state, count(*) AS messages FROM messages
 WHERE tenant_id = :tenant_id GROUP BY campaign_id, state
""")


async def test_every_recipient_gets_one_message(crash_stack: CrashStack):
    seed = int(os.environ.get("CHAOS_SEED", random.randrange(10**6)))
    print(f"CHAOS_SEED={seed}")
    dice = random.Random(seed)
    tenant_id = uuid.uuid4()
    orchestrator = OutreachOrchestrator(
        crash_stack.client, crash_stack.database, tenant_id=tenant_id
    )
    await crash_stack.worker.start()
    campaign = await _launch(crash_stack, orchestrator, tenant_id, "goes on", PEOPLE, dice)
    other = await _launch(crash_stack, orchestrator, tenant_id, "is cancelled", PEOPLE, dice)
    control, doomed = (orchestrator.campaign(c.id) for c in (campaign, other))

    for kill in range(KILLS):
        goal = PEOPLE * (kill + 1) // (KILLS + 2) + dice.randrange(20)
        await crash_stack.sandbox.wait_for(partial(_took, goal), timeout_seconds=600)
        await crash_stack.worker.kill()
        if kill in _PAUSED_AFTER:
            await control.pause()
        if kill == _CANCELLED_AFTER:
            await doomed.cancel("enough is enough")
        await crash_stack.worker.start()
        if kill in _PAUSED_AFTER:
            await asyncio.sleep(dice.random() * 3)
            await control.resume()

    completed, cancelled = await control.result(), await doomed.result()
    await crash_stack.worker.kill()

    assert completed.status is CampaignStatus.COMPLETED
    assert cancelled.status is CampaignStatus.CANCELLED
    counts = await _counts(crash_stack, tenant_id)
    assert counts[campaign.id] == Counter(completed.by_state) == Counter(sent=PEOPLE)
    assert counts[other.id] == Counter(cancelled.by_state)
    assert counts[other.id].total() == PEOPLE
    assert set(counts[other.id]) <= {"sent", "cancelled", "blocked"}
    taken = Counter(r.idempotency_key for r in crash_stack.sandbox.taken())
    assert not [key for key, times in taken.items() if times > 1]
    accepted = await crash_stack.database.fetch(_ATTEMPTS, {"tenant_id": tenant_id})
    assert sorted(filter(None, taken)) == sorted(row["idempotency_key"] for row in accepted)
    assert len(accepted) == PEOPLE + counts[other.id]["sent"]
    await assert_nothing_left_behind(crash_stack.database, tenant_id)


async def _launch(
    stack: CrashStack,
    orchestrator: OutreachOrchestrator,
    tenant_id: uuid.UUID,
    name: str,
    people: int,
    dice: random.Random,
) -> OutreachCampaign:
    campaign = make_campaign(
        tenant_id,
        name=name,
        channels=["instagram", "chat"],
        budget_total=1000,
        templates={"default": f"This campaign {name}: news for {{{{ name }}}}"},
        settings={"prices": {"instagram": "0.002", "chat": "0.001"}},
    )
    await orchestrator.save_campaign(campaign)
    crowd = [_person(f"{name} {n}", dice) for n in range(people)]
    await queue(stack.database, campaign, crowd)
    await orchestrator.campaign(campaign.id).start()
    return campaign


def _person(name: str, dice: random.Random) -> dict[str, Any]:
    handle = name.replace(" ", "-")
    return {
        "id": name,
        "name": name,
        "contact_info": {
            "instagram_handle": f"{dice.choice(_TEMPERS)}-{handle}",
            "user_id": f"user-{handle}",
        },
        "preferences": {"preferred_channel": "instagram"},
    }


def _took(goal: int, log: Sequence[LoggedRequest]) -> bool:
    return sum(request.taken for request in log) >= goal


async def _counts(stack: CrashStack, tenant_id: uuid.UUID) -> dict[uuid.UUID, Counter[str]]:
    counts: dict[uuid.UUID, Counter[str]] = {}
    for row in await stack.database.fetch(_STATES, {"tenant_id": tenant_id}):
        counts.setdefault(row["campaign_id"], Counter())[row["state"]] = row["messages"]
    return counts
