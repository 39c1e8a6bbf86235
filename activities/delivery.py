"""Handing a message to a provider, exactly as often as is safe."""

import asyncio
import time
from collections.abc import Mapping
from datetime import datetime, timedelta

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.errors import (
    AmbiguousDeliveryError,
    LeaseExpiredError,
    MisconfiguredProviderError,
    ProviderUnavailableError,
    TransientDeliveryError,
)
from activities.preflight import find_obstacle
from activities.sender import Accepted, CallLease, MessageSender, OutgoingMessage, Refused
from activities.stores import Attempt, AttemptStore, DeliveryFacts
from activities.uninterrupted import run_uninterrupted
from contracts.campaign import CampaignStatus
from contracts.channels import Channel
from contracts.delivery import AttemptState, DeliveryOutcome
from contracts.naming import idempotency_key
from contracts.outreach import FINAL_STATES, DeliverInput, DeliverResult, ResolveInput
from contracts.settings import AmbiguityPolicy
from policy.templates import TemplateFault

#: Calls to a provider for one attempt before the next channel has its turn.
MAX_TRIES = 5
#: Code of an attempt that was closed before a provider was called.
CLOSED = "cancelled"
#: How often an outreach asleep in a paused campaign looks whether it may go on.
PAUSE_POLL = timedelta(seconds=30)

#: How long a cancel waits for a look-up: for the call to be settled, and again for the answer.
#: Together within the ten seconds a step has.
_RESOLVE_PATIENCE = timedelta(seconds=4)

_OUTCOMES = {
    AttemptState.ACCEPTED: DeliveryOutcome.ACCEPTED,
    AttemptState.BOUNCED: DeliveryOutcome.ACCEPTED,
    AttemptState.REFUSED: DeliveryOutcome.REFUSED,
    AttemptState.UNKNOWN: DeliveryOutcome.UNKNOWN,
}


