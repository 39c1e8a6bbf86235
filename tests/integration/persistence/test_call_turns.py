"""Deliveries on a channel with a rate limit: each waits for its turn, and loses nothing by it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from temporalio.exceptions import ApplicationError

from madan_sara.activities.call_rates import CallRate
from madan_sara.activities.delivery import MessageDelivery
from madan_sara.activities.sender import SenderCapabilities
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import AttemptState, DeliveryOutcome
from madan_sara.contracts.errors import (
    AmbiguousDeliveryError,
    LeaseExpiredError,
    MisconfiguredProviderError,
    NotTakenError,
    TransientDeliveryError,
    UnreachableError,
)
from madan_sara.contracts.outreach import DeliverInput, ExitReason, ResolveInput
from madan_sara.contracts.words.waits import explain_wait, explain_waits
from madan_sara.persistence.campaign_status import PostgresCampaignStatus
from madan_sara.persistence.provider_accounts import PostgresProviderAccounts
from tests.fakes.call_rates import ScriptedRates, place_after, turn_after
from tests.fakes.sender import Gate, ScriptedSender, accept
from tests.integration.persistence.runs import STARTED_AT, run_environment
from tests.integration.persistence.shop import NOW
from tests.integration.persistence.test_answers_in_hand import due

PLACE = place_after(hours=1)
TURN = turn_after(seconds=0)
HOUR = timedelta(hours=1)
_A_RUN_LASTS = timedelta(seconds=2)
#: The day that runs begin on.
FIRST = STARTED_AT.replace(hour=0)

_OF_CAMPAIGN = "WHERE tenant_id = :tenant_id"
_PAUSE = text(f"UPDATE campaigns SET status = 'paused' {_OF_CAMPAIGN}")
_RESUME = text(f"UPDATE campaigns SET status = 'active' {_OF_CAMPAIGN}")


class Counter:
    """Hands one message over, run by run.

    Args:
        shop: where its message is.
        request: its attempt.
        sender: its provider.
        *answers: of its account, to each run that is ready to call; none: it has no limit.
    """

    def __init__(self, shop, request, sender, *answers):
        self.rates = ScriptedRates(*answers) if answers else None
        self.sender = sender
        self.request = request
        self._shop = shop
        self._passed = timedelta(0)

    async def run(self, after=timedelta(0)):
        """One run of the delivery, so long after the end of the one before."""
        self._passed += after + _A_RUN_LASTS
        rates = {Channel.CHAT: CallRate(self.rates, self.sender.account, 10)} if self.rates else {}
        delivery = MessageDelivery(
            self._shop.attempts,
            PostgresProviderAccounts(self._shop.database),
            {Channel.CHAT: self.sender},
            rates=rates,
        )
        environment = run_environment()
        started_at = FIRST + self._passed
        environment.info = replace(environment.info, started_time=started_at)
        return await environment.run(delivery.deliver, self.request)

    async def waits(self, after=timedelta(0)):
        """The error of a run that has to wait."""
        with pytest.raises(ApplicationError) as waits:
            await self.run(after)
        return waits.value

    @property
    def asked(self):
        """Of each question for a turn, whether it went before new ones."""
        return self.rates.asked if self.rates else []

    async def facts(self):
        """What is on record."""
        ref = self.request.ref
        return await self._shop.attempts.delivery_facts(ref, 1, Channel.CHAT, "")


@pytest.fixture
def counter(shop):
    async def at(*answers, behaviours=(accept,), **campaign):
        request = await due(shop, **campaign)
        return Counter(shop, request, ScriptedSender(*behaviours), *answers)

    return at


async def _change(shop, statement):
    async with shop.database.statement() as connection:
        await connection.execute(statement, {"tenant_id": shop.tenant_id})


async def test_a_call_whose_turn_has_come_is_made(counter):
    at = await counter(TURN)
    assert (await at.run()).outcome is DeliveryOutcome.ACCEPTED
    assert at.asked == [False]


async def test_a_turn_that_comes_soon_is_waited_for_in_place(counter):
    at = await counter(turn_after(milliseconds=30))
    began = datetime.now(UTC)
    assert (await at.run()).outcome is DeliveryOutcome.ACCEPTED
    assert datetime.now(UTC) - began >= timedelta(milliseconds=30)


async def test_a_place_in_the_line_is_waited_for_as_another_run(counter):
    at = await counter(PLACE, TURN)
    wait = await at.waits()
    assert wait.type == "AwaitsTurn"
    assert HOUR / 2 < wait.next_retry_delay <= HOUR
    assert "waits for its turn: chat takes 10 calls a second" in str(wait)
    assert at.sender.asked == []

    assert (await at.run(HOUR)).outcome is DeliveryOutcome.ACCEPTED
    assert at.asked == [False, True]
    assert (await at.facts()).attempt.tries == 1


async def test_a_run_before_its_place_has_come_does_not_ask(counter):
    at = await counter(PLACE, TURN)
    await at.waits()
    wait = await at.waits(after=HOUR / 4)
    assert wait.type == "AwaitsTurn"
    assert HOUR / 2 < wait.next_retry_delay <= HOUR * 3 / 4
    assert (at.asked, at.sender.asked) == ([False], [])


async def test_a_late_run_asks_again_and_may_get_another_place(counter):
    at = await counter(PLACE, PLACE, TURN)
    await at.waits()
    assert (await at.waits(after=5 * HOUR)).type == "AwaitsTurn"
    assert (await at.facts()).waiting_since is None
    assert (await at.run(HOUR)).outcome is DeliveryOutcome.ACCEPTED
    assert at.asked == [False, True, True]


@pytest.mark.parametrize(
    ("error", "kind", "keeps_its_key"),
    [
        (TransientDeliveryError("greylisted"), "RecipientPutOff", False),
        (NotTakenError("away"), "ProviderAway", False),
        (LeaseExpiredError("the connection took too long"), "HeldUp", False),
        (AmbiguousDeliveryError("lost"), "AnswerLost", True),
    ],
)
async def test_a_further_call_takes_a_turn_of_its_own_before_new_messages(
    shop, error, kind, keeps_its_key
):
    sender = ScriptedSender(
        Gate(error, opened=True),
        accept,
        capabilities=SenderCapabilities(idempotency_keys=keeps_its_key),
    )
    at = Counter(shop, await due(shop), sender, TURN, PLACE, PLACE, TURN)
    assert (await at.waits()).type == kind
    assert (await at.waits(HOUR)).type == "AwaitsTurn"
    assert (await at.waits(HOUR)).type == "AwaitsTurn"
    assert (await at.run(HOUR)).outcome is DeliveryOutcome.ACCEPTED
    assert at.asked == [False, True, True, True]


async def test_a_run_that_dies_in_its_call_comes_back_before_new_messages(shop):
    sender = ScriptedSender(capabilities=SenderCapabilities(idempotency_keys=True))
    at = Counter(shop, await due(shop), sender, TURN)
    assert await shop.attempts.open_attempt(
        at.request.ref, 1, Channel.CHAT, "script", FIRST, openings_before=0
    )
    assert (await at.run(HOUR)).outcome is DeliveryOutcome.ACCEPTED
    assert at.asked == [True]


async def test_a_call_that_may_be_out_waits_for_its_turn_as_such(counter, shop):
    """Only the same call brings its answer; it takes a turn, too."""
    lost = Gate(AmbiguousDeliveryError("lost"), opened=True)
    at = await counter(
        TURN,
        PLACE,
        TURN,
        behaviours=(lost, accept),
        settings={"ambiguous_delivery": {"chat": "at_least_once"}, "quiet_hours": None},
    )
    assert (await at.waits()).type == "AnswerLost"
    assert (await at.waits(after=HOUR / 2)).type == "AwaitsTurn"
    assert (await at.facts()).attempt.state is AttemptState.SENDING
    assert (await at.run(HOUR)).outcome is DeliveryOutcome.ACCEPTED
    assert len(at.sender.asked) == 2


async def test_a_wait_for_a_turn_uses_up_no_patience(counter):
    """Five hours in the line, then put off by the provider: it has all its two hours left."""
    puts_off = Gate(TransientDeliveryError("greylisted"), opened=True)
    at = await counter(place_after(hours=5), TURN, behaviours=(puts_off,))
    await at.waits()
    assert (await at.waits(after=5 * HOUR)).type == "RecipientPutOff"
    facts = await at.facts()
    assert facts.waited == timedelta(0)
    assert facts.waiting_since >= FIRST + 5 * HOUR


async def test_a_wait_for_the_turn_of_a_repeated_call_uses_up_patience(shop):
    """Its answer was lost: it waits for that all the time."""
    lost = Gate(AmbiguousDeliveryError("lost"), opened=True)
    sender = ScriptedSender(lost, capabilities=SenderCapabilities(idempotency_keys=True))
    at = Counter(shop, await due(shop), sender, TURN, PLACE, PLACE, TURN)
    await at.waits()
    for _ in range(2):
        assert (await at.waits(HOUR)).type == "AwaitsTurn"
    assert (await at.run(HOUR)).outcome is DeliveryOutcome.UNKNOWN
    assert len(sender.asked) == 2


async def test_a_wait_between_two_for_the_provider_is_not_counted_either(counter):
    puts_off = Gate(TransientDeliveryError("greylisted"), opened=True)
    at = await counter(TURN, place_after(hours=5), TURN, behaviours=(puts_off, puts_off, accept))
    await at.waits()
    assert (await at.waits(after=timedelta(seconds=30))).type == "AwaitsTurn"
    assert (await at.waits(after=5 * HOUR)).type == "RecipientPutOff"
    assert timedelta(seconds=30) <= (await at.facts()).waited < timedelta(minutes=2)


async def test_a_pause_in_the_meantime_counts_and_ends_its_place(counter, shop):
    at = await counter(PLACE, TURN)
    await at.waits()
    await _change(shop, _PAUSE)
    assert (await at.waits(after=HOUR)).type == "CampaignPaused"
    await _change(shop, _RESUME)
    assert (await at.run(HOUR)).outcome is DeliveryOutcome.ACCEPTED
    assert at.asked == [False, False]


async def test_a_cancel_in_the_meantime_ends_the_attempt_unsent(counter, shop):
    at = await counter(PLACE, TURN)
    await at.waits()
    delivery = MessageDelivery(shop.attempts, PostgresProviderAccounts(shop.database), {})
    resolve = ResolveInput(
        ref=at.request.ref, attempt_no=1, channel=Channel.CHAT, now=NOW + HOUR / 2
    )
    result = await run_environment().run(delivery.resolve_attempt, resolve)
    assert (result.outcome, result.code) == (DeliveryOutcome.REFUSED, "cancelled")
    assert (await at.run(HOUR)).outcome is DeliveryOutcome.REFUSED
    assert (at.asked, at.sender.asked) == ([False], [])


async def test_a_campaigns_end_in_the_meantime_is_met_at_that_instant(counter):
    at = await counter(
        place_after(hours=15), TURN, start_date=FIRST - HOUR, end_date=FIRST + 14 * HOUR
    )
    assert (await at.waits()).next_retry_delay <= 14 * HOUR
    result = await at.run(14 * HOUR)
    assert (result.outcome, result.block.reason) == (DeliveryOutcome.WITHDRAWN, ExitReason.EXPIRED)


async def test_quiet_hours_in_the_meantime_send_it_back_to_its_workflow(counter):
    quiet = {"quiet_hours": {"start": "00:30", "end": "09:00"}}
    at = await counter(PLACE, TURN, settings=quiet)
    await at.waits()
    assert (await at.run(HOUR)).outcome is DeliveryOutcome.NOT_DUE
    assert at.sender.asked == []


async def test_no_call_is_made_while_the_database_gives_no_turns(counter):
    at = await counter(UnreachableError("away"), TURN)
    with pytest.raises(UnreachableError):
        await at.run()
    assert (at.sender.asked, (await at.facts()).attempt) == ([], None)
    assert (await at.run()).outcome is DeliveryOutcome.ACCEPTED


async def test_a_look_whether_the_account_is_back_is_left_to_others_by_a_run_in_the_line(
    counter, shop
):
    refuses = Gate(MisconfiguredProviderError("no login"), opened=True)
    first = await counter(TURN, PLACE, behaviours=(refuses, accept))
    assert (await first.waits()).type == "SettingsRefused"
    await shop.let_in(first.sender.account)
    assert (await first.waits()).type == "AwaitsTurn"
    other = Counter(shop, await due(shop), first.sender, TURN)
    assert (await other.run()).outcome is DeliveryOutcome.ACCEPTED


async def test_a_channel_without_a_limit_asks_nothing(counter, shop):
    at = await counter()
    assert (await at.run()).outcome is DeliveryOutcome.ACCEPTED
    count = text("SELECT count(*) FROM call_rates WHERE account = :account")
    async with shop.database.statement() as connection:
        asked = await connection.execute(count, {"account": at.sender.account})
    assert asked.scalar_one() == 0


async def test_a_wait_for_a_turn_is_shown_as_such(counter, shop):
    """Beside those that the provider puts off, in the same campaign and on the same channel."""
    campaign = await shop.campaign(channels=["chat"], budget_total=5)
    puts_off = Gate(TransientDeliveryError("greylisted"), opened=True)
    refs = [await shop.message(campaign, person) for person in ("marie", "jean")]
    for ref, answer in zip(refs, (PLACE, TURN), strict=True):
        await shop.reserve(ref, day=FIRST.date())
        request = DeliverInput(ref=ref, attempt_no=1, channel=Channel.CHAT)
        await Counter(shop, request, ScriptedSender(puts_off), answer).waits()

    message = await shop.messages.record(shop.tenant_id, refs[0].message_id)
    said = "chat: its turn, as MADAN_SARA_RATE_LIMITS spaces the calls"
    assert explain_wait(message.attempts[-1].wait) == said
    status = PostgresCampaignStatus(shop.database)
    snapshot = await status.snapshot(shop.tenant_id, campaign.id, NOW)
    waits = [(wait.awaits_turn, wait.messages) for wait in snapshot.channel_waits]
    assert waits == [(False, 1), (True, 1)]
    assert explain_waits(snapshot.channel_waits[1]) == f"{said}, 1 due"
