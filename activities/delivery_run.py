"""One run of the delivery of one attempt."""

import asyncio
from datetime import datetime, timedelta
from typing import Final

from temporalio import activity
from temporalio.exceptions import ApplicationError

from madan_sara.activities import waits
from madan_sara.activities.account_watch import AccountWatch
from madan_sara.activities.attempt_log import OUTCOMES, AttemptLog
from madan_sara.activities.attempt_store import AttemptStore
from madan_sara.activities.call_rates import CallRate
from madan_sara.activities.lease import LEASE
from madan_sara.activities.preflight import find_obstacle
from madan_sara.activities.provider_accounts import ProviderAccounts
from madan_sara.activities.run_clock import RunClock
from madan_sara.activities.sender import (
    Accepted,
    Call,
    CallLease,
    MessageSender,
    OutgoingMessage,
    Refused,
    running_seconds,
)
from madan_sara.activities.situation import (
    patience_of,
    recovery_of,
    settled_at,
    situation_of,
)
from madan_sara.activities.turns import take_turn
from madan_sara.contracts.delivery import AttemptState, ChannelWait, DeliveryOutcome
from madan_sara.contracts.errors import (
    AmbiguousDeliveryError,
    LeaseExpiredError,
    NotTakenError,
    TransientDeliveryError,
)
from madan_sara.contracts.naming import idempotency_key
from madan_sara.contracts.outreach import FINAL_STATES, DeliverInput, DeliverResult
from madan_sara.policy.attempts import Move, Recovery, next_move, wait_for_recipient
from madan_sara.policy.bounces import is_hard
from madan_sara.policy.templates import TemplateError

#: Code of an attempt that was closed before a provider was called.
CLOSED: Final = "cancelled"
#: A rest of patience that is not worth another run: a wait is never exact.
_A_MOMENT: Final = timedelta(seconds=1)
#: Facts that take longer are outdated; a statement that hangs must not hold the message.
_LONGEST_LOOK_SECONDS: Final = 10.0
#: How often an attempt is looked at whose call may be under way elsewhere.
_SETTLING_POLL: Final = timedelta(seconds=5)
#: Code of an attempt whose answer was lost.
NO_ANSWER: Final = "no_answer"


