"""The words for a message's progress: states, attempts, codes and receipts."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from madan_sara.contracts.delivery import (
    MISCONFIGURED,
    AttemptState,
    DeliveryEventKind,
    DeliveryOutcome,
)
from madan_sara.contracts.outreach import OutreachState

#: The state of a message, after "the message".
STATES: Final[Mapping[OutreachState, str]] = {
    OutreachState.QUEUED: "waits for its campaign's turn",
    OutreachState.DECIDING: "is being decided",
    OutreachState.SCHEDULED: "is scheduled",
    OutreachState.SENDING: "is being handed to the provider",
    OutreachState.SENT: "was sent",
    OutreachState.UNKNOWN: "may have been sent: the provider's answer was lost",
    OutreachState.BLOCKED: "was blocked",
    OutreachState.FAILED: "failed",
    OutreachState.CANCELLED: "was cancelled",
}

#: The states of an attempt that reached its provider.
ATTEMPTS: Final[Mapping[AttemptState, str]] = {
    AttemptState.SENDING: "handed over, no answer yet",
    AttemptState.NOT_SENT: "not taken yet; it is tried again",
    AttemptState.ACCEPTED: "the provider took it",
    AttemptState.REFUSED: "the provider said no",
    AttemptState.UNKNOWN: "may have been taken; the answer was lost",
    AttemptState.BOUNCED: "taken, then reported undeliverable",
}

#: The outcomes of a delivery; the states of attempts that have an answer, and more.
OUTCOMES: Final[Mapping[DeliveryOutcome, str]] = {
    DeliveryOutcome.ACCEPTED: ATTEMPTS[AttemptState.ACCEPTED],
    DeliveryOutcome.REFUSED: ATTEMPTS[AttemptState.REFUSED],
    DeliveryOutcome.UNKNOWN: ATTEMPTS[AttemptState.UNKNOWN],
    DeliveryOutcome.NOT_DUE: "put off: its allowed hours had passed",
    DeliveryOutcome.WITHDRAWN: "stopped before the provider was called",
}

#: Our own codes; a provider's codes are its own words.
CODES: Final[Mapping[str, str]] = {
    "skipped": "the next channel was asked for",
    "suppressed": "the person may not be contacted on it any more",
    "template_violation": "its text could not be filled in",
    "provider_unavailable": "the provider could not be reached",
    MISCONFIGURED: "our account with the provider is not set up correctly",
}

#: The kinds of a receipt.
EVENTS: Final[Mapping[DeliveryEventKind, str]] = {
    DeliveryEventKind.DELIVERED: "reached the person",
    DeliveryEventKind.OPENED: "was displayed",
    DeliveryEventKind.CLICKED: "a link was followed",
    DeliveryEventKind.REPLIED: "the person answered",
    DeliveryEventKind.BOUNCED: "will not be delivered",
    DeliveryEventKind.COMPLAINED: "was reported as spam",
    DeliveryEventKind.UNSUBSCRIBED: "the person wants no more of this",
    DeliveryEventKind.UNKNOWN: "the provider reported something else",
}

#: Advice for a message whose workflow is lost, by whether a provider may have it.
LOST: Final[Mapping[bool, str]] = {
    False: (
        "`madan-sara cancel MESSAGE_ID` closes it and gives back what it holds; then send it "
        "again under a new key"
    ),
    True: "a provider may have it: ask there before anything is sent again",
}


def attempt_meaning(outcome: str, code: str | None) -> str:
    """An attempt's result: our own code's words, or else those of its state or outcome."""
    if code is not None and code in CODES:
        return CODES[code]
    known = {**_by_value(OUTCOMES), **_by_value(ATTEMPTS)}
    return known.get(outcome, outcome)


def lost_advice(message_id: UUID, *, may_be_sent: bool) -> str:
    """Advice for a message whose workflow is lost."""
    return LOST[may_be_sent].replace("MESSAGE_ID", str(message_id))


def _by_value(
    named: Mapping[DeliveryOutcome, str] | Mapping[AttemptState, str],
) -> dict[str, str]:
    return {member.value: words for member, words in named.items()}
