"""A tenant's messages, watched and steered after the send."""

from datetime import UTC, datetime
from uuid import UUID

from temporalio.client import WorkflowExecutionStatus

from madan_sara.contracts.base import Instant
from madan_sara.contracts.campaign import FINAL_STATUSES
from madan_sara.contracts.delivery import AttemptState, DeliveryEvent, DeliveryEventSignal
from madan_sara.contracts.errors import (
    ConflictError,
    FinalStatusError,
    NotAsleepError,
    NotFoundError,
)
from madan_sara.contracts.outreach import (
    FINAL_STATES,
    ConcludeInput,
    DecisionAnswer,
    ExitReason,
    OutreachState,
    OutreachStatus,
)
from madan_sara.contracts.reading import read, read_moment, require
from madan_sara.contracts.records import MessageRecord
from madan_sara.persistence.messages import PostgresMessageStore
from madan_sara.persistence.ownership import Ownership, OwnMessage, stored_message
from madan_sara.persistence.receipts import KeptReceipt, PostgresReceiptStore
from madan_sara.persistence.requests import PostgresRequestStore
from madan_sara.policy.receipts import RULES
from madan_sara.starter.campaigns import Campaigns
from madan_sara.starter.lost import lost_outreach
from madan_sara.starter.outreaches import OutreachEndedError, Outreaches, OutreachHandle


