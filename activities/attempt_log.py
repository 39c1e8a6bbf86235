"""The record of an attempt, as one run of a delivery reads and writes it."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from temporalio import activity
from temporalio.exceptions import ApplicationError

from madan_sara.activities import waits
from madan_sara.activities.attempt_store import Attempt, AttemptStore, DeliveryFacts, Postponement
from madan_sara.activities.persistently import persistently
from madan_sara.activities.run_clock import RunClock
from madan_sara.contracts.delivery import AttemptState, DeliveryOutcome
from madan_sara.contracts.errors import LeaseExpiredError
from madan_sara.contracts.outreach import DeliverInput, DeliverResult
from madan_sara.policy.attempts import LATE_FOR_A_RETRY, Known

OUTCOMES: Final = {
    AttemptState.ACCEPTED: DeliveryOutcome.ACCEPTED,
    AttemptState.BOUNCED: DeliveryOutcome.ACCEPTED,
    AttemptState.REFUSED: DeliveryOutcome.REFUSED,
    AttemptState.UNKNOWN: DeliveryOutcome.UNKNOWN,
}
_TAKEN: Final = DeliveryOutcome.ACCEPTED


class AttemptLog:
    """The record of one attempt, as one run reads and writes it.

    A result is written again and again while the database is away: only this run knows it.

    Args:
        store: where attempts are written.
        request: the attempt.
        account: the account at its provider.
        clock: the run's time.
    """

    facts: DeliveryFacts
    #: As last read; the run's own opening is counted apart.
    attempt: Attempt | None

    def __init__(
        self, store: AttemptStore, request: DeliverInput, account: str, clock: RunClock
    ) -> None:
        self._store = store
        self._request = request
        self._account = account
        self._clock = clock
        self._openings = 0

    # Reading

    async def look(self) -> None:
        """Read the record, and all else the delivery depends on."""
        request = self._request
        self.facts = await self._store.delivery_facts(
            request.ref, request.attempt_no, request.channel, self._account
        )
        self._heard(self.facts.attempt)

    @property
    def known(self) -> Known:
        """The record of the attempt, as the policy has it."""
        if self.attempt is None or self.attempt.state is AttemptState.NOT_SENT:
            return Known.NOT_TAKEN
        return Known.MAY_BE_OUT if self.is_out else Known.CONCLUDED

    @property
    def is_out(self) -> bool:
        """Whether the provider may have the message from an earlier call."""
        return self.attempt is not None and self.attempt.state is AttemptState.SENDING

    @property
    def was_lost(self) -> bool:
        """Whether an answer was lost at some time, found since or not."""
        return self.attempt is not None and self.attempt.was_lost

    @property
    def may_be_out(self) -> bool:
        """Whether this attempt can never exclude that the provider has the message."""
        return self.is_out or self.was_lost

    @property
    def was_opened(self) -> bool:
        """Whether there is a record to write an outcome in."""
        return self.attempt is not None or self._openings > 0

    @property
    def tries(self) -> int:
        """Calls that were answered about this message, or whose answers were lost."""
        return self.attempt.tries if self.attempt else 0

    @property
    def waiting_since(self) -> datetime:
        """Since when the attempt is put off; now, if it never was."""
        return self.facts.waiting_since or self._clock.now()

    @property
    def code(self) -> str:
        """The code of the last call, or of the wait for the next one."""
        return (self.attempt.code if self.attempt else None) or ""

    def put_off_for(self, now: datetime) -> timedelta:
        """How much is left of a wait for its provider or recipient."""
        attempt = self.attempt
        if attempt is None or attempt.retry_at is None or attempt.awaits_turn:
            return timedelta(0)
        return attempt.retry_at - now

    @property
    def place_at(self) -> datetime | None:
        """Its place in the line of a channel with a rate limit; None: it has none."""
        return self.attempt.retry_at if self.attempt and self.attempt.awaits_turn else None

    @property
    def goes_before_new_ones(self) -> bool:
        """Whether it has had its turn before, or waits for it: it was put off, or may be out."""
        return self.is_out or (self.attempt is not None and self.attempt.retry_at is not None)

    @property
    def waited(self) -> timedelta:
        """How long the message has waited for its provider.

        Nights and pauses are not counted, nor is a wait for a turn, unless an answer was lost:
        it waits for that.
        """
        since = self.facts.attempt
        if since is None or since.retry_at is None or since.put_off_at is None:
            return self.facts.waited
        if since.awaits_turn and not since.was_lost:
            return self.facts.waited
        lately = min(self._clock.now(), since.retry_at + LATE_FOR_A_RETRY) - since.put_off_at
        return self.facts.waited + max(lately, timedelta(0))

    def answer(self) -> DeliverResult:
        """The answer on record, from any run.

        Raises:
            ApplicationError: there is none; another run is still at it.
        """
        outcome = OUTCOMES.get(self.attempt.state) if self.attempt else None
        if self.attempt is None or outcome is None:
            raise waits.overtaken()
        if outcome is DeliveryOutcome.ACCEPTED:
            return DeliverResult(
                outcome=outcome,
                receipt_wait_minutes=self.facts.request.settings.receipt_wait_minutes,
                answered_at=self.attempt.concluded_at,
            )
        return DeliverResult(outcome=outcome, code=self.attempt.code)

    # Writing

    async def open(self, provider: str) -> bool:
        """Write that the provider is about to be called; False: it is not to be."""
        try:
            opened = await self._store.open_attempt(
                self._request.ref,
                self._request.attempt_no,
                self._request.channel,
                provider,
                self._clock.now(),
                openings_before=self._openings,
            )
        except Exception:
            # It may be written all the same. Only this run knows that nothing has left.
            self._openings += 1
            with suppress(ApplicationError):
                await self.put_off(self._clock.now(), LeaseExpiredError.default_code)
            raise
        self._openings += opened
        return opened

    async def put_off(
        self,
        until: datetime,
        code: str,
        *,
        account: str | None = None,
        calls: int = 0,
        is_lost: bool = False,
        awaits_turn: bool = False,
    ) -> None:
        """Write that the message waits.

        Args:
            until: when it is tried again.
            code: the provider's code, or our own.
            account: the account it waits for; None: its recipient.
            calls: how many tries this run has used up.
            is_lost: the answer of this run's call was lost.
            awaits_turn: it waits for its turn, not for its provider.

        Raises:
            ApplicationError: another run has replaced this one.
        """
        postponement = Postponement(
            until=until,
            code=code,
            account=account,
            may_be_out=is_lost or self.is_out,
            was_lost=is_lost,
            awaits_turn=awaits_turn,
        )
        now, tries = self._clock.now(), self.tries + calls
        attempt = await persistently(
            lambda: self._store.put_off(
                self._request.ref,
                self._request.attempt_no,
                self._request.channel,
                now,
                postponement,
                openings=self._openings,
                tries=tries,
                called_account=self._account,
            )
        )
        if attempt is None:
            raise waits.overtaken()
        self._heard(attempt)

    async def stop_waiting(self) -> None:
        """Write that the message does not wait for its channel, but for something else."""
        if self.attempt is not None and self.attempt.retry_at is not None:
            await self._store.resume_attempt(self._request.ref, self._request.attempt_no)

    async def record(
        self,
        state: AttemptState,
        *,
        calls: int = 0,
        code: str | None = None,
        provider_message_id: str | None = None,
    ) -> None:
        """Write the attempt's outcome, after as many `calls` of this run."""
        now, tries = self._clock.now(), self.tries + calls
        attempt = await persistently(
            lambda: self._store.record_attempt(
                self._request.ref,
                self._request.attempt_no,
                state,
                now,
                openings=self._openings,
                tries=tries,
                called_account=self._account,
                code=code,
                provider_message_id=provider_message_id,
            )
        )
        self._heard(attempt)
        if state is AttemptState.ACCEPTED and OUTCOMES.get(attempt.state) is not _TAKEN:
            activity.logger.warning(
                "message %s was taken by its provider as attempt %s, which had ended as %s "
                "before; it stays so",
                self._request.ref.message_id,
                self._request.attempt_no,
                attempt.state,
            )

    async def suppress_address(self) -> None:
        """Write that the address is dead: messages asleep for it under any id end, too."""
        now = self._clock.now()
        await persistently(
            lambda: self._store.suppress_address(self._request.ref, self._request.channel, now)
        )

    def _heard(self, attempt: Attempt | None) -> None:
        self.attempt = attempt
        self._openings = attempt.openings if attempt else 0
