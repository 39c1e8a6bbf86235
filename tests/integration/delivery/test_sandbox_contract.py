"""The contract of every sender, kept by the sandbox on two kinds of channel."""

import random
from datetime import timedelta
from uuid import uuid4

import pytest

from madan_sara.contracts.channels import Channel
from madan_sara.delivery.sandbox import SandboxSender
from madan_sara.emulators.sandbox.behaviour import BEHAVIOURS, Behaviour
from madan_sara.emulators.sandbox.provider import SandboxProvider
from tests.integration.delivery.sender_contract import Bench, Scenario, SenderContract

_BEHAVIOUR = {
    Scenario.REFUSED: Behaviour.REFUSE,
    Scenario.LATER: Behaviour.BUSY,
    Scenario.UNAVAILABLE: Behaviour.THROTTLE,
    Scenario.ANSWER_LOST: Behaviour.SWALLOW,
    Scenario.NO_ANSWER: Behaviour.VANISH,
    Scenario.TRICKLE: Behaviour.TRICKLE,
    Scenario.ENDLESS: Behaviour.ENDLESS,
    Scenario.GARBAGE: Behaviour.GARBAGE,
    Scenario.TANGLED: Behaviour.TANGLED,
    Scenario.GIANT_ID: Behaviour.GIANT,
    Scenario.NUL_ID: Behaviour.NUL,
    Scenario.ADDRESS_CODE: Behaviour.PARROT,
    Scenario.YEARS: Behaviour.YEARS,
}


class _SandboxContract(SenderContract):
    channel: Channel
    keys: bool

    @pytest.fixture
    async def provider(self, sandbox):
        return sandbox

    @pytest.fixture
    async def bench(self, provider, closed_port):
        self.provider_used = provider
        closed_url = f"http://127.0.0.1:{closed_port}"
        senders = [
            SandboxSender(
                url,
                self.channel,
                idempotency_keys=self.keys,
                look_up=self.keys,
                timeout_seconds=timeout_seconds,
            )
            for url, timeout_seconds in ((provider.url, 30), (closed_url, 30), (provider.url, 0.3))
        ]
        sender, lost, impatient = senders
        yield Bench(
            sender,
            lost,
            self.channel,
            impatient_sender=impatient,
            retry_after=timedelta(seconds=1),
        )
        for each in senders:
            await each.close()

    def copies_of(self, message):
        taken = self.provider_used.taken(self.channel)
        return sum(entry.idempotency_key == message.idempotency_key for entry in taken)

    async def endless_bytes(self, message):
        return await self.provider_used.endless_bytes(message.idempotency_key)


class TestSandboxSenderWithKeys(_SandboxContract):
    channel = Channel.INSTAGRAM
    keys = True

    def address(self, scenario):
        word = BEHAVIOURS[_BEHAVIOUR[scenario]].word if scenario in _BEHAVIOUR else "ana"
        return f"{word}-{uuid4().hex}"


class TestSandboxSenderWithoutKeys(_SandboxContract):
    channel = Channel.SMS
    keys = False

    @pytest.fixture
    async def provider(self):
        provider = SandboxProvider(honours_keys_on=())
        await provider.start()
        yield provider
        await provider.stop()

    def address(self, scenario):
        ending = BEHAVIOURS[_BEHAVIOUR[scenario]].phone_ending if scenario in _BEHAVIOUR else "111"
        return f"+509{random.randrange(10**4, 10**5)}{ending}"
