"""Receipts and what follows from them, as `persistence/receipts.py` keeps them."""

from dataclasses import replace
from datetime import datetime

from madan_sara.contracts.delivery import DeliveryEvent
from madan_sara.contracts.outreach import OutreachState
from madan_sara.policy.receipts import RULES, SubjectKind, suppressed_by
from tests.simulation.tables import SuppressionRow, Tables


def receive(tables: Tables, event: DeliveryEvent, now: datetime) -> bool:
    """Keep a receipt; False where it is known already."""
    if event.provider_event_id in tables.receipts:
        return False
    tables.receipts.add(event.provider_event_id)
    row = tables.attempts.get((event.message_id, event.attempt_no))
    transitions = RULES[event.kind].transitions
    if row is not None and transitions:
        row.bounced = True
        message = tables.messages[event.message_id]
        if row.attempt.state in transitions and message.state is OutreachState.UNKNOWN:
            message.state = OutreachState.SENT
        row.attempt = replace(
            row.attempt,
            code=event.code or row.attempt.code,
            state=transitions.get(row.attempt.state, row.attempt.state),
        )
    _suppress(tables, event, now)
    return True


def _suppress(tables: Tables, event: DeliveryEvent, now: datetime) -> None:
    message = tables.messages[event.message_id]
    row = tables.attempts.get((event.message_id, event.attempt_no))
    channel = row.channel if row is not None else message.channel
    subjects = {
        SubjectKind.RECIPIENT: message.recipient_id,
        SubjectKind.ADDRESS: message.addresses.get(channel) if channel else None,
    }
    for kind in sorted(suppressed_by(event.kind, event.code)):
        if (subject := subjects[kind]) is not None:
            tables.suppress(SuppressionRow(kind, subject, channel, event.kind, now))
