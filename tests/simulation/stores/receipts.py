"""Receipts and what follows from them, as `persistence/receipts.py` keeps them."""

from dataclasses import replace
from datetime import datetime

from madan_sara.contracts.delivery import AttemptState, DeliveryEvent, DeliveryEventKind
from madan_sara.contracts.outreach import OutreachState
from madan_sara.policy.receipts import RULES, SubjectKind, suppressed_by
from madan_sara.policy.selector import Engagement
from tests.simulation.tables import SuppressionRow, Tables


def receive(tables: Tables, event: DeliveryEvent, now: datetime) -> bool:
    """Keep a receipt; False where it is known already, or its message is not."""
    key = (event.provider, event.provider_event_id)
    if event.message_id not in tables.messages or key in tables.receipts:
        return False
    tables.receipts.add(key)
    _turn(tables, event)
    _learn(tables, event)
    _suppress(tables, event, now)
    return True


def _turn(tables: Tables, event: DeliveryEvent) -> None:
    """Change the state of its attempt."""
    row = tables.attempts.get((event.message_id, event.attempt_no))
    transitions = RULES[event.kind].transitions
    if row is None or not transitions:
        return
    row.bounced = True
    before = row.attempt
    row.attempt = replace(
        before,
        code=before.code if event.code is None else event.code,
        state=transitions.get(before.state, before.state),
    )
    message = tables.messages[event.message_id]
    is_known = before.state is AttemptState.UNKNOWN and row.attempt.state is not before.state
    if is_known and message.state is OutreachState.UNKNOWN:
        message.state = OutreachState.SENT


def _learn(tables: Tables, event: DeliveryEvent) -> None:
    """Count a person's reaction, each kind once for a message."""
    is_first = (event.message_id, event.kind) not in tables.reported
    tables.reported.add((event.message_id, event.kind))
    row = tables.attempts.get((event.message_id, event.attempt_no))
    if not is_first or row is None or not RULES[event.kind].engages:
        return
    reaction = Engagement(
        messages=0,
        opens=int(event.kind is DeliveryEventKind.OPENED),
        clicks=int(event.kind is DeliveryEventKind.CLICKED),
        replies=int(event.kind is DeliveryEventKind.REPLIED),
    )
    recipient_id = tables.messages[event.message_id].recipient_id
    tables.count_engagement(recipient_id, row.channel, reaction)


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
            tables.suppress(
                SuppressionRow(kind, subject, channel, event.kind, now, event.message_id)
            )
