"""Messages and their ends, as `persistence/requests.py` keeps them."""

from typing import NoReturn
from uuid import UUID

from madan_sara.activities.stores import StoredRequest
from madan_sara.contracts.delivery import AttemptState
from madan_sara.contracts.errors import NotFoundError
from madan_sara.contracts.outreach import (
    FINAL_STATES,
    AttemptUnderWay,
    Block,
    ConcludeInput,
    ConcludeResult,
    MessageRef,
    OutreachState,
)
from tests.simulation.stores.claims import request_of
from tests.simulation.stores.ledger import give_back
from tests.simulation.stores.statements import Statements
from tests.simulation.tables import MessageRow, Tables


class MemoryRequests:
    """`RequestStore` in memory, and the `AnalyticsStore` no simulated step asks.

    Args:
        tables: the rows.
        network: the way to them.
    """

    def __init__(self, tables: Tables, network: Statements) -> None:
        self._tables = tables
        self._network = network

    async def request(self, ref: MessageRef) -> StoredRequest:
        return await self._network.call(
            "read the request", lambda: request_of(self._tables, self._message(ref))
        )

    async def put_back(self, ref: MessageRef, block: Block, generation: int) -> bool:
        return await self._network.call("put back", lambda: self._put_back(ref, block, generation))

    async def conclude(self, conclusion: ConcludeInput) -> ConcludeResult:
        return await self._network.call("close", lambda: self._conclude(conclusion))

    async def send_time_cells(
        self, tenant_id: UUID, campaign_id: UUID | None, zone: str
    ) -> NoReturn:
        raise NotImplementedError

    def _put_back(self, ref: MessageRef, block: Block, generation: int) -> bool:
        tables, message = self._tables, self._tables.messages.get(ref.message_id)
        if message is None:
            return False
        was_paid = any(owner == ref.message_id for owner, _ in tables.holds)
        is_its_generation = message.generation == generation
        if message.state is OutreachState.DECIDING and is_its_generation and not was_paid:
            message.state, message.generation = OutreachState.QUEUED, generation + 1
            message.reason, message.details = block.reason, block.details
            tables.claims.pop(ref.message_id, None)
            tables.campaigns[message.campaign_id].queue.discard(ref.message_id)
            return True
        return message.generation > generation and message.state not in FINAL_STATES

    def _conclude(self, conclusion: ConcludeInput) -> ConcludeResult:
        message = self._tables.messages.get(conclusion.ref.message_id)
        if message is not None and message.state in FINAL_STATES:
            return ConcludeResult(state=message.state, reason=message.reason)
        for attempt_no, row in self._tables.attempts_of(conclusion.ref.message_id):
            if message is not None and row.attempt.state is AttemptState.SENDING:
                return ConcludeResult(
                    state=message.state,
                    reason=message.reason,
                    under_way=AttemptUnderWay(attempt_no=attempt_no, channel=row.channel),
                )
        if message is not None and conclusion.generation not in (None, message.generation):
            return ConcludeResult(state=message.state, reason=message.reason)
        if message is not None:
            message.state, message.reason = conclusion.state, conclusion.reason
            message.details = conclusion.details
            message.routing = conclusion.routing or message.routing
            message.finished_at = conclusion.now
            give_back(self._tables, message)
        return ConcludeResult(state=conclusion.state, reason=conclusion.reason)

    def _message(self, ref: MessageRef) -> MessageRow:
        message = self._tables.messages.get(ref.message_id)
        if message is None:
            raise NotFoundError.message(ref.message_id)
        return message
