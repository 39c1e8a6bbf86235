"""Handing a message to a provider, exactly as often as is safe."""

import asyncio
from collections.abc import Container, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from temporalio import activity
from temporalio.exceptions import ApplicationError

from madan_sara.activities import waits
from madan_sara.activities.attempt_log import OUTCOMES
from madan_sara.activities.attempt_store import AttemptStore, DeliveryFacts
from madan_sara.activities.call_rates import CallRate
from madan_sara.activities.delivery_run import DeliveryRun
from madan_sara.activities.lease import LEASE
from madan_sara.activities.prompt_channels import PromptChannels
from madan_sara.activities.provider_accounts import ProviderAccounts
from madan_sara.activities.run_clock import RunClock, StandstillWatch
from madan_sara.activities.sender import MessageSender, Refused
from madan_sara.activities.situation import settled_at
from madan_sara.activities.under_way import DeliveriesUnderWay, Delivery, ends_within, hear_out
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import AttemptState, DeliveryOutcome
from madan_sara.contracts.errors import NotFoundError, NotTakenError
from madan_sara.contracts.naming import idempotency_key
from madan_sara.contracts.outreach import (
    DeliverAtOnceInput,
    DeliveredAtOnce,
    DeliverInput,
    DeliverResult,
    ResolveInput,
)

#: How often an outreach asleep in a paused campaign looks whether it may go on.
PAUSE_POLL: Final = timedelta(seconds=30)

#: The longest that an open task of a workflow is kept waiting for a provider. Nothing else reaches
#: the workflow meanwhile.
LONGEST_AT_ONCE: Final = timedelta(seconds=2)

#: How long a cancel waits for a look-up or a call, within the ten seconds a step has.
_LOOK_UP_SECONDS: Final = 4.0

#: How soon a run is made again whose worker seems to have stood still.
_DOUBT_POLL: Final = timedelta(seconds=5)

#: How often a cancel asks for the result of a call that is under way.
_UNDER_WAY_POLL: Final = timedelta(seconds=15)