class Messages:
    """Reads messages and steers their outreaches; see `OutreachOrchestrator` for each.

    Args:
        store: the records of messages.
        receipts: where receipts are kept.
        requests: ends messages that no workflow carries.
        outreaches: their workflows.
        campaigns: the tenant's campaigns.
        ownership: says whether a message is the tenant's.
        tenant_id: their owner.
    """

    def __init__(
        self,
        store: PostgresMessageStore,
        receipts: PostgresReceiptStore,
        requests: PostgresRequestStore,
        outreaches: Outreaches,
        campaigns: Campaigns,
        ownership: Ownership,
        tenant_id: UUID,
    ) -> None:
        self._store = store
        self._receipts = receipts
        self._requests = requests
        self._outreaches = outreaches
        self._campaigns = campaigns
        self._ownership = ownership
        self._tenant_id = tenant_id

    def handle(self, message_id: UUID) -> OutreachHandle:
        """The message's workflow."""
        return self._outreaches.handle(self._ownership.named_message(message_id))

    async def record(self, message_id: UUID) -> MessageRecord:
        """Everything kept about a message.

        Raises:
            NotFoundError: there is no such message.
        """
        ref = self._ownership.named_message(message_id)
        record = await self._store.record(ref.tenant_id, ref.message_id)
        if record is None:
            raise NotFoundError.message(message_id)
        return record

    async def status(self, message_id: UUID) -> OutreachStatus:
        """A message's status, asked of its workflow.

        Raises:
            NotFoundError: there is no such message.
            OutreachLostError: its workflow is gone, or was ended from outside.
        """
        own = await self._ownership.message(message_id)
        try:
            return await self._outreaches.status(own)
        except OutreachEndedError:
            raise lost_outreach(own.message_id, None) from None

    async def fall_back(self, message_id: UUID) -> DecisionAnswer:
        """Carry a message on, on its next channel.

        Raises:
            ConflictError: the message stands.
            NotFoundError: there is no such message.
            OutreachLostError: its workflow is gone, or was ended from outside.
        """
        own = await self._ownership.message(message_id)
        try:
            return await self._outreaches.fall_back(own)
        except OutreachEndedError:
            record = await self.record(message_id)
        last = record.attempts[-1] if record.attempts else None
        if last is None or last.state is not AttemptState.BOUNCED:
            await self._require_ended(own, record)
            raise ConflictError(
                f"message {message_id} is {record.state} and no bounce is reported; "
                "only a bounced message is carried on"
            )
        campaign = await self._campaigns.get(record.campaign_id)
        if campaign.status in FINAL_STATUSES:
            raise FinalStatusError(
                f"campaign {campaign.id} is {campaign.status}, which is final; "
                "its messages are not carried on"
            )
        try:
            return await self._outreaches.decide(own, campaign, resume=True)
        except OutreachEndedError:
            await self._require_ended(own, await self.record(message_id))
            raise

    async def reschedule(self, message_id: UUID, at: datetime) -> DecisionAnswer:
        """Move a message that is asleep to another time.

        Raises:
            ConflictError: the time is not allowed, or the message not asleep.
            NotFoundError: there is no such message.
            OutreachLostError: its workflow is gone, or was ended from outside.
        """
        moment = read_moment(read(Instant, at, "at"), "at")
        own = await self._ownership.message(message_id)
        try:
            return await self._outreaches.reschedule(own, moment)
        except OutreachEndedError:
            await self._require_ended(own, await self.record(message_id))
            raise FinalStatusError(
                f"message {message_id} has ended and cannot be rescheduled"
            ) from None

    async def cancel(self, message_id: UUID) -> None:
        """Withdraw a message, whether or not a workflow carries it.

        Raises:
            ConflictError: it has ended, or its workflow is gone while a provider may
                have it.
            NotFoundError: there is no such message.
        """
        # Temporal itself says yes to cancelling a workflow that has ended.
        record = await self.record(message_id)
        if record.state in FINAL_STATES:
            raise _ended(message_id, record.state)
        own = stored_message(self._tenant_id, record.message_id)
        execution = await self._outreaches.execution(own)
        if execution is WorkflowExecutionStatus.RUNNING:
            await self._outreaches.cancel(own)
        elif any(attempt.state is AttemptState.SENDING for attempt in record.attempts):
            raise ConflictError(
                f"message {message_id} has no workflow any more, and a provider may have it; "
                "ask the provider before anything is sent again"
            )
        else:
            await self._withdraw(own)

    async def receive(self, event: DeliveryEvent) -> bool:
        """Keep a provider's receipt, and signal the outreach if it still runs.

        One that is known already is told again: the try that kept it may not have come as far.

        Returns:
            False when the receipt is known already or its message is not ours.
        """
        receipt = read(DeliveryEvent, require(DeliveryEvent, event, "event"), "event")
        is_new = await self._receipts.receive(self._tenant_id, receipt, datetime.now(UTC))
        if is_new or await self._is_still_news(receipt):
            own = stored_message(self._tenant_id, receipt.message_id)
            signal = DeliveryEventSignal(
                attempt_no=receipt.attempt_no,
                kind=receipt.kind,
                occurred_at=receipt.occurred_at,
                code=receipt.code,
            )
            await self._outreaches.notify(own, signal)
        return is_new

    async def _is_still_news(self, receipt: DeliveryEvent) -> bool:
        """Whether a receipt is kept as the tenant's, and its outreach may not know of it."""
        kept = await self._receipts.of_attempt(self._tenant_id, receipt)
        this = KeptReceipt(receipt.provider, receipt.provider_event_id, receipt.kind)
        # A bounce has the last word; what it has overtaken would take that back.
        overtaken = any(RULES[each.kind].moves_on for each in kept)
        return this in kept and (RULES[receipt.kind].moves_on or not overtaken)

    async def _require_ended(self, own: OwnMessage, record: MessageRecord) -> None:
        """Tell a message that has come to its end from one whose workflow was ended for it.

        Raises:
            NotAsleepError: it has not begun.
            OutreachLostError: it has not come to its end.
        """
        if record.state in FINAL_STATES:
            return
        how = await self._outreaches.execution(own)
        if how is None and record.state is OutreachState.QUEUED:
            raise NotAsleepError(f"message {own.message_id} waits for its campaign's turn")
        raise lost_outreach(own.message_id, how)

    async def _withdraw(self, own: OwnMessage) -> None:
        """End a message that no workflow carries; a workflow begun meanwhile finds it ended."""
        conclusion = ConcludeInput(
            ref=own,
            state=OutreachState.CANCELLED,
            reason=ExitReason.CANCELLED,
            now=datetime.now(UTC),
        )
        ended = await self._requests.conclude(conclusion)
        if ended.state is not OutreachState.CANCELLED:
            raise _ended(own.message_id, ended.state)


def _ended(message_id: UUID, state: OutreachState) -> FinalStatusError:
    return FinalStatusError(f"message {message_id} has ended ({state}) and cannot be cancelled")
