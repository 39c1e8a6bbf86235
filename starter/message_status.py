"""A message's status: its workflow's answer, completed by its record."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.decision import RoutingDecision, SendPlan
from madan_sara.contracts.delivery import AttemptState, AttemptSummary
from madan_sara.contracts.errors import OutreachLostError, UnreachableError
from madan_sara.contracts.outreach import (
    FINAL_STATES,
    Details,
    ExitReason,
    OutreachState,
    OutreachStatus,
)
from madan_sara.contracts.records import AttemptRecord, MessageRecord
from madan_sara.contracts.words.progress import lost_advice
from madan_sara.contracts.words.waits import explain_wait
from madan_sara.starter.campaign_words import explain_queue
from madan_sara.starter.campaigns import Campaigns
from madan_sara.starter.messages import Messages

#: A workflow with a worker answers in milliseconds; without one, the record will do.
_QUERY_TIMEOUT: Final = timedelta(seconds=5)


class Source(StrEnum):
    """The source of a message's status."""

    WORKFLOW = "workflow"  #: Its workflow.
    DATABASE = "database"  #: The stored record; the workflow is gone or did not answer.


@dataclass(frozen=True)
class MessageStatus:
    """The status of one message."""

    record: MessageRecord
    source: Source
    state: OutreachState
    reason: ExitReason | None
    details: Details
    routing: RoutingDecision | None
    plan: SendPlan | None
    #: The attempts as the workflow noted them, with channels not called at all.
    noted_attempts: Sequence[AttemptSummary]
    next_wake_at: datetime | None
    #: How its workflow was lost before the message ended; None: it was not.
    lost: str | None = None
    #: Its wait in its campaign's queue, in words; None: it is not queued.
    queued_for: str | None = None

    @property
    def channel(self) -> Channel | None:
        """The channel it was last planned on."""
        return self.plan.channel if self.plan else self.record.channel

    @property
    def waiting_attempt(self) -> AttemptRecord | None:
        """The attempt that is due and waits for its channel, if one does."""
        over = self.lost is not None or self.record.state in FINAL_STATES
        if over or not self.record.attempts:
            return None
        last = self.record.attempts[-1]
        return last if last.wait else None

    @property
    def waits_for(self) -> str | None:
        """Its wait in its campaign's queue, or once it is due; in words."""
        if self.queued_for is not None:
            return self.queued_for
        attempt = self.waiting_attempt
        return explain_wait(attempt.wait) if attempt and attempt.wait else None

    @property
    def wakes_at(self) -> datetime | None:
        """The instant of the next step."""
        attempt = self.waiting_attempt
        return attempt.retry_at if attempt else self.next_wake_at

    @property
    def scheduled_at(self) -> datetime | None:
        """When it is or was to be sent."""
        return self.plan.scheduled_at if self.plan else self.record.scheduled_at

    @property
    def way_on(self) -> str | None:
        """Advice for it, where its workflow is lost."""
        if self.lost is None:
            return None
        may_be_out = any(a.state is AttemptState.SENDING for a in self.record.attempts)
        return lost_advice(self.record.message_id, may_be_sent=may_be_out)

    @property
    def time_zone(self) -> str:
        """The zone its local times are shown in."""
        return self.plan.zone if self.plan else "UTC"


async def ask_message_status(
    messages: Messages, campaigns: Campaigns, message_id: UUID
) -> MessageStatus:
    """Ask the workflow, and the database where it does not answer.

    Raises:
        NotFoundError: there is no such message.
    """
    status = await _ask_workflow(messages, message_id)
    record = await messages.record(message_id)
    if isinstance(status, OutreachLostError):
        found = _from_record(record, lost=_what_became(record, status))
        return await _in_its_queue(campaigns, found)
    # It may have ended between the two answers, or have been found to be sent after its end.
    outdated = record.state in FINAL_STATES and status and status.state is not record.state
    found = _from_record(record) if status is None or outdated else _from_workflow(record, status)
    return await _in_its_queue(campaigns, found)


def message_status_document(status: MessageStatus) -> dict[str, Any]:
    """A message's status, for JSON."""
    record, zone = status.record, status.time_zone
    return {
        "message_id": record.message_id,
        "campaign_id": record.campaign_id,
        "recipient_id": record.recipient_id,
        "state": status.state,
        "reason": status.reason,
        "details": status.details,
        "channel": status.channel,
        "time_zone": zone,
        "scheduled_at": status.scheduled_at,
        "scheduled_at_local": local_iso(status.scheduled_at, zone),
        "sent_at": record.sent_at,
        "sent_at_local": local_iso(record.sent_at, zone),
        "waits_for": status.waits_for,
        "next_wake_at": status.wakes_at,
        "attempts": [
            {
                "attempt_no": attempt.attempt_no,
                "channel": attempt.channel,
                "state": attempt.state,
                "code": attempt.code,
            }
            for attempt in record.attempts
        ],
        "source": status.source,
        "workflow_lost": status.lost,
    }


def local_iso(moment: datetime | None, zone: str) -> str | None:
    """An instant on the recipient's clock, as ISO 8601 with its offset."""
    return moment.astimezone(ZoneInfo(zone)).isoformat() if moment else None


def at_local(moment: datetime | None, zone: str) -> str | None:
    """An instant as the recipient's clock and UTC show it."""
    if moment is None:
        return None
    utc = f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if zone == "UTC":
        return f"{moment.astimezone(UTC):%a} {utc}"
    return f"{moment.astimezone(ZoneInfo(zone)):%a %Y-%m-%d %H:%M} {zone} ({utc})"


async def _ask_workflow(
    messages: Messages, message_id: UUID
) -> OutreachStatus | OutreachLostError | None:
    """The workflow's own answer, or that it was lost; None: no worker answers for it."""
    try:
        async with asyncio.timeout(_QUERY_TIMEOUT.total_seconds()):
            return await messages.status(message_id)
    except OutreachLostError as error:
        return error
    except (UnreachableError, TimeoutError):
        return None


async def _in_its_queue(campaigns: Campaigns, found: MessageStatus) -> MessageStatus:
    """A queued message with its wait, by its campaign's status; any other as it is."""
    if found.state is not OutreachState.QUEUED:
        return found
    campaign = await campaigns.status(found.record.campaign_id)
    return replace(found, queued_for=explain_queue(campaign, found.reason, found.details))


def _what_became(record: MessageRecord, lost: OutreachLostError) -> str | None:
    """How the workflow of a message that needs one was lost."""
    if not lost.is_known:
        # A message that is queued or just being started has none yet.
        is_asleep = record.state in (OutreachState.SCHEDULED, OutreachState.SENDING)
        return lost.became if is_asleep else None
    return None if record.state in FINAL_STATES else lost.became


def _from_workflow(record: MessageRecord, status: OutreachStatus) -> MessageStatus:
    return MessageStatus(
        record=record,
        source=Source.WORKFLOW,
        state=status.state,
        reason=status.reason,
        details=status.details,
        routing=status.routing or record.routing,
        plan=status.plan or record.plan,
        noted_attempts=status.attempts,
        next_wake_at=status.next_wake_at,
    )


def _from_record(record: MessageRecord, *, lost: str | None = None) -> MessageStatus:
    asleep = record.state is OutreachState.SCHEDULED and lost is None
    return MessageStatus(
        record=record,
        source=Source.DATABASE,
        state=record.state,
        reason=record.reason,
        details=record.details,
        routing=record.routing,
        plan=record.plan,
        noted_attempts=[],
        next_wake_at=record.scheduled_at if asleep else None,
        lost=lost,
    )
