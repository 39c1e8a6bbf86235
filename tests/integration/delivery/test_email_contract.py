"""The contract of every sender, kept by e-mail."""

from uuid import uuid4

import pytest

from contracts.channels import Channel
from delivery.email_smtp import EmailSmtpSender, SmtpSettings
from tests.integration.delivery.sender_contract import HOSTILE, Bench, Fate, SenderContract

_WORD = {
    Fate.ACCEPTED: "ana",
    Fate.REFUSED: "refuse",
    Fate.LATER: "greylist",
    Fate.ANSWER_LOST: "drop",
    Fate.NO_ANSWER: "vanish",
}


class TestEmailSmtpSender(SenderContract):
    unheard_of = frozenset({*HOSTILE, Fate.UNAVAILABLE})

    @pytest.fixture
    async def bench(self, mail_sink, closed_port):
        self.sink = mail_sink
        sender, lost = (
            EmailSmtpSender(
                SmtpSettings(host="127.0.0.1", port=port, sender="Shop <s@b.test>", security="none")
            )
            for port in (mail_sink.port, closed_port)
        )
        yield Bench(sender, lost, Channel.EMAIL)
        await sender.close()

    def address(self, fate):
        return f"{_WORD[fate]}.{uuid4().hex}@example.com"

    def copies_of(self, message):
        return sum(message.address in mail.envelope_to for mail in self.sink.messages)

    async def endless_bytes(self, message):
        raise NotImplementedError("the mail sink says nothing without end")
