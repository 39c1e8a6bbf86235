"""Attempts at a provider, and its receipts."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final
from uuid import UUID

from pydantic import BeforeValidator, ConfigDict, Field

from madan_sara.contracts.base import ClosedContract, Contract, Instant, ShortText
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.codes import as_code, status_in


class DeliveryOutcome(StrEnum):
    """How handing one attempt to a provider ended."""

    ACCEPTED = "accepted"  #: The provider took it.
    REFUSED = "refused"  #: The provider, or every try to reach it, said no.
    UNKNOWN = "unknown"  #: It may have been taken; that cannot be found out.
    NOT_DUE = "not_due"  #: The allowed hours passed meanwhile; nothing was sent.
    WITHDRAWN = "withdrawn"  #: A rule forbids it by now; nothing was sent.


class AttemptState(StrEnum):
    """The known state of one attempt."""

    SENDING = "sending"  #: The provider may have it: called, no answer recorded.
    NOT_SENT = "not_sent"  #: The provider certainly does not have it; may be tried again.
    ACCEPTED = "accepted"  #: The provider took it.
    REFUSED = "refused"  #: The provider said no, or the tries were used up.
    UNKNOWN = "unknown"  #: The answer was lost and cannot be found out.
    BOUNCED = "bounced"  #: Taken, later reported undeliverable.


class AttemptSummary(Contract):
    """One attempt, as shown to people."""

    attempt_no: int
    channel: Channel
    outcome: str
    code: str | None = None


#: Code of an account that takes nothing until its settings are corrected.
MISCONFIGURED: Final = "misconfigured"


#: Code of an attempt that waits for its turn on a channel with a rate limit of ours.
AWAITS_TURN: Final = "awaits_turn"


class ChannelWait(Contract):
    """Why messages that are due do not go out, and how many."""

    channel: Channel
    #: The account that is out of service; None: the provider puts their recipients off, or
    #: they wait for their turn.
    account: str | None
    code: str
    #: When the account's first failure was, or the recipients' first refusal; of a wait for a
    #: turn, when the first of them was put off, or was given the place it has now.
    since: datetime
    #: The account refuses our settings: it takes nothing until an operator corrects them.
    refuses_settings: bool = False
    #: They wait for their turn: their channel has a rate limit of ours.
    awaits_turn: bool = False
    messages: int = 1


class DeliveryEventKind(StrEnum):
    """The kind of a receipt; the closed vocabulary vendors' codes map to."""

    DELIVERED = "delivered"  #: Reached the person's device or mailbox.
    OPENED = "opened"  #: Was displayed.
    CLICKED = "clicked"  #: A link was followed.
    REPLIED = "replied"  #: The person answered.
    BOUNCED = "bounced"  #: Will not be delivered.
    COMPLAINED = "complained"  #: Was reported as spam.
    UNSUBSCRIBED = "unsubscribed"  #: The person wants no more of this.
    UNKNOWN = "unknown"  #: A code we do not know; it is kept with the receipt.


def _as_kept_code(value: object) -> object:
    """Keep a code and nothing else: a receipt is not lost because its code is prose."""
    if isinstance(value, str) and "\x00" in value:
        raise ValueError("contains a NUL character, which PostgreSQL cannot store; remove it")
    if isinstance(value, str):
        return as_code(value) or status_in(value)
    return as_code(value) if isinstance(value, int) else value


class DeliveryEvent(ClosedContract):
    """One receipt of a provider."""

    # Providers put addresses where ids and codes belong: an error is not to repeat them.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    provider: ShortText
    #: The provider's id of the event itself; a second one is ignored.
    provider_event_id: ShortText
    message_id: UUID
    attempt_no: Annotated[int, Field(ge=1, lt=2**31)]
    kind: DeliveryEventKind
    occurred_at: Instant
    #: The provider's code, like a bounce's; None where it gave words instead, which are not kept.
    code: Annotated[str | None, BeforeValidator(_as_kept_code)] = None


class DeliveryEventSignal(Contract):
    """Payload of the `delivery_event` signal: ids and codes, no people."""

    attempt_no: int
    kind: DeliveryEventKind
    occurred_at: datetime
    code: str | None = None
