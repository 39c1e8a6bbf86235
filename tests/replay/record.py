"""`python -m tests.replay.record`: record histories of today's workflow code.

One per way through a workflow: of outreaches sent, asleep and rescheduled, fallen back,
cancelled, blocked, failed, unknown, moved to another day; of campaigns completed, out of
money, and steered. Existing files are left alone: they stand for workflows that may still
be asleep somewhere.
"""

import asyncio
import re
import tempfile
import uuid
from contextlib import AsyncExitStack
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowFailureError
from temporalio.contrib.pydantic import pydantic_data_converter

from madan_sara.activities.sender import Accepted, OutgoingMessage, Refused
from madan_sara.contracts.campaign_run import CampaignRef, WaitReason
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.errors import AmbiguousDeliveryError
from madan_sara.contracts.outreach import RescheduleInput
from madan_sara.devstack.postgres import EmbeddedPostgres
from madan_sara.devstack.temporal_server import TemporalDevServer
from madan_sara.persistence.campaign_runs import PostgresCampaignRuns
from madan_sara.persistence.database import Database
from madan_sara.persistence.migrate import upgrade_database
from madan_sara.persistence.ownership import Ownership
from madan_sara.starter.campaign_control import CampaignControl
from madan_sara.starter.campaign_runs import CampaignHandle, CampaignRuns
from madan_sara.workflows.outreach import OutreachWorkflow
from tests.audience import queue
from tests.fakes.sender import ScriptedSender, refuse
from tests.makers import make_campaign
from tests.stage import Handle, Stage
from tests.waiting import eventually

_HISTORIES = Path(__file__).parent / "histories"
_TEXT = {"default": "Bonjou"}


async def _lost(message: OutgoingMessage) -> Accepted | Refused:
    raise AmbiguousDeliveryError("the answer was lost")


def _person(number: int) -> dict[str, Any]:
    """A person to be reached by e-mail and by sms, whom no other recording has written to."""
    return {
        "contact_info": {"email": f"p{number}@example.com", "phone": f"+5093700{number:04}"},
        "preferences": {"preferred_channel": "email"},
    }


async def _save(name: str, handle: Handle | CampaignHandle, ends: str) -> None:
    try:
        result: Any = await handle.result()
        end = result.state if hasattr(result, "state") else result.status
    except WorkflowFailureError:
        end = "cancelled"
    assert end == ends, f"{name} has ended as {end}"
    path = _HISTORIES / f"{name}.json"
    if not path.exists():
        path.write_text(_without_this_machine((await handle.fetch_history()).to_json()))
        print(f"recorded {path.name}")


def _without_this_machine(history: str) -> str:
    """A history without names and paths of the machine that recorded it."""
    history = re.sub(r'"identity": "[^"]*"', '"identity": "recorder"', history)
    history = re.sub(r'"stackTrace": "(?:[^"\\]|\\.)*"', '"stackTrace": ""', history)
    return re.sub(r'"[^"]+-[0-9a-f]{32}"', '"sticky-queue"', history)


async def _record(stage: Stage) -> None:
    anywhere = make_campaign(uuid.uuid4(), channels=["email", "sms"])
    await stage.save(anywhere)
    accepting = {Channel.EMAIL: ScriptedSender(), Channel.SMS: ScriptedSender()}
    async with AsyncExitStack() as stage.exits:
        await stage.cast(accepting)
        await _save(
            "sent", await stage.start(anywhere, _person(1), _TEXT, recipient_id="first"), "sent"
        )
        await _save(
            "blocked",
            await stage.start(anywhere, _person(1), _TEXT, recipient_id="first"),
            "blocked",
        )
        unreachable = {"contact_info": {"user_id": "u1"}}
        await _save("no_viable_channel", await stage.start(anywhere, unreachable, _TEXT), "failed")
        await _record_sleepers(stage)
        await _record_campaigns(stage)
    async with AsyncExitStack() as stage.exits:
        await stage.cast({Channel.EMAIL: ScriptedSender(refuse), Channel.SMS: ScriptedSender()})
        await _save("fallen_back", await stage.start(anywhere, _person(2), _TEXT), "sent")
    async with AsyncExitStack() as stage.exits:
        await stage.cast({Channel.EMAIL: ScriptedSender(refuse)})
        await _save("all_channels_failed", await stage.start(anywhere, _person(3), _TEXT), "failed")
    async with AsyncExitStack() as stage.exits:
        await stage.cast({Channel.EMAIL: ScriptedSender(_lost)})
        await _save("unknown", await stage.start(anywhere, _person(4), _TEXT), "unknown")


