"""What a receipt changes: one row of `RULES` for each kind there is.

A receipt may come early, late and twice, so a rule names the result for every state an attempt
can be in; the statement that keeps the receipt carries it out (`persistence/receipts.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from madan_sara.contracts.delivery import AttemptState, DeliveryEventKind
from madan_sara.policy.bounces import is_hard


class SubjectKind(StrEnum):
    """What a suppression names."""

    RECIPIENT = "recipient"  #: A person, whatever the address.
    ADDRESS = "address"  #: An address, whatever ids it has.


class Suppresses(StrEnum):
    """Whom a kind of receipt keeps from being contacted again on its channel."""

    NOTHING = "nothing"
    DEAD_ADDRESS = "dead_address"  #: The address, if its code says that it is none any more.
    PERSON = "person"  #: The person and the address.


@dataclass(frozen=True)
class ReceiptRule:
    """What follows from a kind of receipt."""

    suppresses: Suppresses = Suppresses.NOTHING
    #: The person has reacted: the message counts as engaged, the channel's statistics grow.
    engages: bool = False
    #: States of the attempt that it changes, and into which. Where the answer to the call is
    #: not on record yet, it is kept in mind and applied to that answer.
    transitions: Mapping[AttemptState, AttemptState] = field(default_factory=dict)
    #: The outreach has heard what it waits for.
    ends_wait: bool = True
    #: The next channel follows.
    moves_on: bool = False


_REACTION: Final = ReceiptRule(engages=True)
_OPT_OUT: Final = ReceiptRule(suppresses=Suppresses.PERSON)

#: What a provider took and what it may have taken are the same to a bounce: it is over.
RULES: Final[Mapping[DeliveryEventKind, ReceiptRule]] = {
    DeliveryEventKind.DELIVERED: ReceiptRule(),
    DeliveryEventKind.OPENED: _REACTION,
    DeliveryEventKind.CLICKED: _REACTION,
    DeliveryEventKind.REPLIED: _REACTION,
    DeliveryEventKind.BOUNCED: ReceiptRule(
        suppresses=Suppresses.DEAD_ADDRESS,
        transitions={
            AttemptState.ACCEPTED: AttemptState.BOUNCED,
            AttemptState.UNKNOWN: AttemptState.BOUNCED,
        },
        moves_on=True,
    ),
    DeliveryEventKind.COMPLAINED: _OPT_OUT,
    DeliveryEventKind.UNSUBSCRIBED: _OPT_OUT,
    DeliveryEventKind.UNKNOWN: ReceiptRule(ends_wait=False),
}


def suppressed_by(kind: DeliveryEventKind, code: str | None) -> frozenset[SubjectKind]:
    """What is not to be contacted again on a receipt's channel: the recipient, the address.

    An opt-out is the person's: it holds for the mailbox, whatever ids it has, and for the
    person, whatever mailbox comes next. A bounce for good says something of the mailbox only.
    """
    match RULES[kind].suppresses:
        case Suppresses.PERSON:
            return frozenset({SubjectKind.RECIPIENT, SubjectKind.ADDRESS})
        case Suppresses.DEAD_ADDRESS if is_hard(code):
            return frozenset({SubjectKind.ADDRESS})
        case _:
            return frozenset()


def state_after(kind: DeliveryEventKind, state: AttemptState) -> AttemptState:
    """The state of an attempt once a receipt of it is known, in whichever order both came."""
    return RULES[kind].transitions.get(state, state)
