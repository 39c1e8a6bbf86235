"""Port to the attempts in PostgreSQL, and the facts of one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from madan_sara.activities.provider_accounts import AccountHealth
from madan_sara.activities.stores import StoredRequest, Suppression
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import AttemptState
from madan_sara.contracts.outreach import HeldAttempt, MessageRef


@dataclass(frozen=True)
class Attempt:
    """One try to deliver a message through one channel."""

    state: AttemptState
    #: How often a run was about to call.
    openings: int = 0
    #: Calls that were answered about this message, or whose answers were lost.
    tries: int = 0
    #: An answer was lost at some time, found since or not.
    was_lost: bool = False
    code: str | None = None
    #: When the provider was last called.
    called_at: datetime | None = None
    #: When the last call was given up, its answer lost; None: interrupted, or answered.
    given_up_at: datetime | None = None
    #: When its answer, or that there will be none, was recorded.
    concluded_at: datetime | None = None
    #: When it was last put off, and until when it waits; None: it does not.
    put_off_at: datetime | None = None
    retry_at: datetime | None = None
    #: It is put off until its turn on a channel with a rate limit of ours.
    awaits_turn: bool = False
    #: Its account has failed since it last worked, as of this reading.
    account_has_failed: bool = False


@dataclass(frozen=True)
class DeliveryFacts:
    """The facts a delivery depends on, read just before."""

    request: StoredRequest
    suppressions: Sequence[Suppression]
    attempt: Attempt | None
    #: The attempt of the message that money is held for now; None: there is none.
    held: HeldAttempt | None
    #: How long the message has waited for this channel, in this attempt and earlier ones, up to
    #: when it was last put off. Nights and pauses are not counted, nor are waits for a turn,
    #: unless an answer was lost.
    waited: timedelta
    #: When it was first put off in this attempt, but for a turn; None: never.
    waiting_since: datetime | None
    #: The account's failures; None: it works.
    account: AccountHealth | None


@dataclass(frozen=True)
class Postponement:
    """Why an attempt is put off, and until when."""

    until: datetime
    code: str
    #: The account it waits for; None: it waits for its recipient, or for the result of a call.
    account: str | None = None
    #: The provider may have the message: the attempt stays open.
    may_be_out: bool = False
    #: The answer to a call was lost.
    was_lost: bool = False
    #: It waits for its turn, which uses up no patience with its channel unless an answer was lost.
    awaits_turn: bool = False


class AttemptStore(Protocol):
    """Attempts, written before and after each provider call."""

    async def delivery_facts(
        self, ref: MessageRef, attempt_no: int, channel: Channel, account: str
    ) -> DeliveryFacts:
        """The facts a delivery depends on, read just before.

        Raises:
            NotFoundError: there is no such message, or this version cannot read it.
        """
        ...

    async def open_attempt(
        self,
        ref: MessageRef,
        attempt_no: int,
        channel: Channel,
        provider: str,
        now: datetime,
        *,
        openings_before: int,
    ) -> bool:
        """Record that the provider is about to be called; committed when this returns.

        Returns:
            False when the attempt has ended, its message has ended, or another run has opened
            it since there were `openings_before`: do not call.
        """
        ...

    async def put_off(
        self,
        ref: MessageRef,
        attempt_no: int,
        channel: Channel,
        now: datetime,
        postponement: Postponement,
        *,
        openings: int,
        tries: int,
        called_account: str | None = None,
    ) -> Attempt | None:
        """Record that an attempt waits, after as many `openings` and `tries` as its run knows of.

        The answer says whether the `called_account` has failed.

        Returns:
            The attempt as it stands; None when it, or its message, has ended or another run
            has opened it.
        """
        ...

    async def resume_attempt(self, ref: MessageRef, attempt_no: int) -> None:
        """Record that an attempt does not wait for its channel now, but for something else."""
        ...

    async def record_attempt(
        self,
        ref: MessageRef,
        attempt_no: int,
        state: AttemptState,
        now: datetime,
        *,
        openings: int,
        tries: int,
        code: str | None = None,
        provider_message_id: str | None = None,
        called_account: str | None = None,
    ) -> Attempt:
        """Record the result of a call, with all effects of a message being taken.

        Accepted or unknown, its hold is spent, its message sent and its claim's window closed
        by the same commit. An acceptance counts from any run. Any other result counts only
        while the attempt was opened no more often than the `openings` its run knows of: a later
        call may be taken. The answer says whether the `called_account` has failed.

        Returns:
            The attempt as it is now. A final state stays; only `unknown` becomes `accepted`, and
            its message sent, if that was its last call and neither has changed since. An attempt
            that was reported as bounced already is `bounced` as soon as it is known to be taken.
        """
        ...

    async def suppress_address(self, ref: MessageRef, channel: Channel, now: datetime) -> None:
        """Contact the address of a message no more on a channel, under any id."""
        ...

    async def close_attempt(
        self, ref: MessageRef, attempt_no: int, channel: Channel, now: datetime
    ) -> Attempt:
        """End an interrupted attempt: unknown if the provider may have it, else refused.

        Unknown, it is booked as `record_attempt` does.

        Raises:
            NotFoundError: there is no such message.
        """
        ...
