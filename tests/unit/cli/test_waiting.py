"""A command does not wait forever for a worker that is not there."""

import asyncio
import json
import uuid
from types import SimpleNamespace
from typing import Any, cast

import pytest

from madan_sara.cli import actions
from madan_sara.contracts.errors import UnreachableError
from madan_sara.starter.orchestrator import OutreachOrchestrator


class Workerless:
    """An orchestrator whose workflows no worker carries on."""

    def __init__(self) -> None:
        self.keys: list[str | None] = []

    async def get_message(self, message_id: uuid.UUID) -> object:
        return SimpleNamespace(message_id=message_id)

    async def send_outreach(self, *_: Any, idempotency_key: str | None = None, **__: Any) -> object:
        self.keys.append(idempotency_key)
        return await asyncio.Event().wait()

    async def reschedule(self, *_: Any) -> object:
        return await asyncio.Event().wait()


def as_orchestrator(workerless: Workerless) -> OutreachOrchestrator:
    return cast("OutreachOrchestrator", workerless)


async def test_the_key_to_ask_again_with_is_reported(tmp_path):
    file = tmp_path / "request.json"
    file.write_text(
        json.dumps(
            {
                "campaign_id": str(uuid.uuid4()),
                "recipient_id": "user_1",
                "recipient_profile": {"contact_info": {"email": "marie@example.com"}},
                "content": {"default": "Bonjour!"},
            }
        )
    )
    workerless = Workerless()
    with pytest.raises(UnreachableError, match="no worker has answered within 0 s") as said:
        await actions.send(str(file), wait_seconds=0)(as_orchestrator(workerless))
    assert f'"idempotency_key": "{workerless.keys[0]}"' in str(said.value)


async def test_an_update_is_not_waited_for_either():
    action = actions.reschedule(str(uuid.uuid4()), "2030-01-05T10:00Z", wait_seconds=0)
    with pytest.raises(UnreachableError, match="may still be moved"):
        await action(as_orchestrator(Workerless()))
