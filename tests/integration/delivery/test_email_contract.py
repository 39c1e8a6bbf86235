"""The contract of every sender, kept by e-mail."""

from datetime import timedelta
from uuid import uuid4

import pytest

from madan_sara.contracts.channels import Channel
from madan_sara.delivery.email_smtp import EmailSmtpSender, SmtpSettings
from tests.integration.delivery.scripted_smtp import ScenarioSmtp
from tests.integration.delivery.sender_contract import Bench, SenderContract

#: Only where no answer will come, so that load breaks no test.
_IMPATIENT_SECONDS = 0.3


class TestEmailSmtpSender(SenderContract):
    @pytest.fixture
    async def bench(self, closed_port):
        async with ScenarioSmtp().serving() as self.server:
            senders = [
                EmailSmtpSender(
                    SmtpSettings(
                        host="127.0.0.1",
                        port=port,
                        sender="Shop <s@b.test>",
                        security="none",
                        helo_name="client.test",
                        content_timeout_seconds=seconds,
                    )
                )
                for port, seconds in (
                    (self.server.port, 30),
                    (closed_port, 30),
                    (self.server.port, _IMPATIENT_SECONDS),
                )
            ]
            sender, lost, impatient = senders
            yield Bench(
                sender,
                lost,
                Channel.EMAIL,
                impatient_sender=impatient,
                retry_after=timedelta(seconds=300),
            )
            for each in senders:
                await each.close()

    def address(self, scenario):
        return f"{scenario.name.lower()}.{uuid4().hex}@example.com"

    def copies_of(self, message):
        return self.server.copies_for(message.address)

    async def endless_bytes(self, message):
        await self.server.until_all_have_gone()
        return self.server.octets_said
