"""The effects of a receipt: one row of `RULES` for each kind.

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
    """The kind of subject of a suppression."""

    RECIPIENT = "recipient"  #: A person, at any address.
    ADDRESS = "address"  #: An address, under any id.


class Suppresses(StrEnum):
    """The suppression that a kind of receipt causes on its channel."""

    NOTHING = "nothing"
    DEAD_ADDRESS = "dead_address"  #: The address, if the code says that it is dead.
    PERSON = "person"  #: The person and the address.


@dataclass(frozen=True)
class ReceiptRule:
    """The effects of a kind of receipt."""

    suppresses: Suppresses = Suppresses.NOTHING
    #: The person has reacted: the message counts as engaged, the channel's statistics grow.
    engages: bool = False
    #: States of the attempt that it changes, and into which. While the answer to the call is
    #: not on record yet, the receipt is kept and applied to that answer.
    transitions: Mapping[AttemptState, AttemptState] = field(default_factory=dict)
    #: The outreach waits no longer for a receipt.
    ends_wait: bool = True
    #: The next channel follows.
    moves_on: bool = False


_REACTION: Final = ReceiptRule(engages=True)
_OPT_OUT: Final = ReceiptRule(suppresses=Suppresses.PERSON)

#: A bounce ends an attempt that a provider took and one that it may have taken alike.
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
    """The suppressions that follow on a receipt's channel: of the recipient, of the address.

    An opt-out is the person's: it holds for the mailbox, under any id, and for the person, at
    any other mailbox. A permanent bounce concerns the mailbox only.
    """
    match RULES[kind].suppresses:
        case Suppresses.PERSON:
            return frozenset({SubjectKind.RECIPIENT, SubjectKind.ADDRESS})
        case Suppresses.DEAD_ADDRESS if is_hard(code):
            return frozenset({SubjectKind.ADDRESS})
        case _:
            return frozenset()


def state_after(kind: DeliveryEventKind, state: AttemptState) -> AttemptState:
    """The state of an attempt once its receipt is known, in either order of the two."""
    return RULES[kind].transitions.get(state, state)
