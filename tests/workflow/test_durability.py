"""A database away, and rows that cannot be read: every outreach ends, and nothing is left."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from temporalio.common import RetryPolicy

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.outreach import ExitReason, OutreachState
from madan_sara.persistence.database import Database, Query
from madan_sara.workflows import options
from madan_sara.workflows.outreach import OutreachWorkflow
from tests.fakes.sender import ScriptedSender
from tests.ledger import assert_nothing_left_behind
from tests.makers import make_campaign


class DatabaseAway(Database):
    """A database that refuses every statement of the workers' until it is back."""

    is_away = True

    async def fetch(self, query: Query, parameters: Mapping[str, object]) -> Any:
        if self.is_away:
            raise asyncpg.CannotConnectNowError("the database system is starting up")
        return await super().fetch(query, parameters)


@pytest.fixture
async def away(dsn):
    database = DatabaseAway(dsn)
    yield database
    await database.close()


@pytest.fixture
def impatient(monkeypatch):
    """Two tries beside the workflow instead of ten, and no waits worth the name."""
    soon = timedelta(milliseconds=10)
    quick = RetryPolicy(
        initial_interval=soon,
        maximum_interval=soon,
        non_retryable_error_types=options.UNREADABLE,
    )
    monkeypatch.setitem(options.STEP, "retry_policy", replace(quick, maximum_attempts=2))
    monkeypatch.setitem(options.PATIENT_STEP, "retry_policy", quick)


async def tries_of(handle, activity_type: str) -> int:
    """How often an activity under way was tried."""
    pending = (await handle.describe()).raw_description.pending_activities
    return max((p.attempt for p in pending if p.activity_type.name == activity_type), default=0)


async def test_a_step_waits_for_the_database_without_growing_its_history(
    stage, tenant_id, away, impatient
):
    sender = ScriptedSender()
    stage.database, reachable = away, stage.database
    await stage.cast({Channel.EMAIL: sender})
    stage.database = reachable
    handle = await stage.start(make_campaign(tenant_id, channels=["email"]))
    while await tries_of(handle, "decide_outreach") < 2:
        pass
    length = (await handle.describe()).history_length
    while await tries_of(handle, "decide_outreach") < 20:
        pass
    assert (await handle.describe()).history_length == length < 20

    away.is_away = False

    assert (await handle.result()).state is OutreachState.SENT
    assert len(sender.asked) == 1


async def _spoil(database, handle, column: str) -> None:
    statement = f"UPDATE messages SET {column} = '{{\"contact_info\": 5}}' WHERE message_id = :id"
    async with database.statement() as connection:
        await connection.execute(text(statement), {"id": handle.id[-36:]})


async def _missing(database, handle) -> None:
    statement = text("DELETE FROM messages WHERE message_id = :id")
    async with database.statement() as connection:
        await connection.execute(statement, {"id": handle.id[-36:]})


def asleep(tenant_id):
    return make_campaign(
        tenant_id,
        channels=["email"],
        send_time_optimization=True,
        optimal_send_times={"email": {"weekday": "10:00"}},
    )


async def test_what_cannot_be_read_any_more_ends_as_an_internal_error_with_its_cause(
    stage, tenant_id, database
):
    sender = ScriptedSender()
    await stage.cast({Channel.EMAIL: sender})
    with stage.environment.auto_time_skipping_disabled():
        handle = await stage.start(asleep(tenant_id))
        await handle.execute_update(OutreachWorkflow.decision)
        await _spoil(database, handle, "profile")
    result = await handle.result()
    assert (result.state, result.reason) == (OutreachState.FAILED, ExitReason.INTERNAL_ERROR)
    assert sender.asked == []
    await assert_nothing_left_behind(database, tenant_id)
    record = await stage.record(handle, tenant_id)
    assert record.details == {
        "cause": "a stored row cannot be read: RecipientProfile.contact_info: model_type"
    }


async def test_what_could_never_be_read_ends_as_an_internal_error(stage, tenant_id, database):
    handle = await stage.start(make_campaign(tenant_id, channels=["email"]))
    await _spoil(database, handle, "profile")
    await stage.cast({Channel.EMAIL: ScriptedSender()})
    result = await handle.result()
    assert (result.state, result.reason) == (OutreachState.FAILED, ExitReason.INTERNAL_ERROR)
    await assert_nothing_left_behind(database, tenant_id)


async def test_a_message_that_is_missing_ends_its_workflow(stage, tenant_id, database):
    handle = await stage.start(make_campaign(tenant_id, channels=["email"]))
    await _missing(database, handle)
    await stage.cast({Channel.EMAIL: ScriptedSender()})
    result = await handle.result()
    assert (result.state, result.reason) == (OutreachState.FAILED, ExitReason.INTERNAL_ERROR)
