"""What each answer of an SMTP server, or the lack of one, means for a message."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from activities.errors import (
    AmbiguousDeliveryError,
    DeliveryError,
    MisconfiguredProviderError,
    TransientDeliveryError,
)
from activities.sender import Accepted, OutgoingMessage, Refused
from contracts.channels import Channel
from delivery.email_smtp import EmailSmtpSender, SmtpSettings
from tests.fakes.sender import send
from tests.integration.delivery.scripted_smtp import HANG_UP, SILENCE, ScriptedSmtp
from tests.integration.delivery.sender_contract import assert_tells_nothing, outgoing

#: Only where silence is what is tested; long enough for the rest of the dialogue.
_SHORT = 0.5
_LONG = 30.0


def sender_to(server: ScriptedSmtp, **changes: Any) -> EmailSmtpSender:
    return EmailSmtpSender(
        SmtpSettings(
            **{
                "host": "127.0.0.1",
                "port": server.port,
                "sender": "news@shop.test",
                "security": "none",
                "helo_name": "client.test",
                **changes,
            }
        )
    )


@pytest.fixture
def message():
    return outgoing(Channel.EMAIL, "ana@example.com")


async def outcome_of(
    script: Mapping[str, Iterable[str]], message: OutgoingMessage, **changes: Any
) -> object:
    """Send one message to a scripted server, and say how it ended."""
    async with ScriptedSmtp(script).serving() as server:
        sender = sender_to(server, **changes)
        try:
            return await send(sender, message)
        except DeliveryError as error:
            assert_tells_nothing(error, message)
            return type(error)
        finally:
            await sender.close()


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "content"])
async def test_a_permanent_no_is_a_refusal_with_its_code(command, message):
    answer = "552 5.2.2 <ana@example.com> is full"
    assert await outcome_of({command: [answer]}, message) == Refused("smtp_552")


@pytest.mark.parametrize("command", ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "content"])
async def test_a_temporary_no_is_transient(command, message):
    answer = "421 4.3.2 <ana@example.com> later"
    assert await outcome_of({command: [answer]}, message) is TransientDeliveryError


@pytest.mark.parametrize("command", ["greeting", "EHLO", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("ending", [HANG_UP, SILENCE, "what?"])
async def test_up_to_the_go_ahead_nothing_is_lost(command, ending, message):
    patience = _SHORT if ending == SILENCE else _LONG
    result = await outcome_of({command: [ending]}, message, timeout_seconds=patience)
    assert result is TransientDeliveryError


@pytest.mark.parametrize("ending", [HANG_UP, SILENCE, "what?", "354 more", "199 odd"])
async def test_once_the_content_left_no_clear_answer_is_ambiguous(ending, message):
    patience = _SHORT if ending == SILENCE else _LONG
    result = await outcome_of({"content": [ending]}, message, content_timeout_seconds=patience)
    assert result is AmbiguousDeliveryError


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("greeting", "554 you are blocked"),
        ("EHLO", "550 I do not know you"),
        ("MAIL", "530 5.7.0 Authentication required"),
        ("RCPT", "530 5.7.0 Must issue a STARTTLS command first"),
    ],
)
async def test_what_only_a_human_can_change_is_misconfigured(command, answer, message):
    assert await outcome_of({command: [answer]}, message) is MisconfiguredProviderError


async def test_a_stopped_wait_does_not_leave_its_connection_to_others(message):
    async with ScriptedSmtp({"content": [SILENCE]}).serving() as server:
        sender = sender_to(server, max_connections=1)
        sending = asyncio.create_task(send(sender, message))
        await server.until_heard("content")
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert isinstance(await send(sender, message), Accepted)
        await sender.close()
    assert server.connections == 2


class TestConnections:
    async def test_are_reused_after_a_reset(self, message):
        async with ScriptedSmtp({}).serving() as server:
            sender = sender_to(server)
            for _ in range(3):
                await send(sender, message)
            await sender.close()
        assert server.connections == 1
        assert server.heard.count("EHLO") == 1
        assert server.heard.count("RSET") == 2
        assert server.heard[-1] == "QUIT"

    async def test_are_reused_after_a_refusal(self, message):
        async with ScriptedSmtp({"RCPT": ["550 no"]}).serving() as server:
            sender = sender_to(server)
            assert isinstance(await send(sender, message), Refused)
            assert isinstance(await send(sender, message), Accepted)
            await sender.close()
        assert server.connections == 1

    @pytest.mark.parametrize("ending", [HANG_UP, SILENCE, "421 idle too long"])
    async def test_gone_stale_are_replaced_unnoticed(self, ending, message):
        async with ScriptedSmtp({"RSET": [ending]}).serving() as server:
            sender = sender_to(server, timeout_seconds=_SHORT if ending == SILENCE else _LONG)
            await send(sender, message)
            assert isinstance(await send(sender, message), Accepted)
            await sender.close()
        assert server.connections == 2

    async def test_closed_by_the_server_are_replaced_unnoticed(self, message):
        async with ScriptedSmtp({}).serving() as server:
            sender = sender_to(server)
            await send(sender, message)
            server.hang_up_on_all()
            assert isinstance(await send(sender, message), Accepted)
            await sender.close()
        assert server.connections == 2

    async def test_are_never_more_than_allowed(self, message):
        async with ScriptedSmtp({}).serving() as server:
            sender = sender_to(server, max_connections=2)
            results = await asyncio.gather(*(send(sender, message) for _ in range(10)))
            await sender.close()
        assert all(isinstance(result, Accepted) for result in results)
        assert server.connections == 2
