"""The same statements as steps of DBOS workflows, for a comparison.

DBOS keeps its workflows in PostgreSQL, in a database of its own on the same server: a row each,
and one for every step that has ended. It is not a dependency: see the group `compare`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from dbos import DBOS, DBOSConfig, SetWorkflowID
from sqlalchemy import make_url

from benchmarks.outreach_rounds import Carry
from madan_sara.activities.delivery import PAUSE_POLL
from madan_sara.activities.delivery_run import DeliveryRun
from madan_sara.activities.run_clock import RunClock
from madan_sara.activities.sender import MessageSender
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import DeliveryOutcome
from madan_sara.contracts.naming import outreach_workflow_id
from madan_sara.contracts.outreach import DecideInput, DeliverInput, HeldAttempt, MessageRef
from madan_sara.persistence.attempts import PostgresAttemptStore
from madan_sara.persistence.database import Database
from madan_sara.persistence.messages import NewMessage, PostgresMessageStore
from madan_sara.persistence.provider_accounts import PostgresProviderAccounts
from madan_sara.worker.components import Components

_DECIDE: Final = "decide"
_DELIVER: Final = "deliver"
#: The name that DBOS gives its own step.
_SLEEP: Final = "DBOS.sleep"


@dataclass(frozen=True)
class DbosSteps:
    """The steps of an outreach that goes well, each with the statements of the real one."""

    database: Database
    components: Components
    senders: Mapping[Channel, MessageSender]

    def workflow(self, name: str) -> Callable[[str, str], Awaitable[str]]:
        """The workflow of these steps, as DBOS is to run it: its inputs are what it stores."""

        async def carry(tenant_id: str, message_id: str) -> str:
            ref = MessageRef(tenant_id=UUID(tenant_id), message_id=UUID(message_id))
            held: HeldAttempt = await DBOS.run_step_async({"name": _DECIDE}, self._decide, ref)
            assert held.plan.scheduled_at is not None, held
            seconds_left = (held.plan.scheduled_at - datetime.now(UTC)).total_seconds()
            if seconds_left > 0:
                await DBOS.sleep_async(seconds_left)
            request = DeliverInput(ref=ref, attempt_no=held.attempt_no, channel=held.plan.channel)
            outcome: str = await DBOS.run_step_async({"name": _DELIVER}, self._deliver, request)
            return outcome

        decorated: Callable[[str, str], Awaitable[str]] = DBOS.workflow(name=name)(carry)
        return decorated

    async def _decide(self, ref: MessageRef) -> HeldAttempt:
        request = DecideInput(ref=ref, now=datetime.now(UTC))
        decision = await self.components.decider.decide_outreach(request)
        assert decision.held is not None, decision
        return decision.held

    async def _deliver(self, request: DeliverInput) -> str:
        run = DeliveryRun(
            PostgresAttemptStore(self.database),
            PostgresProviderAccounts(self.database),
            self.senders[request.channel],
            request,
            RunClock(datetime.now(UTC)),
            rate=None,
            pause_poll=PAUSE_POLL,
        )
        return (await run.carry_out()).outcome.value


class DbosLine:
    """One way to carry outreaches; see `Line`.

    Args:
        name: what to call it.
        steps: its steps.
        system_dsn: SQLAlchemy URL of a database for DBOS alone.
        open_at_once: outreaches open at a time.
        timers: timers each outreach sleeps by.
    """

    def __init__(
        self, name: str, steps: DbosSteps, *, system_dsn: str, open_at_once: int, timers: int = 0
    ) -> None:
        self.name = name
        self.open_at_once = open_at_once
        self._messages = PostgresMessageStore(steps.database)
        self._workflow: Any = steps.workflow(name)
        self._steps = (_DECIDE, *(_SLEEP,) * timers, _DELIVER)
        url = make_url(system_dsn).set(drivername="postgresql")
        self._config = DBOSConfig(
            name="outreaches",
            system_database_url=url.render_as_string(hide_password=False),
            log_level="WARNING",
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Carry]:
        """What carries requests; see `Line.running`."""
        DBOS(config=self._config)
        DBOS.launch()
        try:
            yield self._carry
        finally:
            await asyncio.to_thread(DBOS.destroy)

    async def shape(self, request: NewMessage) -> str:
        """How many rows DBOS keeps of a request; see `Line.shape`."""
        async with self.running():
            steps = await DBOS.list_workflow_steps_async(_workflow_id(request))
        names = tuple(step["function_name"] for step in steps)
        assert names == self._steps, names
        return f"a row, and one each of {len(names)} steps"

    async def _carry(self, request: NewMessage) -> None:
        await self._messages.store(request, datetime.now(UTC))
        ids = (str(request.campaign.tenant_uuid), str(request.message_id))
        with SetWorkflowID(_workflow_id(request)):
            handle = await DBOS.start_workflow_async(self._workflow, *ids)
        outcome = await handle.get_result()
        assert outcome == DeliveryOutcome.ACCEPTED, outcome


def _workflow_id(request: NewMessage) -> str:
    return outreach_workflow_id(request.campaign.tenant_uuid, request.message_id)