class MessageDelivery:
    """Calls providers: the attempt is written before the call, its outcome after.

    An attempt found open was interrupted, and the provider may have the message; it is
    looked up or sent again under the same key where the provider can do that, and
    otherwise the channel's policy decides.

    Args:
        attempts: where attempts are written.
        senders: the provider of each channel.
        pause_poll: how often a send in a paused campaign looks whether it may go on.
    """

    def __init__(
        self,
        attempts: AttemptStore,
        senders: Mapping[Channel, MessageSender],
        *,
        pause_poll: timedelta = PAUSE_POLL,
    ) -> None:
        self._attempts = attempts
        self._senders = senders
        self._pause_poll = pause_poll

    @activity.defn
    async def deliver(self, request: DeliverInput) -> DeliverResult:
        """Hand one attempt to its channel's provider.

        Raises:
            ApplicationError: to be retried: the campaign is paused, the provider had no
                answer, or the answer was lost.
        """
        return await run_uninterrupted(self._deliver(request, activity.info().started_time))

    async def _deliver(self, request: DeliverInput, now: datetime) -> DeliverResult:
        facts = await self._attempts.delivery_facts(request.ref, request.attempt_no)
        if facts.attempt is not None and facts.attempt.state in _OUTCOMES:
            return _recorded(facts.attempt, facts)
        if _may_be_out(facts.attempt):
            answer = await self._find_out(request, facts, now)
            if answer is not None:
                return answer
        obstacle = find_obstacle(facts, request.channel, now)
        if obstacle is not None:
            held_back = await self._hold_back(request, facts, obstacle, now)
            if held_back is not None:
                return held_back
        self._wait_while_paused(facts)
        if _tries(facts) >= MAX_TRIES:
            return await self._give_up(request, facts, now)
        return await self._hand_over(request, facts, now)

    @activity.defn
    async def resolve_attempt(self, request: ResolveInput) -> DeliverResult:
        """What became of an attempt whose delivery was cancelled on its way.

        A provider that can be looked up is asked, once and not for long: a cancel is not to
        wait for one that is away. An attempt that may have reached the provider otherwise
        counts as unknown: money and contact are kept as if it had. One that did not is closed,
        so that no delivery still on its way can begin it.
        """
        facts = await self._attempts.delivery_facts(request.ref, request.attempt_no)
        if _may_be_out(facts.attempt):
            await self._ask_once(request, facts)
        attempt = await self._attempts.close_attempt(
            request.ref, request.attempt_no, request.channel, request.now
        )
        return DeliverResult(outcome=_OUTCOMES[attempt.state], code=attempt.code)

    async def _ask_once(self, request: ResolveInput, facts: DeliveryFacts) -> None:
        """Record what the provider says of an interrupted call, if it says anything."""
        sender = self._senders.get(request.channel)  # This worker may serve other channels only.
        if sender is None or not sender.capabilities.look_up:
            return
        left = _until_settled(facts, sender.capabilities.look_up_settles_after, request.now)
        if left > _RESOLVE_PATIENCE:
            return
        await asyncio.sleep(max(left.total_seconds(), 0))
        try:
            async with asyncio.timeout(_RESOLVE_PATIENCE.total_seconds()):
                answer = await self._look_up(sender, request)
        except (ApplicationError, MisconfiguredProviderError, TimeoutError) as error:
            activity.logger.warning("%s could not be asked: %s", sender.provider, error)
            return
        if answer is None:
            await self._record(request, facts, AttemptState.NOT_SENT, request.now)
        else:
            await self._record_answer(request, facts, answer, request.now)

    async def _find_out(
        self, request: DeliverInput, facts: DeliveryFacts, now: datetime
    ) -> DeliverResult | None:
        """What became of a message that may be out; None: it is safe to send it (again)."""
        sender = self._senders[request.channel]
        if sender.capabilities.look_up:
            _wait_until_settled(facts, sender.capabilities.look_up_settles_after, now)
            answer = await self._look_up(sender, request)
            if answer is not None:
                return await self._record_answer(request, facts, answer, now)
            await self._record(request, facts, AttemptState.NOT_SENT, now)
            return None
        policy = facts.request.settings.ambiguity_policy(request.channel)
        if sender.capabilities.idempotency_keys or policy is AmbiguityPolicy.AT_LEAST_ONCE:
            return None
        return await self._record_unknown(request, facts, now)

    async def _hold_back(
        self, request: DeliverInput, facts: DeliveryFacts, obstacle: DeliverResult, now: datetime
    ) -> DeliverResult | None:
        """Answer an obstacle; None: go on all the same.

        A message that may be out keeps its attempt, its key and its hold: it waits for
        the allowed hours here, and that its day has passed is no obstacle.
        """
        if not self._is_still_out(request, facts):
            return obstacle
        if obstacle.outcome is not DeliveryOutcome.NOT_DUE or obstacle.not_before is None:
            return await self._record_unknown(request, facts, now)
        if obstacle.not_before <= now:
            return None
        raise _later("the allowed hours have passed", "NotDue", obstacle.not_before - now)

    def _is_still_out(self, request: DeliverInput, facts: DeliveryFacts) -> bool:
        """Whether the provider may have the message, no look-up having settled it."""
        looked_up = self._senders[request.channel].capabilities.look_up
        return _may_be_out(facts.attempt) and not looked_up

    async def _look_up(
        self, sender: MessageSender, request: DeliverInput | ResolveInput
    ) -> Accepted | Refused | None:
        key = idempotency_key(request.ref.message_id, request.attempt_no)
        try:
            return await sender.look_up(key)
        except (TransientDeliveryError, ProviderUnavailableError) as error:
            raise _retry_later(error, error.retry_after) from error

    def _wait_while_paused(self, facts: DeliveryFacts) -> None:
        if facts.request.campaign.status is CampaignStatus.PAUSED:
            waiting = "the campaign is paused; the send goes on when it is resumed"
            raise _later(waiting, "CampaignPaused", self._pause_poll)

    async def _hand_over(
        self, request: DeliverInput, facts: DeliveryFacts, now: datetime
    ) -> DeliverResult:
        """Write the attempt, call the provider, write what came of it."""
        sender = self._senders[request.channel]
        try:
            call = sender.prepare(_outgoing(request, facts))
        except TemplateFault:
            if self._is_still_out(request, facts):
                return await self._record_unknown(request, facts, now)
            return DeliverResult(outcome=DeliveryOutcome.REFUSED, code="template_fault")
        if isinstance(call, Refused):
            return DeliverResult(outcome=DeliveryOutcome.REFUSED, code=call.code)
        opened = await self._attempts.open_attempt(
            request.ref,
            request.attempt_no,
            request.channel,
            sender.provider,
            now,
            tries_before=_tries(facts),
        )
        if not opened:
            return await self._overtaken(request)
        called = time.monotonic()
        try:
            answer = await call(CallLease.lasting(timedelta(seconds=5)))
        except (TransientDeliveryError, ProviderUnavailableError, LeaseExpiredError) as error:
            # Of this call; an earlier one, whose answer was lost, may have been taken.
            if not self._is_still_out(request, facts):
                await self._record(request, facts, AttemptState.NOT_SENT, now, calls=1)
            if _tries(facts) + 1 >= MAX_TRIES:
                return await self._give_up(request, facts, now, calls=1)
            raise _retry_later(error, error.retry_after) from error
        except AmbiguousDeliveryError as error:
            raise _retry_later(error, sender.capabilities.look_up_settles_after) from error
        except MisconfiguredProviderError as error:
            activity.logger.error("%s is misconfigured: %s", sender.provider, error)
            return await self._give_up(request, facts, now, calls=1, code="misconfigured")
        answered_at = now + timedelta(seconds=time.monotonic() - called)
        return await self._record_answer(request, facts, answer, answered_at, calls=1)

    async def _overtaken(self, request: DeliverInput) -> DeliverResult:
        """What stands instead of a call that came too late."""
        facts = await self._attempts.delivery_facts(request.ref, request.attempt_no)
        if facts.attempt is not None and facts.attempt.state in _OUTCOMES:
            return _recorded(facts.attempt, facts)
        if facts.attempt is None or facts.request.state in FINAL_STATES:
            return DeliverResult(outcome=DeliveryOutcome.REFUSED, code=CLOSED)
        raise _overtaken()

    async def _record_answer(
        self,
        request: DeliverInput | ResolveInput,
        facts: DeliveryFacts,
        answer: Accepted | Refused,
        now: datetime,
        *,
        calls: int = 0,
    ) -> DeliverResult:
        if isinstance(answer, Refused):
            attempt = await self._record(
                request, facts, AttemptState.REFUSED, now, calls=calls, code=answer.code
            )
        else:
            attempt = await self._record(
                request,
                facts,
                AttemptState.ACCEPTED,
                now,
                calls=calls,
                provider_message_id=answer.provider_message_id,
            )
        return _recorded(attempt, facts)

    async def _give_up(
        self,
        request: DeliverInput,
        facts: DeliveryFacts,
        now: datetime,
        *,
        calls: int = 0,
        code: str = "provider_unavailable",
    ) -> DeliverResult:
        """No more tries here: unknown if the provider may have the message, else refused."""
        if self._is_still_out(request, facts):
            return await self._record_unknown(request, facts, now, calls=calls)
        return await self._record_answer(request, facts, Refused(code), now, calls=calls)

    async def _record_unknown(
        self, request: DeliverInput, facts: DeliveryFacts, now: datetime, *, calls: int = 0
    ) -> DeliverResult:
        attempt = await self._record(request, facts, AttemptState.UNKNOWN, now, calls=calls)
        return _recorded(attempt, facts)

    async def _record(
        self,
        request: DeliverInput | ResolveInput,
        facts: DeliveryFacts,
        state: AttemptState,
        now: datetime,
        *,
        calls: int = 0,
        code: str | None = None,
        provider_message_id: str | None = None,
    ) -> Attempt:
        """Record what this run has found out, after as many `calls` of its own."""
        return await self._attempts.record_attempt(
            request.ref,
            request.attempt_no,
            state,
            now,
            tries=_tries(facts) + calls,
            code=code,
            provider_message_id=provider_message_id,
        )


