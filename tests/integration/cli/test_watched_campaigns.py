"""`madan-sara campaign status --watch`."""

import asyncio
import json
import os
import pty
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from madan_sara.contracts.campaign import CampaignStatus, OutreachCampaign
from tests.integration.cli.cli import REPOSITORY
from tests.waiting import eventually

#: Far more than a command takes to connect and to end.
_PATIENCE_SECONDS = 60


class Watcher:
    """A running watch, and what it has written."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def line(self) -> str:
        assert self.process.stdout is not None
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return (await self.process.stdout.readline()).decode()

    async def ended(self) -> tuple[int, str, str]:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            out, err = await self.process.communicate()
        return self.process.returncode or 0, (out or b"").decode(), (err or b"").decode()


@pytest.fixture
async def campaign(orchestrator, campaign) -> OutreachCampaign:
    """Saved, with a budget and a daily limit."""
    saved = OutreachCampaign(**campaign, budget_total=10, daily_limit=100)
    await orchestrator.save_campaign(saved)
    return saved


@pytest.fixture
def watching(settings, campaign):
    """Start a watch on the campaign."""

    @asynccontextmanager
    async def watching(*options: str, **streams) -> AsyncIterator[Watcher]:
        arguments = ["campaign", "status", str(campaign.id), "--watch", "--interval", "0.1"]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "madan_sara.cli.command_line", *arguments, *options),
            cwd=REPOSITORY,
            env={**os.environ, **settings, "TERM": "xterm", "COLUMNS": "100", "LINES": "40"},
            **{
                "stdout": asyncio.subprocess.PIPE,
                "stderr": asyncio.subprocess.PIPE,
                **streams,
            },
        )
        try:
            yield Watcher(process)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    return watching


@pytest.fixture
def change(orchestrator, campaign) -> Callable[[str], Awaitable[None]]:
    """Give the campaign another status."""

    async def change(status: str) -> None:
        campaign.status = CampaignStatus(status)
        await orchestrator.save_campaign(campaign)

    return change


async def test_a_pipe_gets_a_line_for_each_change_until_the_campaign_is_over(watching, change):
    async with watching() as watcher:
        assert " UTC active; 0 of 0 with an outcome; " in await watcher.line()
        await change("paused")
        assert " UTC paused; " in await watcher.line()
        await change("completed")
        code, out, err = await watcher.ended()
    (last,) = out.splitlines()
    assert " UTC completed; " in last
    assert (code, err) == (0, "")


async def test_programs_get_a_document_a_line(watching, change, campaign):
    async with watching("--json") as watcher:
        first = json.loads(await watcher.line())
        await change("expired")
        code, out, err = await watcher.ended()
    assert first["campaign_id"] == str(campaign.id)
    assert first["by_outcome"] == {
        "sent": 0, "unknown": 0, "failed": {}, "cancelled": 0, "blocked": {},
    }  # fmt: skip
    (last,) = map(json.loads, out.splitlines())
    assert last["campaign_status"] == "expired"
    assert (code, err) == (0, "")


async def test_ctrl_c_ends_it_and_is_no_violation(watching):
    async with watching() as watcher:
        await watcher.line()
        watcher.process.send_signal(signal.SIGINT)
        assert await watcher.ended() == (0, "", "")


async def test_a_reader_that_goes_away_ends_it_quietly(watching, change):
    read, write = os.pipe()
    async with watching(stdout=write) as watcher:
        os.close(write)
        assert os.read(read, 10_000)
        os.close(read)
        await change("paused")
        code, _, err = await watcher.ended()
    assert (code, err) == (0, "")


async def test_a_terminal_shows_a_picture_that_follows_until_ctrl_c(watching, change, campaign):
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    seen = bytearray()

    async def shows(text: str) -> bool:
        with suppress(OSError):  # Nothing new, or the other end is closed.
            seen.extend(os.read(ours, 100_000))
        return text in seen.decode(errors="replace")

    async with watching(stdout=theirs, stderr=theirs, stdin=theirs) as watcher:
        os.close(theirs)
        await eventually(
            lambda: shows(f"Campaign Spring fair ({campaign.id}): active"), "the first picture"
        )
        for part in ("messages", "0 of 0 done", "held of 10", "0 of 100 messages", "instagram"):
            assert await shows(part), part
        await change("paused")
        await eventually(
            lambda: shows(f"Campaign Spring fair ({campaign.id}): paused"), "the next picture"
        )
        watcher.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(_PATIENCE_SECONDS):
            assert await watcher.process.wait() == 0
        assert not await shows("Traceback")
    os.close(ours)


async def test_a_campaign_that_is_not_there_is_said_to_be_unknown(madan_sara):
    unknown = str(uuid.uuid4())
    outcome = await madan_sara("campaign", "status", unknown, "--watch")
    assert (outcome.code, outcome.out) == (3, "")
    assert outcome.err == f"error: there is no campaign {unknown}\n"
