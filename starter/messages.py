"""A tenant's messages, watched and steered once they are sent on their way."""

from datetime import UTC, datetime
from uuid import UUID

from temporalio.client import WorkflowExecutionStatus

from madan_sara.contracts.campaign import FINAL_STATUSES
from madan_sara.contracts.delivery import AttemptState, DeliveryEvent, DeliveryEventSignal
from madan_sara.contracts.faults import InvalidRequestError
from madan_sara.contracts.outreach import (
    FINAL_STATES,
    ConcludeInput,
    DecisionAnswer,
    ExitReason,
    MessageRef,
    OutreachState,
    OutreachStatus,
)
from madan_sara.contracts.records import MessageRecord
from madan_sara.persistence.messages import PostgresMessageStore
from madan_sara.persistence.receipts import PostgresReceiptStore
from madan_sara.persistence.requests import PostgresRequestStore
from madan_sara.starter.campaigns import Campaigns
from madan_sara.starter.lost import OutreachLostError
from madan_sara.starter.outreaches import OutreachEndedError, Outreaches, OutreachHandle


class Messages:
    """Reads messages and steers their outreaches; see `OutreachOrchestrator` for each.

    Args:
        store: what is stored about messages.
        receipts: where receipts are kept.
        requests: where one that no workflow carries is ended.
        outreaches: their workflows.
        campaigns: the tenant's campaigns.
        tenant_id: whose messages these are.
    """

    def __init__(
        self,
        store: PostgresMessageStore,
        receipts: PostgresReceiptStore,
        requests: PostgresRequestStore,
        outreaches: Outreaches,
        campaigns: Campaigns,
        tenant_id: UUID,
    ) -> None:
        self._store = store
        self._receipts = receipts
        self._requests = requests
        self._outreaches = outreaches
        self._campaigns = campaigns
        self._tenant_id = tenant_id

    def handle(self, message_id: UUID) -> OutreachHandle:
        """The message's workflow."""
        return self._outreaches.handle(self._ref(message_id))

    async def record(self, message_id: UUID) -> MessageRecord:
        """Everything kept about a message.

        Raises:
            LookupError: there is no such message.
        """
        record = await self._store.record(self._tenant_id, message_id)
        if record is None:
            raise LookupError(f"there is no message {message_id}")
        return record

    async def status(self, message_id: UUID) -> OutreachStatus:
        """Where a message stands, asked of its workflow.

        Raises:
            OutreachLostError: its workflow is gone, or was ended from outside.
        """
        try:
            return await self._outreaches.status(self._ref(message_id))
        except OutreachEndedError:
            raise OutreachLostError(message_id, None) from None

    async def fall_back(self, message_id: UUID) -> DecisionAnswer:
        """Carry a message on, on its next channel.

        Raises:
            InvalidRequestError: the message stands.
            LookupError: there is no such message.
        """
        ref = self._ref(message_id)
        try:
            return await self._outreaches.fall_back(ref)
        except OutreachEndedError:
            record = await self.record(message_id)
        last = record.attempts[-1] if record.attempts else None
        if last is None or last.state is not AttemptState.BOUNCED:
            raise InvalidRequestError(
                f"message {message_id} is {record.state} and no bounce is reported; "
                "only a bounced message is carried on"
            )
        campaign = await self._campaigns.get(record.campaign_id)
        if campaign.status in FINAL_STATUSES:
            raise InvalidRequestError(
                f"campaign {campaign.id} is {campaign.status}, which is final; "
                "its messages are not carried on"
            )
        return await self._outreaches.decide(ref, campaign, resume=True)

    async def reschedule(self, message_id: UUID, at: datetime) -> DecisionAnswer:
        """Move a message that is asleep to another time.

        Raises:
            InvalidRequestError: the time is not allowed, or the message not asleep.
            LookupError: there is no such message.
        """
        try:
            return await self._outreaches.reschedule(self._ref(message_id), at)
        except OutreachEndedError:
            await self.record(message_id)  # Says so when there is none.
            raise InvalidRequestError(
                f"message {message_id} has ended and cannot be rescheduled"
            ) from None

    async def cancel(self, message_id: UUID) -> None:
        """Withdraw a message, whether or not a workflow carries it.

        Raises:
            InvalidRequestError: it has ended, or its workflow is gone while a provider may
                have it.
            LookupError: there is no such message.
        """
        # Temporal itself says yes to cancelling a workflow that has ended.
        record = await self.record(message_id)
        if record.state in FINAL_STATES:
            raise _ended(message_id, record.state)
        execution = await self._outreaches.execution(self._ref(message_id))
        if execution is WorkflowExecutionStatus.RUNNING:
            await self._outreaches.cancel(self._ref(message_id))
        elif any(attempt.state is AttemptState.SENDING for attempt in record.attempts):
            raise InvalidRequestError(
                f"message {message_id} has no workflow any more, and a provider may have it; "
                "ask the provider before anything is sent again"
            )
        else:
            await self._withdraw(message_id)

    async def receive(self, event: DeliveryEvent) -> bool:
        """Keep a provider's receipt, and tell the outreach if it still listens.

        Returns:
            False when the receipt is known already or its message is not ours.
        """
        if not await self._receipts.receive(self._tenant_id, event, datetime.now(UTC)):
            return False
        signal = DeliveryEventSignal(
            attempt_no=event.attempt_no,
            kind=event.kind,
            occurred_at=event.occurred_at,
            code=event.code,
        )
        await self._outreaches.tell_event(self._ref(event.message_id), signal)
        return True

    async def _withdraw(self, message_id: UUID) -> None:
        """End a message that no workflow carries; one begun meanwhile finds it ended."""
        conclusion = ConcludeInput(
            ref=self._ref(message_id),
            state=OutreachState.CANCELLED,
            reason=ExitReason.CANCELLED,
            now=datetime.now(UTC),
        )
        ended = await self._requests.conclude(conclusion)
        if ended.state is not OutreachState.CANCELLED:
            raise _ended(message_id, ended.state)

    def _ref(self, message_id: UUID) -> MessageRef:
        return MessageRef(tenant_id=self._tenant_id, message_id=message_id)


def _ended(message_id: UUID, state: OutreachState) -> InvalidRequestError:
    return InvalidRequestError(f"message {message_id} has ended ({state}) and cannot be cancelled")
