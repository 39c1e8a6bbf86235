"""What every sender must do, whatever it talks to."""

import traceback
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from uuid import UUID, uuid4

import pytest

from activities.errors import (
    AmbiguousDeliveryError,
    DeliveryError,
    TransientDeliveryError,
)
from activities.sender import Accepted, MessageSender, OutgoingMessage, Refused
from contracts.channels import Channel
from contracts.content import RenderedMessage
from contracts.naming import idempotency_key
from tests.fakes.sender import send


class Fate(Enum):
    """What is to happen to a message."""

    ACCEPTED = auto()
    REFUSED = auto()
    #: Not taken at first, taken later.
    LATER = auto()
    #: Taken, and the answer lost.
    ANSWER_LOST = auto()
    #: Not taken, and no answer.
    NO_ANSWER = auto()


@dataclass
class Bench:
    """A sender and the provider it talks to."""

    sender: MessageSender
    #: The same sender, talking to a port nobody listens on.
    lost_sender: MessageSender
    channel: Channel
    #: The same sender, which does not wait long; None: nothing here needs waiting for.
    impatient_sender: MessageSender | None = None
    #: What the provider asks to wait when it says later.
    retry_after: timedelta | None = None

    def sender_for(self, fate: Fate) -> MessageSender:
        """The impatient one only where no answer will come, so that load breaks no test."""
        return (fate is Fate.NO_ANSWER and self.impatient_sender) or self.sender


class SenderContract(ABC):
    """Inherited by the tests of each sender, which fill in the three gaps."""

    @pytest.fixture
    @abstractmethod
    async def bench(self) -> Bench:
        """The sender under test."""

    @abstractmethod
    def address(self, fate: Fate) -> str:
        """A fresh address that brings a message this fate."""

    @abstractmethod
    def copies_of(self, message: OutgoingMessage) -> int:
        """How many copies of a message the person got."""

    def message(self, bench: Bench, fate: Fate = Fate.ACCEPTED) -> OutgoingMessage:
        return outgoing(bench.channel, self.address(fate))

    async def test_an_accepted_message_has_an_id(self, bench):
        message = self.message(bench)
        result = await send(bench.sender, message)
        assert isinstance(result, Accepted)
        assert result.provider_message_id
        assert self.copies_of(message) == 1

    async def test_a_refusal_is_a_result_with_a_code(self, bench):
        message = self.message(bench, Fate.REFUSED)
        result = await send(bench.sender, message)
        assert isinstance(result, Refused)
        assert result.code
        assert message.address not in result.code
        assert self.copies_of(message) == 0

    async def test_later_means_not_taken_and_taken_when_tried_again(self, bench):
        message = self.message(bench, Fate.LATER)
        for _ in range(2):
            with pytest.raises(TransientDeliveryError) as caught:
                await send(bench.sender, message)
            assert caught.value.retry_after == bench.retry_after
            assert self.copies_of(message) == 0
        assert isinstance(await send(bench.sender, message), Accepted)
        assert self.copies_of(message) == 1

    async def test_a_lost_answer_is_ambiguous(self, bench):
        message = self.message(bench, Fate.ANSWER_LOST)
        with pytest.raises(AmbiguousDeliveryError):
            await send(bench.sender, message)
        assert self.copies_of(message) == 1

    async def test_no_answer_is_ambiguous_though_nothing_was_taken(self, bench):
        message = self.message(bench, Fate.NO_ANSWER)
        with pytest.raises(AmbiguousDeliveryError):
            await send(bench.sender_for(Fate.NO_ANSWER), message)
        assert self.copies_of(message) == 0

    async def test_after_a_lost_answer_the_sender_still_works(self, bench):
        with pytest.raises(AmbiguousDeliveryError):
            await send(bench.sender, self.message(bench, Fate.ANSWER_LOST))
        assert isinstance(await send(bench.sender, self.message(bench)), Accepted)

    async def test_an_unreachable_server_is_transient(self, bench):
        with pytest.raises(TransientDeliveryError):
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

    async def test_a_look_up_knows_what_became_of_a_key(self, bench):
        if not bench.sender.capabilities.look_up:
            pytest.skip("this sender declares no look-up")
        taken, lost, refused = (
            self.message(bench, fate) for fate in (Fate.ACCEPTED, Fate.ANSWER_LOST, Fate.REFUSED)
        )
        accepted = await send(bench.sender, taken)
        refusal = await send(bench.sender, refused)
        with pytest.raises(AmbiguousDeliveryError):
            await send(bench.sender, lost)

        assert await bench.sender.look_up(taken.idempotency_key) == accepted
        assert await bench.sender.look_up(refused.idempotency_key) == refusal
        assert isinstance(await bench.sender.look_up(lost.idempotency_key), Accepted)
        assert await bench.sender.look_up(idempotency_key(uuid4(), 1)) is None

    async def test_a_look_up_without_an_answer_is_transient(self, bench):
        if not bench.sender.capabilities.look_up:
            pytest.skip("this sender declares no look-up")
        with pytest.raises(TransientDeliveryError):
            await bench.lost_sender.look_up(idempotency_key(uuid4(), 1))

    async def test_no_error_tells_the_address_or_the_text(self, bench):
        for fate in (Fate.LATER, Fate.ANSWER_LOST, Fate.NO_ANSWER):
            message = self.message(bench, fate)
            with pytest.raises(DeliveryError) as caught:
                await send(bench.sender_for(fate), message)
            assert_tells_nothing(caught.value, message)
        message = self.message(bench)
        with pytest.raises(DeliveryError) as caught:
            await send(bench.lost_sender, message)
        assert_tells_nothing(caught.value, message)

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
    """A message of its own, unless told whose."""
    message_id = message_id or uuid4()
    return OutgoingMessage(
        channel=channel,
        address=address,
        content=content or RenderedMessage(text=f"Bonjou, mesaj {message_id}"),
        message_id=message_id,
        idempotency_key=idempotency_key(message_id, attempt_no),
    )


def assert_tells_nothing(error: BaseException, message: OutgoingMessage) -> None:
    """Neither the error nor anything it would be logged or stored with names the person."""
    assert error.__cause__ is None, "a cause goes into the history as well"
    told = f"{error!r} {error} {error.args} {''.join(traceback.format_exception(error))}"
    for secret in (message.address, message.content.text):
        assert secret not in told
