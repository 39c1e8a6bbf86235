"""A database away for longer than a history may grow: every outreach ends, nothing is left."""

import asyncio
import os
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from madan_sara.activities.persistently import WRITING_PATIENCE
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.outreach import OutreachState
from madan_sara.devstack.postgres import EmbeddedPostgres
from madan_sara.devstack.temporal_server import TemporalDevServer
from madan_sara.persistence.database import Database
from madan_sara.persistence.migrate import upgrade_database
from tests.fakes.sender import Gate, ScriptedSender
from tests.ledger import assert_nothing_left_behind
from tests.makers import make_campaign
from tests.stage import Stage

pytestmark = pytest.mark.chaos

#: Events at which the server terminates a workflow. A step retried beside its workflow grows
#: its history by some 0.38 events a second (measured), so that the outage is long enough.
LIMIT = int(os.environ.get("HISTORY_LIMIT", "60"))
OUTAGE_SECONDS = LIMIT / 0.3


@pytest.mark.timeout(3600)
async def test_every_outreach_ends_after_an_outage_beyond_the_servers_limit(
    tmp_path_factory, tenant_id
):
    folder = tmp_path_factory.mktemp("history")
    async with AsyncExitStack() as stack:
        limit = {"limit.historyCount.error": str(LIMIT), "limit.historyCount.warn": str(LIMIT)}
        temporal = await stack.enter_async_context(
            TemporalDevServer(folder / "temporal", port=0, ui_port=0, settings=limit)
        )
        postgres = EmbeddedPostgres(folder / "postgres")
        await postgres.start()
        stack.push_async_callback(postgres.stop)
        await postgres.create_database("history")
        await upgrade_database(postgres.dsn("history"))
        database = Database(postgres.dsn("history"))
        stack.push_async_callback(database.close)
        client = await Client.connect(temporal.address, data_converter=pydantic_data_converter)
        stage = Stage(client, database, stack)
        calling = Gate()
        await stage.cast({Channel.EMAIL: ScriptedSender(calling)})
        campaign = make_campaign(tenant_id, channels=["email"])
        handed_over = await stage.start(campaign)
        await calling.reached.wait()
        soon = datetime.now(UTC) + timedelta(seconds=30)
        wakes = make_campaign(tenant_id, channels=["email"], start_date=soon)
        asleep = [await stage.start(wakes) for _ in range(5)]
        begun = [await stage.start(campaign) for _ in range(5)]

        await postgres.stop()
        calling.opened.set()
        await asyncio.sleep(OUTAGE_SECONDS)
        await postgres.start()

        # An answer in hand is written for so long; then its worker gives it up.
        written = timedelta(seconds=OUTAGE_SECONDS) < WRITING_PATIENCE
        came = await handed_over.result()
        assert came.state is (OutreachState.SENT if written else OutreachState.UNKNOWN), came
        for handle in [*asleep, *begun]:
            result = await handle.result()
            assert result.state in (OutreachState.SENT, OutreachState.BLOCKED), result
            print((await handle.describe()).history_length, result.state)
        await assert_nothing_left_behind(database, tenant_id)
