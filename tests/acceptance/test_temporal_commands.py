"""The commands of docs/temporal.md do what they say, on a real server."""

import asyncio
import os
import re
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from uuid import UUID

import pytest

from madan_sara.contracts.campaign import CampaignStatus
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.outreach import OutreachState
from tests.audience import queue
from tests.makers import make_campaign
from tests.waiting import eventually

_PAGE = (Path(__file__).parents[2] / "docs" / "temporal.md").read_text()
#: The instant that stands in the page.
_SHOWN = re.findall(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", _PAGE)[0]
TOMORROW = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
LATER = TOMORROW + timedelta(days=2)


def _commands(heading: str) -> list[str]:
    """The commands under a heading of the page, in order."""
    (block,) = re.findall(rf"## {heading}\n.*?```sh\n(.*?)```", _PAGE, re.DOTALL)
    lines = block.replace("\\\n", "").replace(_SHOWN, LATER.isoformat()).splitlines()
    return [line for line in lines if line]


@pytest.fixture
def run(temporal):
    """Run a command as it stands in the page; what it wrote."""

    async def run(command: str, **ids: object) -> str:
        process = await asyncio.create_subprocess_exec(
            *("bash", "-c", command),
            env={
                **os.environ,
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "TEMPORAL_ADDRESS": temporal.address,
                **{name: str(value) for name, value in ids.items()},
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        assert process.returncode == 0, f"{command}: {out.decode()}"
        return out.decode()

    return run


async def test_an_outreach_is_asked_moved_and_cancelled(orchestrator, tenant_id, run):
    campaign = make_campaign(tenant_id, channels=["email", "sms"], start_date=TOMORROW)
    contact = {"email": "marie@example.com", "phone": "+50937001234"}
    profile = {"contact_info": contact, "preferences": {"preferred_channel": "email"}}
    sent = await orchestrator.send_outreach(campaign, "marie", profile, {"default": "Bonjou"})
    message_id = UUID(sent["message_id"])
    query, decision, reschedule, fall_back, signal, cancel = _commands("An outreach")

    order = partial(run, TENANT_ID=tenant_id, MESSAGE_ID=message_id)

    async def plan():
        return (await orchestrator.get_status(message_id)).plan

    assert "scheduled" in await order(query)
    assert "scheduled" in await order(decision)
    await order(reschedule)
    assert (await plan()).scheduled_at == LATER
    await order(fall_back)
    assert (await plan()).channel is Channel.SMS
    await order(signal)
    await order(cancel)

    async def cancelled() -> bool:
        return (await orchestrator.get_message(message_id)).state is OutreachState.CANCELLED

    await eventually(cancelled, "the message is cancelled")


async def test_a_campaign_is_asked_and_steered(orchestrator, database, tenant_id, run):
    campaign = make_campaign(
        tenant_id,
        channels=["chat"],
        templates={"chat": "Bonjou"},
        start_date=TOMORROW,
        end_date=TOMORROW + timedelta(days=1),
        daily_limit=1,
        budget_total=10,
    )
    await orchestrator.save_campaign(campaign)
    await queue(database, campaign, [{"id": "p", "contact_info": {"user_id": f"{tenant_id}"}}])
    handle = await orchestrator.campaign(campaign.id).start()
    query, pause, resume, added, limit, budget, end, cancel = _commands("A campaign")

    order = partial(run, TENANT_ID=tenant_id, CAMPAIGN_ID=campaign.id)

    async def stands(status: CampaignStatus) -> None:
        async def reached() -> bool:
            return (await orchestrator.get_campaign(campaign.id)).status is status

        await eventually(reached, f"the campaign is {status}")

    assert "campaign_id" in await order(query)
    await order(pause)
    await stands(CampaignStatus.PAUSED)
    await order(resume)
    await stands(CampaignStatus.ACTIVE)
    for command in (added, limit, budget, end):
        await order(command)
    saved = await orchestrator.get_campaign(campaign.id)
    assert (saved.daily_limit, saved.budget_total, saved.end_date) == (500, Decimal("99.50"), LATER)
    await order(cancel)
    assert (await handle.result()).status is CampaignStatus.CANCELLED
    for command in _commands("Finding workflows"):
        await order(command)