async def _record_sleepers(stage: Stage) -> None:
    """Outreaches that sleep until tomorrow unless they are steered."""
    start = await stage.now() + timedelta(days=1)
    later = make_campaign(uuid.uuid4(), channels=["email", "sms"], start_date=start)
    cancelled = await stage.start(later, _person(5), _TEXT)
    await cancelled.execute_update(OutreachWorkflow.decision)
    await cancelled.cancel()
    await _save("cancelled_asleep", cancelled, "cancelled")

    moved = await stage.start(later, _person(6), _TEXT)
    await moved.execute_update(OutreachWorkflow.decision)
    at = start + timedelta(hours=1)
    await moved.execute_update(OutreachWorkflow.reschedule, RescheduleInput(at=at))
    await moved.execute_update(OutreachWorkflow.fall_back)
    await moved.cancel()
    await _save("rescheduled_then_skipped", moved, "cancelled")


async def _record_campaigns(stage: Stage) -> None:
    completed = await _campaign(stage, budget_total=1)
    await _save("campaign_completed", completed.handle, "completed")

    broke = await _campaign(stage, budget_total=Decimal("0.02"))
    await _save("campaign_out_of_money", broke.handle, "budget_exhausted")

    steered = await _campaign(stage, daily_limit=1)
    await eventually(partial(_waits, steered, WaitReason.NEXT_DAY), "the day is full")
    await steered.pause()
    await eventually(partial(_waits, steered, WaitReason.RESUME), "it is paused")
    await steered.resume()
    await steered.set_daily_limit(3)
    await eventually(partial(_waits, steered, WaitReason.NEXT_DAY), "the day is full again")
    await steered.cancel("recorded enough")
    await _save("campaign_steered", steered.handle, "cancelled")


async def _campaign(stage: Stage, **limits: Any) -> CampaignControl:
    """Start a campaign for four people."""
    campaign = make_campaign(
        uuid.uuid4(),
        channels=["email"],
        templates={"email": "Bonjou {{ name }}"},
        settings={"prices": {"email": "0.01"}},
        **limits,
    )
    await stage.save(campaign)
    people = [
        {"id": f"p{n}", "name": f"P{n}", "contact_info": {"email": f"p{n}@example.com"}}
        for n in range(4)
    ]
    await queue(stage.database, campaign, people)
    ref = CampaignRef(tenant_id=campaign.tenant_uuid, campaign_id=campaign.id)
    runs = PostgresCampaignRuns(stage.database)
    ownership = Ownership(stage.database, campaign.tenant_uuid)
    control = CampaignControl(ref, ownership, runs, CampaignRuns(stage.client))
    await control.start()
    return control


async def _waits(control: CampaignControl, reason: WaitReason) -> bool:
    status = await control.status()
    return status is not None and status.waits_for is reason


async def main() -> None:
    """Record the histories that are not recorded yet."""
    _HISTORIES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        async with (
            EmbeddedPostgres(Path(folder) / "postgres") as postgres,
            TemporalDevServer(Path(folder) / "temporal", port=0, ui_port=0) as temporal,
        ):
            await postgres.create_database("record")
            await upgrade_database(postgres.dsn("record"))
            database = Database(postgres.dsn("record"))
            client = await Client.connect(temporal.address, data_converter=pydantic_data_converter)
            try:
                await _record(Stage(client, database, AsyncExitStack()))
            finally:
                await database.close()


if __name__ == "__main__":
    asyncio.run(main())
