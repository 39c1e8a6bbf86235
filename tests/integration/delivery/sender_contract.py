"""The contract of every sender."""

import traceback
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from types import MappingProxyType
from typing import ClassVar, Final
from uuid import UUID, uuid4

import pytest

from madan_sara.activities.sender import (
    Accepted,
    CallLease,
    MessageSender,
    OutgoingMessage,
    Refused,
    as_code,
    as_provider_id,
)
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.content import RenderedMessage
from madan_sara.contracts.errors import (
    AmbiguousDeliveryError,
    DeliveryError,
    LeaseExpiredError,
    NotTakenError,
    ProviderUnavailableError,
    TransientDeliveryError,
)
from madan_sara.contracts.naming import idempotency_key
from tests.fakes.sender import send


class Scenario(Enum):
    """A scenario of a message."""

    ACCEPTED = auto()
    REFUSED = auto()
    #: Not taken at first because the recipient is put off, taken at the third try.
    LATER = auto()
    #: Not taken at first because the account is out of service, taken at the third try.
    UNAVAILABLE = auto()
    #: Taken, and the answer lost.
    ANSWER_LOST = auto()
    #: Not taken, and no answer.
    NO_ANSWER = auto()
    #: An answer that comes a byte at a time and never ends.
    TRICKLE = auto()
    #: An answer as long as the sender reads, up to `ENDLESS_BYTES`.
    ENDLESS = auto()
    #: An answer that is none in the provider's protocol.
    GARBAGE = auto()
    #: An answer of all that a parser can choke on: nesting, lines, continuations.
    TANGLED = auto()
    #: Taken, with an id of several thousand characters.
    GIANT_ID = auto()
    #: Taken, with a NUL and a control character in its id.
    NUL_ID = auto()
    #: Refused, with the recipient's address for a code, dressed as one.
    ADDRESS_CODE = auto()
    #: Not taken, to be tried again in years.
    YEARS = auto()


#: How a call may end that met with each hostile scenario.
HOSTILE: Final[Mapping[Scenario, tuple[type[Accepted | Refused | DeliveryError], ...]]] = (
    MappingProxyType(
        {
            Scenario.TRICKLE: (AmbiguousDeliveryError,),
            Scenario.ENDLESS: (AmbiguousDeliveryError,),
            Scenario.GARBAGE: (AmbiguousDeliveryError,),
            Scenario.TANGLED: (AmbiguousDeliveryError,),
            # Taken all the same: another send would be a second message.
            Scenario.GIANT_ID: (Accepted, AmbiguousDeliveryError),
            Scenario.NUL_ID: (Accepted, AmbiguousDeliveryError),
            Scenario.ADDRESS_CODE: (Refused,),
            Scenario.YEARS: (NotTakenError,),
        }
    )
)
#: How much a provider has to say at most when it says it without end.
ENDLESS_BYTES: Final = 64 * 2**20
#: What a sender may take of it, with what the system keeps in flight.
_MOST_BYTES: Final = ENDLESS_BYTES // 2
_LONGEST_RETRY_AFTER: Final = timedelta(days=1)


@dataclass
class Bench:
    """A sender and the provider it talks to."""

    sender: MessageSender
    #: The same sender, talking to a port without a listener.
    lost_sender: MessageSender
    channel: Channel
    #: The same sender, which does not wait long; None: nothing here needs waiting for.
    impatient_sender: MessageSender | None = None
    #: What the provider asks to wait when it says later.
    retry_after: timedelta | None = None

    def sender_for(self, scenario: Scenario) -> MessageSender:
        """The impatient one only where no answer will come, so that load breaks no test."""
        waits = scenario in (Scenario.NO_ANSWER, Scenario.TRICKLE)
        return (waits and self.impatient_sender) or self.sender


