"""A killed import goes on when it is started again: each recipient is added once."""

import asyncio
import signal
import sys

import pytest

from madan_sara.starter.importing import run
from madan_sara.starter.importing.run import ImportProgress
from tests.integration.cli.cli import REPOSITORY

#: Imports a file of many chunks and is killed when some are stored.
VICTIM = """
import asyncio, os, signal, sys
from pathlib import Path
from uuid import UUID
from madan_sara.persistence.campaigns import PostgresCampaignStore
from madan_sara.persistence.database import Database
from madan_sara.persistence.recipients import PostgresRecipients
from madan_sara.starter.importing import run

dsn, tenant, campaign, path = sys.argv[1:]
run.CHUNK_ROWS = 100

def die(progress):
    if progress.rows_read >= 1_500:
        os.kill(os.getpid(), signal.SIGKILL)

async def main():
    database = Database(dsn)
    saved = await PostgresCampaignStore(database).load(UUID(tenant), UUID(campaign))
    options = run.ImportOptions(on_progress=die)
    await run.import_file(PostgresRecipients(database), saved.campaign, Path(path), options)

asyncio.run(main())
"""


async def test_a_killed_import_goes_on(importing, dsn):
    people = [f"person-{n:04}" for n in range(5_000)]
    path = importing.people(people)
    campaign = importing.campaign
    victim = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        VICTIM,
        *(dsn, str(campaign.tenant_uuid), str(campaign.id), str(path)),
        cwd=REPOSITORY,
    )
    assert await victim.wait() == -signal.SIGKILL
    stored = await importing.ids()
    assert stored == people[: len(stored)]
    assert 1_500 <= len(stored) < 5_000

    result = await importing.run(path)
    assert (result["known"], result["added"]) == (len(stored), 5_000 - len(stored))
    assert await importing.ids() == people


async def test_a_cancelled_import_leaves_no_half_chunk(importing, monkeypatch):
    monkeypatch.setattr(run, "CHUNK_ROWS", 100)
    path = importing.people([str(n) for n in range(3_000)])
    begun = asyncio.Event()

    def note(progress: ImportProgress) -> None:
        begun.set()

    task = asyncio.create_task(importing.run(path, on_progress=note))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(await importing.ids()) % 100 == 0
    result = await importing.run(path)
    assert result["added"] + result["known"] == len(await importing.ids()) == 3_000