class DeliveryRun:
    """Reads an attempt's state, and makes the moves that follow until it waits or ends.

    Args:
        attempts: where attempts are written.
        accounts: the accounts at providers that do not work.
        sender: the channel's provider.
        request: the attempt.
        clock: the run's time.
        rate: the account's; None: it has no limit of ours.
        pause_poll: how often a send in a paused campaign looks whether it may go on.
        lease: from opening the attempt to its call.
    """

    def __init__(
        self,
        attempts: AttemptStore,
        accounts: ProviderAccounts,
        sender: MessageSender,
        request: DeliverInput,
        clock: RunClock,
        *,
        rate: CallRate | None,
        pause_poll: timedelta,
        lease: timedelta = LEASE,
    ) -> None:
        self._log = AttemptLog(attempts, request, sender.account, clock)
        self._account = AccountWatch(accounts, sender.account, clock)
        self._sender = sender
        self._longest_call = sender.capabilities.longest_call
        self._request = request
        self._clock = clock
        self._rate = rate
        self._pause_poll = pause_poll
        self._lease = lease
        #: When it looked, by a clock that goes on while it is stopped.
        self._looked_at = 0.0

    # The story

    async def carry_out(self) -> DeliverResult:
        """Deliver, or find out the result of an earlier run's delivery.

        Raises:
            ApplicationError: it has to wait; to be run again.
        """
        await self._look()
        result = None
        try:
            while result is None:
                result = await self._make_next_move()
        finally:
            await self._account.give_back()
        return result

    async def _make_next_move(self) -> DeliverResult | None:
        """Make the move of the situation; None: look again."""
        now = self._clock.now()
        obstacle = find_obstacle(self._log.facts, self._request.channel, now)
        capabilities = self._sender.capabilities
        situation = situation_of(
            self._log, self._account, capabilities, self._request, obstacle, now
        )
        move = next_move(situation)
        match move:
            case Move.ANSWER:
                return self._log.answer()
            case Move.SETTLE:
                raise waits.settling(self._until_settled(now))
            case Move.LOOK_UP:
                return await self._look_up()
            case Move.WAIT_FOR_HOURS if obstacle and obstacle.not_before:
                await self._log.stop_waiting()
                raise waits.for_hours(obstacle.not_before - now)
            case Move.YIELD if obstacle:
                await self._log.stop_waiting()
                return obstacle
            case Move.WAIT_FOR_RESUME:
                await self._log.stop_waiting()
                raise waits.for_resume(self._pause_poll)
            case Move.CALL if (left := self._log.put_off_for(now)) > _A_MOMENT:
                # The wait of a run that no activity heard out.
                if self._log.is_out:
                    raise waits.for_another_call(left)
                is_outage = self._account.health is not None
                raise waits.for_channel(self._channel_wait(self._log.code, is_outage), left)
            case Move.WAIT_FOR_ACCOUNT | Move.CALL:
                return await self._hand_over(asks_first=move is Move.WAIT_FOR_ACCOUNT)
            case _:
                return await self._give_up(AttemptState.UNKNOWN)

    async def _hand_over(self, *, asks_first: bool) -> DeliverResult | None:
        """Compose, write the attempt, call the provider, write the result."""
        call = self._prepare()
        if isinstance(call, Refused):
            return await self._give_up(AttemptState.REFUSED, call.code)
        if asks_first and (refused := await self._ask_for_admission()) is not None:
            return refused
        await take_turn(self._rate, self._request.channel, self._log, self._clock)
        if self._is_held_up():
            raise waits.held_up()
        approach = self._sender.capabilities.longest_approach
        lease = CallLease(self._looked_at + (self._lease + approach).total_seconds())
        if not await self._log.open(self._sender.provider):
            return await self._overtaken()
        try:
            async with asyncio.timeout(self._longest_call.total_seconds()):
                answer = await call(lease)
        except LeaseExpiredError as error:
            await self._log.put_off(self._clock.now(), error.code)
            raise waits.held_up() from None
        except TransientDeliveryError as error:
            return await self._wait_for_recipient(error, calls=1)
        except NotTakenError as error:
            return await self._wait_for_account(error)
        except (AmbiguousDeliveryError, TimeoutError) as error:
            return await self._lose_answer(str(error) or "the call outlived its time")
        except Exception as error:  # noqa: BLE001 - an error of the sender; the message may be out
            return await self._lose_answer(f"its sender failed ({type(error).__name__})")
        return await self._record_answer(answer, calls=1)

    # Before the call

    async def _look(self) -> None:
        self._looked_at = running_seconds()
        try:
            async with asyncio.timeout(_LONGEST_LOOK_SECONDS):
                await self._log.look()
        except TimeoutError:
            raise waits.held_up() from None
        self._account.health = self._log.facts.account

    def _prepare(self) -> Call | Refused:
        try:
            return self._sender.prepare(self._outgoing())
        except TemplateError:
            return Refused("template_violation")

    def _outgoing(self) -> OutgoingMessage:
        stored, request = self._log.facts.request, self._request
        content = stored.rendered.on(request.channel)
        address = stored.profile.contact_info.address_for(request.channel)
        if content is None or address is None:
            raise TemplateError(f"nothing to send on {request.channel}: content or address is gone")
        return OutgoingMessage(
            channel=request.channel,
            address=address,
            content=content,
            message_id=request.ref.message_id,
            idempotency_key=self._key,
        )

    async def _ask_for_admission(self) -> DeliverResult | None:
        """Ask to call an account that is out of service; None: this run probes it."""
        come_back_at = await self._account.ask_for_admission(LEASE + self._longest_call)
        if come_back_at is None:
            return None
        health = self._account.health
        code = health.code if health else NotTakenError.default_code
        if self._has_waited_enough(is_outage=True):
            return await self._give_up(AttemptState.REFUSED, code)
        raise await self._put_off(come_back_at, code, is_outage=True)

    def _is_held_up(self) -> bool:
        """Whether the facts may be outdated, and another run may have replaced this one."""
        return running_seconds() - self._looked_at > self._lease.total_seconds()

    async def _overtaken(self) -> DeliverResult:
        """The result of a call that came too late."""
        await self._look()
        attempt = self._log.attempt
        if attempt is not None and attempt.state in OUTCOMES:
            return self._log.answer()
        held = self._log.facts.held
        if held is not None and held.attempt_no != self._request.attempt_no:
            return DeliverResult(outcome=DeliveryOutcome.NOT_DUE, held=held)
        if attempt is None or self._log.facts.request.state in FINAL_STATES:
            return DeliverResult(outcome=DeliveryOutcome.REFUSED, code=CLOSED)
        raise waits.overtaken()

    # After the call

    async def _record_answer(self, answer: Accepted | Refused, *, calls: int) -> DeliverResult:
        """Write the provider's answer; with any answer, the account works.

        A refusal of the second of two calls says nothing of the first, unless a key ties them.
        """
        if isinstance(answer, Refused) and self._log.is_out and self._recovery.may_send_twice:
            await self._log.record(AttemptState.UNKNOWN, calls=calls, code=answer.code)
        elif isinstance(answer, Refused):
            await self._log.record(AttemptState.REFUSED, calls=calls, code=answer.code)
            if is_hard(answer.code):
                await self._log.suppress_address()
        else:
            await self._log.record(
                AttemptState.ACCEPTED, calls=calls, provider_message_id=answer.provider_message_id
            )
        await self._note_answer()
        return self._log.answer()

    async def _note_answer(self) -> None:
        """Clear the account of its failures, if it had any when the answer was written."""
        if self._log.attempt is not None and self._log.attempt.account_has_failed:
            await self._account.works()

    async def _wait_for_recipient(
        self, error: TransientDeliveryError, *, calls: int
    ) -> DeliverResult:
        if self._has_waited_enough(is_outage=False):
            result = await self._give_up(AttemptState.REFUSED, error.code, calls=calls)
            await self._note_answer()
            return result
        waited = self._log.waited
        delay = wait_for_recipient(self._request.channel, waited, error.retry_after)
        wait = await self._put_off(
            self._clock.now() + delay, error.code, is_outage=False, calls=calls
        )
        await self._note_answer()
        raise wait

    async def _wait_for_account(self, error: NotTakenError) -> DeliverResult:
        """An outage is the account's: none of the message's tries is used up."""
        await self._log.put_off(self._clock.now(), error.code, account=self._sender.account)
        come_back_at = await self._account.failed(error)
        if self._has_waited_enough(is_outage=True):
            return await self._give_up(AttemptState.REFUSED, error.code)
        raise await self._put_off(come_back_at, error.code, is_outage=True)

    async def _lose_answer(self, why: str) -> DeliverResult | None:
        """The message may be out: write that down; None: the next move is to find out.

        An account that answers no call is out of service, which uses up no tries; but each
        call that may be one more message is a try.
        """
        activity.logger.warning("%s: %s", self._sender.account, why)
        is_try = self._recovery.may_send_twice or not self._account.is_down
        await self._log.put_off(self._clock.now(), NO_ANSWER, calls=int(is_try), is_lost=True)
        come_back_at = await self._account.failed(NotTakenError(why, code=NO_ANSWER))
        await self._log.put_off(come_back_at, NO_ANSWER)
        if not self._recovery.calls_again:
            return None
        if self._has_waited_enough(is_outage=True):
            return await self._give_up(AttemptState.UNKNOWN)
        raise waits.for_another_call(come_back_at - self._clock.now())

    async def _look_up(self) -> DeliverResult | None:
        """Ask for the result of an earlier call; None: it was never taken."""
        try:
            async with asyncio.timeout(self._longest_call.total_seconds()):
                found = await self._sender.look_up(self._key)
        except TransientDeliveryError as error:
            return await self._wait_for_recipient(error, calls=0)
        except (NotTakenError, TimeoutError) as error:
            if isinstance(error, TimeoutError):
                error = NotTakenError(str(error), code=NO_ANSWER)
            return await self._wait_for_account(error)
        if found is not None:
            return await self._record_answer(found, calls=0)
        await self._log.record(AttemptState.NOT_SENT)
        await self._note_answer()
        if self._has_waited_enough(is_outage=True):
            return await self._give_up(AttemptState.UNKNOWN)
        await self._look()  # A change while the provider was asked counts, too.
        return None

    # Waiting, and ending

    async def _put_off(
        self, until: datetime, code: str, *, is_outage: bool, calls: int = 0
    ) -> ApplicationError:
        """Write that the message waits; the error that has it run again then."""
        end = self._log.facts.request.campaign.end_date
        patience = patience_of(self._log, self._request, is_outage=is_outage)
        until = min(until, self._clock.now() + patience, end or until)
        account = self._sender.account if is_outage else None
        await self._log.put_off(until, code, account=account, calls=calls)
        wait = self._channel_wait(code, is_outage)
        return waits.for_channel(wait, until - self._clock.now())

    def _channel_wait(self, code: str, is_outage: bool) -> ChannelWait:
        return ChannelWait(
            channel=self._request.channel,
            account=self._sender.account if is_outage else None,
            code=code,
            since=self._account.failing_since if is_outage else self._log.waiting_since,
            refuses_settings=is_outage and self._account.refuses_settings,
        )

    async def _give_up(
        self, state: AttemptState, code: str | None = None, *, calls: int = 0
    ) -> DeliverResult:
        """Refused on this channel, or unknown if the provider may have the message.

        An unknown outcome has no code: that of a refusal, or of the account, is not the lost
        call's.
        """
        if self._log.may_be_out:
            state, code = AttemptState.UNKNOWN, None
        if not self._log.was_opened:
            health = self._account.health
            code = code or (health.code if health else None)
            return DeliverResult(outcome=DeliveryOutcome.REFUSED, code=code)
        await self._log.record(state, code=code, calls=calls)
        return self._log.answer()

    def _has_waited_enough(self, *, is_outage: bool) -> bool:
        return patience_of(self._log, self._request, is_outage=is_outage) < _A_MOMENT

    def _until_settled(self, now: datetime) -> timedelta:
        """How long to wait for the end of a call, or until it can be asked about."""
        attempt = self._log.attempt
        if attempt is None:
            return timedelta(0)
        left = settled_at(attempt, self._sender.capabilities) - now
        # Another worker that has the call under way may write its answer any moment.
        return left if attempt.given_up_at else min(left, _SETTLING_POLL)

    @property
    def _recovery(self) -> Recovery:
        settings = self._log.facts.request.settings
        return recovery_of(self._sender.capabilities, settings, self._request.channel)

    @property
    def _key(self) -> str:
        return idempotency_key(self._request.ref.message_id, self._request.attempt_no)
