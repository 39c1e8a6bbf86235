"""From a checked request to its decision."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from temporalio.client import WorkflowExecutionStatus

from madan_sara.contracts.errors import KeyUsedError, OutreachLostError
from madan_sara.contracts.outreach import FINAL_STATES, DecisionAnswer, MessageRef, OutreachState
from madan_sara.persistence.messages import NewMessage, PostgresMessageStore, StoredMessage
from madan_sara.persistence.ownership import OwnMessage, stored_message
from madan_sara.persistence.recipients import PostgresRecipients
from madan_sara.starter.answers import BatchItem, answer_from_record, batch_item, undecided
from madan_sara.starter.lost import lost_outreach
from madan_sara.starter.outreaches import OutreachEndedError, Outreaches

#: Decisions of one batch awaited at once: enough to keep a worker busy.
_AT_ONCE: Final = 32
_UNDECIDED: Final = (OutreachState.QUEUED, OutreachState.DECIDING)
#: Messages one transaction puts into a queue.
_QUEUED_AT_ONCE: Final = 5_000


class Sending:
    """Stores requests and starts their workflows.

    Args:
        store: where requests are stored.
        recipients: where a campaign's queue is kept.
        outreaches: the workflows.
    """

    def __init__(
        self, store: PostgresMessageStore, recipients: PostgresRecipients, outreaches: Outreaches
    ) -> None:
        self._store = store
        self._recipients = recipients
        self._outreaches = outreaches

    async def check_key(self, message: NewMessage) -> None:
        """Check that a message's key is free, or its own, before anything is stored for it.

        Raises:
            KeyUsedError: the key stands for a different request.
        """
        stored = await self._store.find(message)
        if stored is not None:
            _refuse_another(message, stored)

    async def send(self, message: NewMessage) -> DecisionAnswer:
        """Store a message, start its workflow and wait for the decision.

        A key that is known already answers with the message it stands for.

        Raises:
            KeyUsedError: the key stands for a different request.
            OutreachLostError: the message's workflow was ended from outside before its end.
        """
        stored = await self._store.store(message, datetime.now(UTC))
        _refuse_another(message, stored)
        ref = stored_message(message.campaign.tenant_uuid, stored.message_id)
        is_new = stored.message_id == message.message_id
        if not is_new and (answer := await self._answer_of_known(ref)) is not None:
            return answer
        try:
            return await self._outreaches.decide(ref, message.campaign)
        except OutreachEndedError:
            answer = await self._answer_of_ended(ref)
            if answer is None:
                how = await self._outreaches.execution(ref)
                raise lost_outreach(ref.message_id, how) from None
            return answer

    async def send_all(self, messages: Sequence[NewMessage]) -> list[BatchItem]:
        """Send a batch, some at a time; the answers in the order of the messages.

        One whose workflow was ended from outside stays undecided, and holds up no other.
        """
        free = asyncio.Semaphore(_AT_ONCE)

        async def send(message: NewMessage) -> BatchItem:
            try:
                async with free:
                    answer = await self.send(message)
            except OutreachLostError as error:
                answer = undecided(error.message_id)
            return batch_item(message.recipient_id, answer)

        return list(await asyncio.gather(*map(send, messages)))

    async def queue(self, messages: Sequence[NewMessage]) -> int:
        """Put a long batch of one campaign and content into the campaign's queue.

        Returns:
            How many were new to it.
        """
        added = 0
        now = datetime.now(UTC)
        for start in range(0, len(messages), _QUEUED_AT_ONCE):
            page = messages[start : start + _QUEUED_AT_ONCE]
            added += await self._recipients.add(page[0].campaign, page, now)
        return added

    async def _answer_of_known(self, ref: OwnMessage) -> DecisionAnswer | None:
        """The decision on a message stored before; None: its workflow has not decided.

        Read from the record, so that repeating a request costs its workflow nothing.

        Raises:
            OutreachLostError: its workflow was ended from outside before its end.
        """
        # Asked first: a message that ends meanwhile is then found ended.
        workflow = await self._outreaches.execution(ref)
        record = await self._store.record(ref.tenant_id, ref.message_id)
        if record is None or (workflow is None and record.state not in FINAL_STATES):
            return None
        if record.state in FINAL_STATES:
            return answer_from_record(record)
        if workflow is not WorkflowExecutionStatus.RUNNING:
            raise lost_outreach(ref.message_id, workflow)
        return None if record.state in _UNDECIDED else answer_from_record(record)

    async def _answer_of_ended(self, ref: MessageRef) -> DecisionAnswer | None:
        """The decision on a message that has ended; None while it has not."""
        record = await self._store.record(ref.tenant_id, ref.message_id)
        if record is None or record.state not in FINAL_STATES:
            return None
        return answer_from_record(record)


def _refuse_another(message: NewMessage, stored: StoredMessage) -> None:
    if stored.request_digest != message.request_digest:
        raise KeyUsedError(
            "idempotency_key: stands for a different request already "
            f"(message {stored.message_id}); use a new key"
        )