def _may_be_out(attempt: Attempt | None) -> bool:
    return attempt is not None and attempt.state is AttemptState.SENDING


def _tries(facts: DeliveryFacts) -> int:
    """Calls made to the provider for this attempt before now."""
    return facts.attempt.tries if facts.attempt else 0


def _recorded(attempt: Attempt, facts: DeliveryFacts) -> DeliverResult:
    """The answer that stands in an attempt's record, whichever run of it wrote it."""
    outcome = _OUTCOMES.get(attempt.state)
    if outcome is None:
        raise _overtaken()
    if outcome is DeliveryOutcome.ACCEPTED:
        return DeliverResult(
            outcome=outcome,
            receipt_wait_minutes=facts.request.settings.receipt_wait_minutes,
            answered_at=attempt.concluded_at,
        )
    return DeliverResult(outcome=outcome, code=attempt.code)


def _outgoing(request: DeliverInput, facts: DeliveryFacts) -> OutgoingMessage:
    stored = facts.request
    content = stored.wording.on(request.channel)
    address = stored.profile.contact_info.address_for(request.channel)
    if content is None or address is None:
        raise TemplateFault(f"nothing to send on {request.channel}: content or address is gone")
    return OutgoingMessage(
        channel=request.channel,
        address=address,
        content=content,
        message_id=request.ref.message_id,
        idempotency_key=idempotency_key(request.ref.message_id, request.attempt_no),
    )


def _wait_until_settled(facts: DeliveryFacts, settles_after: timedelta, now: datetime) -> None:
    """A look-up too soon after the call would not find what is still being taken."""
    left = _until_settled(facts, settles_after, now)
    if left > timedelta(0):
        raise _later("the provider is still settling the call", "Settling", left)


def _until_settled(facts: DeliveryFacts, settles_after: timedelta, now: datetime) -> timedelta:
    called_at = facts.attempt.called_at if facts.attempt else None
    return timedelta(0) if called_at is None else called_at + settles_after - now


def _overtaken() -> ApplicationError:
    """What became of the attempt is for the run to say that has called since."""
    return ApplicationError(
        "another run of this delivery has called the provider meanwhile", type="Overtaken"
    )


def _later(why: str, error_type: str, delay: timedelta) -> ApplicationError:
    """Nothing is wrong; it is not time yet."""
    return ApplicationError(
        why,
        type=error_type,
        category=ApplicationErrorCategory.BENIGN,
        next_retry_delay=delay,
    )


def _retry_later(error: Exception, delay: timedelta | None) -> ApplicationError:
    """The one place where provider errors become Temporal's."""
    return ApplicationError(str(error), type=type(error).__name__, next_retry_delay=delay or None)
