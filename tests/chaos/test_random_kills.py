"""The worker is killed again and again while a hundred outreaches are on their way.

Run by hand with `make chaos`. The seed of the moments is printed; set `CHAOS_SEED` to
meet the same ones again.
"""

import asyncio
import os
import random
import uuid
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest

from madan_sara.contracts.outreach import FINAL_STATES
from madan_sara.emulators.sandbox.journal import LoggedRequest
from madan_sara.starter.orchestrator import OutreachOrchestrator
from tests.integration.crashes.conftest import CrashStack
from tests.ledger import assert_nothing_left_behind
from tests.makers import make_campaign
from tests.waiting import eventually

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]

OUTREACHES = 100
KILLS = 10
#: Handles the sandbox provider misbehaves for, and one it does not.
_TEMPERS = ("plain", "plain", "plain", "throttle", "flaky", "swallow", "refuse")


async def test_nothing_is_lost_and_nothing_sent_twice(crash_stack: CrashStack):
    seed = int(os.environ.get("CHAOS_SEED", random.randrange(10**6)))
    print(f"CHAOS_SEED={seed}")
    dice = random.Random(seed)
    tenant_id = uuid.uuid4()
    orchestrator = OutreachOrchestrator(
        crash_stack.client, crash_stack.database, tenant_id=tenant_id
    )
    campaign = make_campaign(tenant_id, channels=["instagram", "whatsapp", "chat"], budget_total=1)
    await crash_stack.worker.start()
    sends = [
        asyncio.create_task(
            orchestrator.send_outreach(campaign, f"r{n}", _profile(n, dice), {"default": f"No {n}"})
        )
        for n in range(OUTREACHES)
    ]

    for kill in range(KILLS):
        goal = OUTREACHES * (kill + 1) // (KILLS + 2) + dice.randrange(4)
        await crash_stack.sandbox.wait_for(partial(_took, goal), timeout_seconds=300)
        await crash_stack.worker.kill()
        await crash_stack.worker.start()

    results = await asyncio.gather(*sends)
    messages = [uuid.UUID(result["message_id"]) for result in results]
    for message_id in messages:
        await eventually(
            partial(_has_ended, orchestrator, message_id),
            f"the end of {message_id}",
            timeout_seconds=300,
        )
    await crash_stack.worker.kill()

    records = [await orchestrator.get_message(message_id) for message_id in messages]
    assert {record.state for record in records} == {"sent"}
    taken = [entry.idempotency_key for entry in crash_stack.sandbox.taken()]
    accepted = [
        f"{record.message_id}:{attempt.attempt_no}"
        for record in records
        for attempt in record.attempts
        if attempt.state in ("accepted", "bounced")
    ]
    assert sorted(key for key in taken if key) == sorted(accepted)
    assert len(accepted) == OUTREACHES
    await assert_nothing_left_behind(crash_stack.database, tenant_id)


def _profile(number: int, dice: random.Random) -> dict[str, Any]:
    return {
        "contact_info": {
            "instagram_handle": f"{dice.choice(_TEMPERS)}-{number}",
            "user_id": f"user-{number}",
        },
        "preferences": {"preferred_channel": "instagram"},
    }


def _took(goal: int, log: Sequence[LoggedRequest]) -> bool:
    return sum(request.taken for request in log) >= goal


async def _has_ended(orchestrator: OutreachOrchestrator, message_id: uuid.UUID) -> bool:
    return (await orchestrator.get_message(message_id)).state in FINAL_STATES
