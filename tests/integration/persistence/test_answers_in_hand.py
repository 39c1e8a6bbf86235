"""A run's result is not lost, and a run that was held up does not call."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from sqlalchemy import text
from temporalio.exceptions import ApplicationError

from madan_sara.activities.delivery import MessageDelivery
from madan_sara.activities.sender import Accepted, Refused, SenderCapabilities
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import AttemptState, DeliveryOutcome
from madan_sara.contracts.errors import (
    AmbiguousDeliveryError,
    LeaseExpiredError,
    MisconfiguredProviderError,
    ProviderUnavailableError,
    TransientDeliveryError,
)
from madan_sara.contracts.outreach import DeliverInput
from madan_sara.contracts.words.waits import explain_wait, explain_waits
from madan_sara.persistence.attempts import PostgresAttemptStore
from madan_sara.persistence.campaign_status import PostgresCampaignStatus
from madan_sara.persistence.provider_accounts import PostgresProviderAccounts
from tests.fakes.sender import Gate, ScriptedSender, refuse
from tests.integration.persistence.runs import run_environment
from tests.integration.persistence.shop import NOW, Shop
from tests.ledger import assert_accounts_balance

#: Each run begins a second after the one before.
_SECONDS = count(step=7)


class Disconnected(PostgresAttemptStore):
    """Loses its connection, before or after the write."""

    def __init__(self, database, *methods: str, times: int, after: bool) -> None:
        super().__init__(database)
        self._left = dict.fromkeys(methods, times)
        self._after = after

    async def _lose(self, method: str, *args, **kwargs):
        write = getattr(super(), method)
        if self._left.get(method, 0) == 0:
            return await write(*args, **kwargs)
        self._left[method] -= 1
        if self._after:
            await write(*args, **kwargs)
        raise ConnectionResetError

    async def open_attempt(self, *args, **kwargs):
        return await self._lose("open_attempt", *args, **kwargs)

    async def record_attempt(self, *args, **kwargs):
        return await self._lose("record_attempt", *args, **kwargs)

    async def put_off(self, *args, **kwargs):
        return await self._lose("put_off", *args, **kwargs)


class Pending(ScriptedSender):
    """A provider that has a message, and does not know its result yet."""

    async def look_up(self, idempotency_key):
        await super().look_up(idempotency_key)
        raise TransientDeliveryError("pending")


async def due(shop: Shop, **changes) -> DeliverInput:
    ref = await shop.message(await shop.campaign(channels=["chat"], budget_total=5, **changes))
    await shop.reserve(ref, day=run_environment().info.started_time.date())
    return DeliverInput(ref=ref, attempt_no=1, channel=Channel.CHAT)


async def deliver(
    shop: Shop,
    sender: ScriptedSender,
    request: DeliverInput,
    store=None,
    accounts=None,
    **options,
):
    delivery = MessageDelivery(
        store or shop.attempts,
        accounts or PostgresProviderAccounts(shop.database),
        {Channel.CHAT: sender},
        **options,
    )
    environment = run_environment()
    started_at = environment.info.started_time + timedelta(seconds=next(_SECONDS))
    environment.info = replace(environment.info, started_time=started_at)
    return await environment.run(delivery.deliver, request)


AT_ONCE = SenderCapabilities(look_up=True, look_up_settles_after=timedelta(0))
LOST = Gate(AmbiguousDeliveryError("lost"), opened=True)
AWAY = Gate(ProviderUnavailableError("away"), opened=True)
REFUSES_SETTINGS = Gate(MisconfiguredProviderError("no login", code="smtp_535"), opened=True)
_PAUSE = text("UPDATE campaigns SET status = 'paused' WHERE tenant_id = :tenant_id")
_OPENED_AGAIN = text("UPDATE attempts SET openings = openings + 1 WHERE message_id = :id")


def answering(answer) -> Gate:
    return Gate(None if isinstance(answer, Accepted) else answer, opened=True)


def _as(sender: ScriptedSender, *behaviours) -> ScriptedSender:
    """Another sender of the same account."""
    other = ScriptedSender(*behaviours, capabilities=sender.capabilities)
    other.account = sender.account
    return other


async def health_of(shop: Shop, sender: ScriptedSender):
    """The record of an account that has failed; None: it works."""
    ref = await shop.message(await shop.campaign(channels=["chat"]))
    return (await shop.attempts.delivery_facts(ref, 1, Channel.CHAT, sender.account)).account


async def attempt_of(shop: Shop, request: DeliverInput):
    facts = await shop.attempts.delivery_facts(request.ref, 1, Channel.CHAT, "")
    assert facts.attempt is not None
    return facts.attempt


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_an_acceptance_is_written_again_until_it_is_written(shop, after):
    request = await due(shop)
    sender = ScriptedSender()
    store = Disconnected(shop.database, "record_attempt", times=3, after=after)

    result = await deliver(shop, sender, request, store)

    assert result.outcome is DeliveryOutcome.ACCEPTED
    assert len(sender.asked) == 1
    attempt = await attempt_of(shop, request)
    assert (attempt.state, attempt.tries) == (AttemptState.ACCEPTED, 1)
    await assert_accounts_balance(shop.database, shop.tenant_id)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("error", "tries"),
    [(TransientDeliveryError("full"), 1), (ProviderUnavailableError("away"), 0)],
    ids=["recipient", "account"],
)
async def test_that_nothing_was_taken_is_written_again_until_it_is_written(
    shop, error, tries, after
):
    request = await due(shop)
    store = Disconnected(shop.database, "put_off", times=3, after=after)

    with pytest.raises(ApplicationError, match="waits for chat"):
        await deliver(shop, ScriptedSender(Gate(error, opened=True)), request, store)

    attempt = await attempt_of(shop, request)
    assert (attempt.state, attempt.tries) == (AttemptState.NOT_SENT, tries)
    assert attempt.retry_at is not None


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_an_opening_whose_commit_is_uncertain_is_no_call(shop, after):
    """With neither keys nor look-up it would end unknown, paid and never sent."""
    request = await due(shop)
    sender = ScriptedSender()
    store = Disconnected(shop.database, "open_attempt", times=1, after=after)

    with pytest.raises(ConnectionResetError):
        await deliver(shop, sender, request, store)
    result = await deliver(shop, sender, request)

    assert result.outcome is DeliveryOutcome.ACCEPTED
    assert len(sender.asked) == 1
    assert (await attempt_of(shop, request)).tries == 1


HELD_UP = Gate(LeaseExpiredError("held up"), opened=True)


async def test_a_run_that_was_held_up_on_its_way_does_not_call(shop):
    request = await due(shop)

    with pytest.raises(ApplicationError, match="held up"):
        await deliver(shop, ScriptedSender(HELD_UP), request)

    attempt = await attempt_of(shop, request)
    assert (attempt.state, attempt.tries) == (AttemptState.NOT_SENT, 0)
    assert (await deliver(shop, ScriptedSender(), request)).outcome is DeliveryOutcome.ACCEPTED


async def test_a_run_that_was_held_up_leaves_an_attempt_that_may_be_out_open(shop):
    keyed = SenderCapabilities(idempotency_keys=True)
    request = await due(shop)
    lost = Gate(AmbiguousDeliveryError("lost"), opened=True)
    sender = ScriptedSender(lost, HELD_UP, capabilities=keyed)
    with pytest.raises(ApplicationError):
        await deliver(shop, sender, request)

    with pytest.raises(ApplicationError, match="held up"):
        await deliver(shop, sender, request)

    assert (await attempt_of(shop, request)).state is AttemptState.SENDING


async def test_a_run_that_was_held_up_since_it_looked_does_not_open(shop):
    """Its facts may be outdated: by a pause, a suppression, another run of the delivery."""
    request = await due(shop)
    sender = ScriptedSender()

    with pytest.raises(ApplicationError, match="held up"):
        await deliver(shop, sender, request, lease=timedelta(seconds=-1))

    assert sender.asked == []
    facts = await shop.attempts.delivery_facts(request.ref, 1, Channel.CHAT, "")
    assert facts.attempt is None


async def test_nothing_is_sent_for_an_attempt_that_was_replaced(shop):
    """A stopped run wakes when its message is planned anew, and held for under another number.

    Or a task that was lost has moved the send: its workflow goes on by what is held.
    """
    request = await due(shop)
    today = run_environment().info.started_time.date()
    moved = await shop.reserve(request.ref, 2, day=today, replaces=1)
    sender = ScriptedSender()

    result = await deliver(shop, sender, request)

    assert (result.outcome, sender.asked) == (DeliveryOutcome.NOT_DUE, [])
    assert result.held == moved.held
    second = request.model_copy(update={"attempt_no": 2})
    assert (await deliver(shop, sender, second)).outcome is DeliveryOutcome.ACCEPTED
    await assert_accounts_balance(shop.database, shop.tenant_id)


async def test_at_least_once_no_more_than_five_calls_are_lost_account_down_or_not(shop):
    request = await due(shop, settings={"ambiguous_delivery": {"chat": "at_least_once"}})
    sender = ScriptedSender(Gate(AmbiguousDeliveryError("lost"), opened=True))
    for _ in range(9):
        await shop.let_in(sender.account)
        with suppress(ApplicationError):
            await deliver(shop, sender, request)
    assert len(sender.asked) == 5
    assert (await attempt_of(shop, request)).state is AttemptState.UNKNOWN


async def test_at_least_once_a_refusal_does_not_undo_a_call_that_may_be_taken(shop):
    request = await due(shop, settings={"ambiguous_delivery": {"chat": "at_least_once"}})
    sender = ScriptedSender(Gate(AmbiguousDeliveryError("lost"), opened=True), refuse)
    with pytest.raises(ApplicationError):
        await deliver(shop, sender, request)
    assert (await deliver(shop, sender, request)).outcome is DeliveryOutcome.UNKNOWN


async def test_a_message_that_is_pending_at_its_provider_is_no_outage(shop):
    at_once = SenderCapabilities(look_up=True, look_up_settles_after=timedelta(0))
    request = await due(shop)
    sender = Pending(Gate(AmbiguousDeliveryError("lost"), opened=True), capabilities=at_once)
    for _ in range(5):
        with pytest.raises(ApplicationError, match="puts the recipient off"):
            await deliver(shop, sender, request)
    facts = await shop.attempts.delivery_facts(request.ref, 1, Channel.CHAT, sender.account)
    assert facts.account is None
    assert (len(sender.asked), len(sender.looked_up)) == (1, 5)


async def test_nights_and_pauses_use_up_no_patience(shop):
    """Put off, then paused for longer than any patience: asked again before it is given up."""
    request = await due(shop)
    away = ScriptedSender(Gate(ProviderUnavailableError("away"), opened=True))
    with pytest.raises(ApplicationError, match="is away"):
        await deliver(shop, away, request)
    await shop.attempts.resume_attempt(request.ref, 1)
    async with shop.database.statement() as connection:
        statement = text("UPDATE attempts SET put_off_at = put_off_at - interval '30 days'")
        await connection.execute(statement)

    with pytest.raises(ApplicationError, match="is away"):
        await deliver(shop, away, request)
    assert len(away.asked) == 2


async def test_a_call_that_outlives_its_time_is_a_lost_answer(shop):
    request = await due(shop)
    hanging = Gate()
    short = SenderCapabilities(longest_call=timedelta(milliseconds=50))
    result = await deliver(shop, ScriptedSender(hanging, capabilities=short), request)
    assert result.outcome is DeliveryOutcome.UNKNOWN


async def test_an_error_of_a_sender_is_a_lost_answer_and_says_nothing_of_the_person(shop, caplog):
    async def broken(message):
        raise RecursionError(f"while writing to {message.address}")

    request = await due(shop)
    sender = ScriptedSender(broken)
    result = await deliver(shop, sender, request)
    assert result.outcome is DeliveryOutcome.UNKNOWN
    assert "RecursionError" in caplog.text
    assert sender.asked[0].address not in caplog.text


LOOKED_UP = SenderCapabilities(
    look_up=True, look_up_settles_after=timedelta(hours=1), longest_call=timedelta(seconds=5)
)


async def test_a_provider_is_not_asked_before_a_lost_call_has_settled(shop):
    request = await due(shop)
    sender = ScriptedSender(
        Gate(AmbiguousDeliveryError("lost"), opened=True), capabilities=LOOKED_UP
    )
    for _ in range(3):
        with pytest.raises(ApplicationError, match="what became of the call") as wait:
            await deliver(shop, sender, request)
        assert (wait.value.next_retry_delay or timedelta(0)) > timedelta(minutes=50)
    assert (len(sender.asked), sender.looked_up) == (1, [])


async def test_an_attempt_with_a_lost_answer_is_never_given_up_as_refused(shop):
    """Its tries are used up later, when patience is: the first call may have been taken."""
    now = SenderCapabilities(look_up=True, look_up_settles_after=timedelta(0))
    request = await due(shop)
    lost = Gate(AmbiguousDeliveryError("lost"), opened=True)
    away = Gate(ProviderUnavailableError("away"), opened=True)
    sender = ScriptedSender(lost, away, capabilities=now)

    with pytest.raises(ApplicationError, match="is away"):
        await deliver(shop, sender, request)
    await shop.impatient(request.ref)
    result = await deliver(shop, sender, request)

    assert result.outcome is DeliveryOutcome.UNKNOWN
    assert len(sender.looked_up) == 1


@pytest.mark.parametrize(
    "capabilities",
    [
        SenderCapabilities(look_up=True, look_up_settles_after=timedelta(0)),
        SenderCapabilities(idempotency_keys=True),
    ],
    ids=["look-up", "keys"],
)
async def test_a_provider_that_never_answers_about_a_message_is_not_asked_for_ever(
    shop, capabilities
):
    """The only one it is called for, so that each call looks whether it is back."""
    request = await due(shop)
    sender = ScriptedSender(
        Gate(AmbiguousDeliveryError("lost"), opened=True), capabilities=capabilities
    )
    for _ in range(3):
        with suppress(ApplicationError):
            await deliver(shop, sender, request)
        await shop.let_in(sender.account)
    await shop.impatient(request.ref)
    assert (await deliver(shop, sender, request)).outcome is DeliveryOutcome.UNKNOWN


async def test_two_runs_at_once_call_once(shop):
    request = await due(shop)
    sender = ScriptedSender()
    results = await asyncio.gather(
        *(deliver(shop, sender, request) for _ in range(5)), return_exceptions=True
    )
    assert len(sender.asked) == 1
    assert any(getattr(r, "outcome", None) is DeliveryOutcome.ACCEPTED for r in results)


async def test_a_change_while_the_provider_is_asked_counts_before_the_call(shop):
    """Paused meanwhile: never taken, and not called."""

    class PausedMeanwhile(ScriptedSender):
        async def look_up(self, idempotency_key):
            async with shop.database.statement() as connection:
                await connection.execute(_PAUSE, {"tenant_id": shop.tenant_id})
            return await super().look_up(idempotency_key)

    request = await due(shop)
    sender = PausedMeanwhile(
        Gate(AmbiguousDeliveryError("lost"), opened=True), capabilities=AT_ONCE
    )
    with pytest.raises(ApplicationError, match="paused"):
        await deliver(shop, sender, request)
    assert (len(sender.asked), len(sender.looked_up)) == (1, 1)


async def test_an_account_that_works_costs_no_statement(shop):
    called = []

    class Noted(PostgresProviderAccounts):
        async def works(self, account):
            called.append(account)

    sender = ScriptedSender()
    accounts = Noted(shop.database)
    assert (await deliver(shop, sender, await due(shop), accounts=accounts)).outcome == "accepted"
    assert called == []


async def test_messages_that_are_never_answered_do_not_take_an_account_from_the_others(shop):
    """Each answer about another message comes from a run that began before any failure."""
    sender = ScriptedSender(capabilities=SenderCapabilities(idempotency_keys=True))
    for _ in range(4):
        gate = Gate()
        served, silent = await due(shop), await due(shop)
        serving = asyncio.create_task(deliver(shop, _as(sender, gate), served))
        await gate.reached.wait()
        with pytest.raises(ApplicationError):
            await deliver(shop, _as(sender, LOST), silent)
        gate.opened.set()
        assert (await serving).outcome is DeliveryOutcome.ACCEPTED
    assert await health_of(shop, sender) is None


@pytest.mark.parametrize(
    "answer",
    [Refused("no"), TransientDeliveryError("full"), Accepted("letter")],
    ids=["refused", "put off", "accepted"],
)
@pytest.mark.parametrize("impatient", [False, True])
async def test_an_answer_of_any_kind_puts_an_account_back_into_service(shop, answer, impatient):
    request = await due(shop)
    sender = ScriptedSender()
    with pytest.raises(ApplicationError, match="refuses our settings"):
        await deliver(shop, _as(sender, REFUSES_SETTINGS), request)
    if impatient:
        await shop.impatient(request.ref)
    await shop.let_in(sender.account)

    with suppress(ApplicationError):
        await deliver(shop, _as(sender, answering(answer)), request)

    assert await health_of(shop, sender) is None


async def test_a_look_up_that_finds_nothing_is_an_answer(shop):
    request, other = await due(shop), await due(shop)
    sender = ScriptedSender(capabilities=AT_ONCE)
    with pytest.raises(ApplicationError, match="is away"):
        await deliver(shop, _as(sender, AWAY), other)

    with pytest.raises(ApplicationError, match="held up"):
        await deliver(shop, _as(sender, LOST, HELD_UP), request)

    assert await health_of(shop, sender) is None


async def test_a_look_whether_an_account_is_back_that_is_not_made_is_left_to_others(shop):
    """The run is held up on its way; the next one looks at once."""
    request = await due(shop)
    sender = ScriptedSender()
    with pytest.raises(ApplicationError, match="refuses our settings"):
        await deliver(shop, _as(sender, REFUSES_SETTINGS), request)
    await shop.let_in(sender.account)

    for _ in range(3):
        with pytest.raises(ApplicationError, match="held up"):
            await deliver(shop, _as(sender, HELD_UP), request)

    assert (await deliver(shop, sender, request)).outcome is DeliveryOutcome.ACCEPTED


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_look_is_left_to_others_when_its_attempt_cannot_be_opened(shop, after):
    request = await due(shop)
    sender = ScriptedSender()
    with pytest.raises(ApplicationError, match="refuses our settings"):
        await deliver(shop, _as(sender, REFUSES_SETTINGS), request)
    await shop.let_in(sender.account)
    store = Disconnected(shop.database, "open_attempt", times=1, after=after)

    with pytest.raises(ConnectionResetError):
        await deliver(shop, sender, request, store)

    assert (await deliver(shop, sender, request)).outcome is DeliveryOutcome.ACCEPTED


async def test_a_look_is_left_to_others_when_its_message_is_cancelled(shop):
    request, other = await due(shop), await due(shop)
    sender = ScriptedSender()
    with pytest.raises(ApplicationError, match="refuses our settings"):
        await deliver(shop, _as(sender, REFUSES_SETTINGS), request)
    await shop.let_in(sender.account)

    class CancelledMeanwhile(PostgresAttemptStore):
        async def open_attempt(self, *args, **kwargs):
            await shop.conclude(request.ref)
            return await super().open_attempt(*args, **kwargs)

    result = await deliver(shop, sender, request, CancelledMeanwhile(shop.database))

    assert (result.outcome, sender.asked) == (DeliveryOutcome.REFUSED, [])
    assert (await deliver(shop, sender, other)).outcome is DeliveryOutcome.ACCEPTED


async def test_refused_settings_are_reported_as_such_with_any_code(shop):
    request, other = await due(shop), await due(shop)
    sender = ScriptedSender()
    expected = r"refuses our settings since .* \(smtp_535\); an operator must correct them"
    with pytest.raises(ApplicationError, match=expected) as first:
        await deliver(shop, _as(sender, REFUSES_SETTINGS), request)
    with pytest.raises(ApplicationError, match=expected) as second:
        await deliver(shop, sender, other)
    assert {first.value.type, second.value.type} == {"SettingsRefused"}

    wait = (await shop.messages.record(shop.tenant_id, request.ref.message_id)).attempts[-1].wait
    assert "refuses our settings" in explain_wait(wait)
    campaign_id = (await shop.messages.record(shop.tenant_id, request.ref.message_id)).campaign_id
    status = PostgresCampaignStatus(shop.database)
    snapshot = await status.snapshot(shop.tenant_id, campaign_id, NOW)
    assert ["refuses our settings" in explain_waits(w) for w in snapshot.channel_waits] == [True]
    await shop.let_in(sender.account)
    with pytest.raises(ApplicationError, match="is away"):
        await deliver(shop, _as(sender, AWAY), request)


async def test_settings_that_a_look_up_is_refused_for_are_reported_as_such(shop):
    class Locked(ScriptedSender):
        async def look_up(self, idempotency_key):
            raise MisconfiguredProviderError("no login", code="http_401")

    request = await due(shop)
    with pytest.raises(ApplicationError, match="refuses our settings"):
        await deliver(shop, Locked(LOST, capabilities=AT_ONCE), request)


@pytest.mark.parametrize("is_in_time", [True, False])
async def test_an_answer_that_comes_after_giving_up_is_kept_or_noted_in_the_log(
    shop, caplog, is_in_time
):
    """The run was taken for dead, and its message given up by another one."""
    request = await due(shop)
    gate = Gate()
    slow = asyncio.create_task(deliver(shop, ScriptedSender(gate), request))
    await gate.reached.wait()
    await shop.attempts.close_attempt(request.ref, 1, Channel.CHAT, NOW)
    if not is_in_time:
        async with shop.database.statement() as connection:
            await connection.execute(_OPENED_AGAIN, {"id": request.ref.message_id})
    gate.opened.set()

    outcome = (await slow).outcome
    state = (await shop.messages.record(shop.tenant_id, request.ref.message_id)).state
    if is_in_time:
        assert (outcome, state) == (DeliveryOutcome.ACCEPTED, "sent")
    else:
        assert (outcome, state) == (DeliveryOutcome.UNKNOWN, "unknown")
    assert ("had ended as unknown" in caplog.text) is not is_in_time
    await assert_accounts_balance(shop.database, shop.tenant_id)


async def test_an_attempt_that_may_be_out_ends_without_the_code_of_its_account(shop):
    request = await due(shop)
    sender = ScriptedSender(capabilities=AT_ONCE)
    with pytest.raises(ApplicationError, match="is away"):
        await deliver(shop, _as(sender, LOST, AWAY), request)
    await shop.impatient(request.ref)

    result = await deliver(shop, _as(sender, AWAY), request)

    assert (result.outcome, result.code) == (DeliveryOutcome.UNKNOWN, None)
    assert (await attempt_of(shop, request)).code is None