class MessageDelivery:
    """Calls providers: the attempt is written before the call, its outcome after.

    Args:
        attempts: where attempts are written.
        accounts: the accounts at providers that do not work.
        senders: the provider of each channel.
        delivered_here: channels that are delivered at once; the others' calls are made elsewhere.
        rates: of the channels with a limit, the rate of their account.
        pause_poll: how often a send in a paused campaign looks whether it may go on.
        longest_at_once: how long a call may keep its workflow's task open.
        lease: from opening an attempt to its call.
    """

    def __init__(
        self,
        attempts: AttemptStore,
        accounts: ProviderAccounts,
        senders: Mapping[Channel, MessageSender],
        *,
        delivered_here: Container[Channel] = frozenset(Channel),
        rates: Mapping[Channel, CallRate] = MappingProxyType({}),
        pause_poll: timedelta = PAUSE_POLL,
        longest_at_once: timedelta = LONGEST_AT_ONCE,
        lease: timedelta = LEASE,
    ) -> None:
        self._attempts = attempts
        self._accounts = accounts
        self._senders = senders
        self._delivered_here = delivered_here
        self._rates = rates
        self._pause_poll = pause_poll
        self._longest_at_once = longest_at_once.total_seconds()
        self._lease = lease
        self._under_way = DeliveriesUnderWay()
        self._prompt = PromptChannels()
        self._standstills = StandstillWatch()
        self._is_stopping = False

    def stop(self) -> None:
        """Begin no first try any more: the worker is about to stop."""
        self._is_stopping = True

    async def finish(self) -> None:
        """Wait for the calls that have outlived their activities."""
        await self._under_way.finish()

    @activity.defn
    async def deliver_at_once(self, request: DeliverAtOnceInput) -> DeliveredAtOnce:
        """Hand one attempt over while its workflow's task is open, if that is soon done.

        The answer of a call that takes longer is heard by `deliver`, which joins it. Whatever has
        to wait goes on there, too.

        Raises:
            NotFoundError: the message is missing or cannot be read; no run will deliver it.
        """
        channel, info = request.delivery.channel, activity.info()
        # A local activity's start is by its worker's clock, its workflow's time by Temporal's.
        now = request.now if info.is_local else info.started_time
        if channel not in self._senders or channel not in self._delivered_here:
            return DeliveredAtOnce()
        if self._is_stopping or not self._prompt.may_try(channel):
            return DeliveredAtOnce()
        if self._standstills.stood_still_since(now):
            return DeliveredAtOnce()
        clock = RunClock(now)
        left = self._under_way.take(_key(request.delivery))
        running = left or self._begin(request.delivery, clock)
        if not await ends_within(running, self._longest_at_once):
            self._prompt.was_slow(channel)
            self._under_way.leave(_key(request.delivery), running)
            return DeliveredAtOnce(wait=waits.elsewhere(clock.now()))
        self._prompt.was_prompt(channel)
        try:
            return DeliveredAtOnce(result=running.result())
        except ApplicationError as error:
            wait = waits.wait_of(error, clock.now())
            if wait is None:
                raise
            return DeliveredAtOnce(wait=wait)

    @activity.defn
    async def deliver(self, request: DeliverInput) -> DeliverResult:
        """Hand one attempt to its channel's provider.

        Raises:
            ApplicationError: to be run again: the campaign is paused, the provider or the
                recipient is waited for, or the answer was lost.
            NotFoundError: the message is missing or cannot be read; no run will deliver it.
        """
        started_at = activity.info().started_time
        if (left := self._under_way.take(_key(request))) is not None:
            return await hear_out(left)
        if self._standstills.stood_still_since(started_at):
            raise waits.held_up(_DOUBT_POLL)
        clock = RunClock(started_at)
        if request.wait is not None and request.wait.until > clock.now():
            raise waits.still(request.wait, clock.now())
        return await hear_out(self._begin(request, clock))

    def _begin(self, request: DeliverInput, clock: RunClock) -> Delivery:
        run = DeliveryRun(
            self._attempts,
            self._accounts,
            self._senders[request.channel],
            request,
            clock,
            rate=self._rates.get(request.channel),
            pause_poll=self._pause_poll,
            lease=self._lease,
        )
        return self._under_way.begin(run.carry_out)

    @activity.defn
    async def resolve_attempt(self, request: ResolveInput) -> DeliverResult:
        """The outcome of an attempt whose delivery was cancelled on its way.

        A provider with look-ups is asked, once and not for long: a cancel must not wait for
        one that is away. Otherwise an attempt that may have reached the provider counts as
        unknown: money and contact are kept as if it had. One that did not is closed, so that no
        delivery still on its way can begin it.

        Returns:
            `not_due` while it is too early to ask; else how the attempt has ended.
        """
        left = self._under_way.left(_key(request))
        if left is not None and not await ends_within(left, _LOOK_UP_SECONDS):
            ask_again_at = request.now + _UNDER_WAY_POLL
            return DeliverResult(outcome=DeliveryOutcome.NOT_DUE, not_before=ask_again_at)
        too_early = await self._ask_once(request)
        if too_early is not None:
            return DeliverResult(outcome=DeliveryOutcome.NOT_DUE, not_before=too_early)
        attempt = await self._attempts.close_attempt(
            request.ref, request.attempt_no, request.channel, request.now
        )
        return DeliverResult(outcome=OUTCOMES[attempt.state], code=attempt.code)

    async def _ask_once(self, request: ResolveInput) -> datetime | None:
        """Record the provider's answer about an interrupted call; when to ask, if not yet."""
        sender = self._senders.get(request.channel)  # This worker may serve other channels only.
        if sender is None or not sender.capabilities.look_up:
            return None
        try:
            facts = await self._attempts.delivery_facts(
                request.ref, request.attempt_no, request.channel, sender.account
            )
        except NotFoundError:
            return None
        if facts.attempt is None or facts.attempt.state is not AttemptState.SENDING:
            return None
        settled = settled_at(facts.attempt, sender.capabilities)
        if settled > request.now:
            return settled
        await self._look_up(request, facts, sender)
        return None

    async def _look_up(
        self, request: ResolveInput, facts: DeliveryFacts, sender: MessageSender
    ) -> None:
        key = idempotency_key(request.ref.message_id, request.attempt_no)
        try:
            async with asyncio.timeout(_LOOK_UP_SECONDS):
                found = await sender.look_up(key)
        except (NotTakenError, TimeoutError) as error:
            activity.logger.warning("%s could not be asked: %s", sender.account, error)
            return
        if found is None:
            state, code, provider_id = AttemptState.NOT_SENT, None, None
        elif isinstance(found, Refused):
            state, code, provider_id = AttemptState.REFUSED, found.code, None
        else:
            state, code, provider_id = AttemptState.ACCEPTED, None, found.provider_message_id
        assert facts.attempt is not None  # noqa: S101 - `_ask_once` has seen it
        attempt = await self._attempts.record_attempt(
            request.ref,
            request.attempt_no,
            state,
            request.now,
            openings=facts.attempt.openings,
            tries=facts.attempt.tries,
            called_account=sender.account,
            code=code,
            provider_message_id=provider_id,
        )
        if attempt.account_has_failed:
            await self._accounts.works(sender.account)


def _key(request: DeliverInput | ResolveInput) -> str:
    return idempotency_key(request.ref.message_id, request.attempt_no)