class SenderContract(ABC):
    """Inherited by the tests of each sender, which fill in the gaps."""

    #: Scenarios that the provider's protocol has no way to bring.
    unheard_of: ClassVar[frozenset[Scenario]] = frozenset()

    @pytest.fixture
    @abstractmethod
    async def bench(self) -> Bench:
        """The sender under test."""

    @abstractmethod
    def address(self, scenario: Scenario) -> str:
        """A fresh address that brings a message this scenario."""

    @abstractmethod
    def copies_of(self, message: OutgoingMessage) -> int:
        """How many copies of a message the person got."""

    @abstractmethod
    async def endless_bytes(self, message: OutgoingMessage) -> int:
        """How much of its endless answer the provider got rid of, once its caller has gone."""

    def message(self, bench: Bench, scenario: Scenario = Scenario.ACCEPTED) -> OutgoingMessage:
        return outgoing(bench.channel, self.address(scenario))

    async def test_an_accepted_message_has_an_id(self, bench):
        message = self.message(bench)
        result = await send(bench.sender, message)
        assert isinstance(result, Accepted)
        assert result.provider_message_id
        assert self.copies_of(message) == 1

    async def test_a_refusal_is_a_result_with_a_code(self, bench):
        message = self.message(bench, Scenario.REFUSED)
        result = await send(bench.sender, message)
        assert isinstance(result, Refused)
        assert result.code
        assert message.address not in result.code
        assert self.copies_of(message) == 0

    async def test_later_means_not_taken_and_taken_when_tried_again(self, bench):
        message = self.message(bench, Scenario.LATER)
        for _ in range(2):
            with pytest.raises(TransientDeliveryError) as caught:
                await send(bench.sender, message)
            assert caught.value.retry_after == bench.retry_after
            assert self.copies_of(message) == 0
        assert isinstance(await send(bench.sender, message), Accepted)
        assert self.copies_of(message) == 1

    async def test_an_outage_of_the_account_is_reported_from_a_recipient_put_off(self, bench):
        self.require(Scenario.UNAVAILABLE)
        message = self.message(bench, Scenario.UNAVAILABLE)
        for _ in range(2):
            with pytest.raises(ProviderUnavailableError):
                await send(bench.sender, message)
            assert self.copies_of(message) == 0
        assert isinstance(await send(bench.sender, message), Accepted)

    async def test_a_run_that_was_held_up_does_not_call(self, bench):
        message = self.message(bench)
        call = bench.sender.prepare(message)
        assert not isinstance(call, Refused)
        with pytest.raises(LeaseExpiredError):
            await call(CallLease.lasting(timedelta(seconds=-1)))
        assert self.copies_of(message) == 0
        assert isinstance(await send(bench.sender, self.message(bench)), Accepted)

    async def test_a_lost_answer_is_ambiguous(self, bench):
        message = self.message(bench, Scenario.ANSWER_LOST)
        with pytest.raises(AmbiguousDeliveryError):
            await send(bench.sender, message)
        assert self.copies_of(message) == 1

    async def test_no_answer_is_ambiguous_though_nothing_was_taken(self, bench):
        message = self.message(bench, Scenario.NO_ANSWER)
        with pytest.raises(AmbiguousDeliveryError):
            await send(bench.sender_for(Scenario.NO_ANSWER), message)
        assert self.copies_of(message) == 0

    async def test_after_a_lost_answer_the_sender_still_works(self, bench):
        with pytest.raises(AmbiguousDeliveryError):
            await send(bench.sender, self.message(bench, Scenario.ANSWER_LOST))
        assert isinstance(await send(bench.sender, self.message(bench)), Accepted)

    async def test_an_unreachable_server_is_an_outage_of_the_account(self, bench):
        with pytest.raises(ProviderUnavailableError):
            await send(bench.lost_sender, self.message(bench))

    async def test_one_key_is_one_message_where_keys_are_honoured(self, bench):
        message = self.message(bench)
        first = await send(bench.sender, message)
        second = await send(bench.sender, message)
        if not bench.sender.capabilities.idempotency_keys:
            assert self.copies_of(message) == 2
            return
        assert first == second
        assert self.copies_of(message) == 1

    async def test_a_look_up_gives_the_result_of_a_key(self, bench):
        if not bench.sender.capabilities.look_up:
            pytest.skip("this sender declares no look-up")
        taken, lost, refused = (
            self.message(bench, scenario)
            for scenario in (Scenario.ACCEPTED, Scenario.ANSWER_LOST, Scenario.REFUSED)
        )
        accepted = await send(bench.sender, taken)
        refusal = await send(bench.sender, refused)
        with pytest.raises(AmbiguousDeliveryError):
            await send(bench.sender, lost)

        assert await bench.sender.look_up(taken.idempotency_key) == accepted
        assert await bench.sender.look_up(refused.idempotency_key) == refusal
        assert isinstance(await bench.sender.look_up(lost.idempotency_key), Accepted)
        assert await bench.sender.look_up(idempotency_key(uuid4(), 1)) is None

    async def test_a_look_up_without_an_answer_may_be_asked_again(self, bench):
        if not bench.sender.capabilities.look_up:
            pytest.skip("this sender declares no look-up")
        with pytest.raises(NotTakenError):
            await bench.lost_sender.look_up(idempotency_key(uuid4(), 1))

    async def test_a_look_up_settles_later_than_any_call_lasts(self, bench):
        declared = bench.sender.capabilities
        if not declared.look_up:
            pytest.skip("this sender declares no look-up")
        assert declared.look_up_settles_after > declared.longest_call

    @pytest.mark.parametrize("scenario", HOSTILE, ids=lambda scenario: scenario.name.lower())
    async def test_a_hostile_answer_ends_the_call_and_leaves_nothing_to_keep(self, bench, scenario):
        self.require(scenario)
        message = self.message(bench, scenario)
        ended = await outcome(bench.sender_for(scenario), message)
        assert isinstance(ended, HOSTILE[scenario])
        assert_can_be_kept(ended, message)
        assert self.copies_of(message) <= 1
        # What is left of a hostile answer answers no other message.
        later = self.message(bench)
        assert isinstance(await send(bench.sender, later), Accepted)
        assert self.copies_of(later) == 1

    async def test_an_endless_answer_is_not_read_to_its_end(self, bench):
        self.require(Scenario.ENDLESS)
        message = self.message(bench, Scenario.ENDLESS)
        with pytest.raises(AmbiguousDeliveryError):
            await send(bench.sender, message)
        assert await self.endless_bytes(message) < _MOST_BYTES

    async def test_no_error_quotes_the_address_or_the_text(self, bench):
        for scenario in (Scenario.LATER, Scenario.ANSWER_LOST, Scenario.NO_ANSWER):
            message = self.message(bench, scenario)
            with pytest.raises(DeliveryError) as caught:
                await send(bench.sender_for(scenario), message)
            assert_tells_nothing(caught.value, message)
        message = self.message(bench)
        with pytest.raises(DeliveryError) as caught:
            await send(bench.lost_sender, message)
        assert_tells_nothing(caught.value, message)

    def require(self, scenario: Scenario) -> None:
        if scenario in self.unheard_of:
            pytest.skip("the provider's protocol cannot bring this scenario")

    async def test_closing_twice_is_closing_once(self, bench):
        await send(bench.sender, self.message(bench))
        await bench.sender.close()
        await bench.sender.close()


def outgoing(
    channel: Channel,
    address: str,
    content: RenderedMessage | None = None,
    *,
    message_id: UUID | None = None,
    attempt_no: int = 1,
) -> OutgoingMessage:
    """A message of its own, unless another's is given."""
    message_id = message_id or uuid4()
    return OutgoingMessage(
        channel=channel,
        address=address,
        content=content or RenderedMessage(text=f"Bonjou, mesaj {message_id}"),
        message_id=message_id,
        idempotency_key=idempotency_key(message_id, attempt_no),
    )


async def outcome(
    sender: MessageSender, message: OutgoingMessage
) -> Accepted | Refused | DeliveryError:
    """How sending a message ended, one way or the other."""
    try:
        return await send(sender, message)
    except DeliveryError as error:
        return error


def assert_can_be_kept(ended: Accepted | Refused | DeliveryError, message: OutgoingMessage) -> None:
    """No part of a call's end is unfit for the database, or names the person."""
    if isinstance(ended, Accepted):
        assert as_provider_id(ended.provider_message_id) == ended.provider_message_id
        return
    if isinstance(ended, Refused | NotTakenError):
        assert as_code(ended.code) == ended.code
        assert _bare(message.address) not in _bare(ended.code)
    if isinstance(ended, NotTakenError) and ended.retry_after is not None:
        assert timedelta(0) <= ended.retry_after <= _LONGEST_RETRY_AFTER
    if isinstance(ended, DeliveryError):
        assert_tells_nothing(ended, message)


def _bare(text: str) -> str:
    return "".join(filter(str.isalnum, text.lower()))


def assert_tells_nothing(error: BaseException, message: OutgoingMessage) -> None:
    """Neither the error nor anything it would be logged or stored with names the person."""
    assert error.__cause__ is None, "a cause goes into the history as well"
    words = f"{error!r} {error} {error.args} {''.join(traceback.format_exception(error))}"
    for secret in (message.address, message.content.text):
        assert secret not in words
