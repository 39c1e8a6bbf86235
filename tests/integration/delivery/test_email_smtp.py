"""What each answer of an SMTP server, or the lack of one, means for a message."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from madan_sara.activities.sender import Accepted, CallLease, OutgoingMessage, Refused
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.errors import (
    AmbiguousDeliveryError,
    DeliveryError,
    LeaseExpiredError,
    MisconfiguredProviderError,
    ProviderUnavailableError,
    TransientDeliveryError,
)
from madan_sara.delivery.email_smtp import EmailSmtpSender, SmtpSettings
from tests.fakes.sender import send
from tests.integration.delivery.scripted_smtp import (
    ENDLESS_LINE,
    ENDLESS_LINES,
    HANG_UP,
    SILENCE,
    TRICKLE,
    ScriptedSmtp,
)
from tests.integration.delivery.sender_contract import assert_tells_nothing, outgoing

#: Only where silence is what is tested; long enough for the rest of the dialogue.
_SHORT = 0.3
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


class OneMessageSmtp(ScriptedSmtp):
    """Takes one message in a connection, like servers that count them."""

    def __init__(self) -> None:
        super().__init__({})

    def _answer(self, command: str, recipient: str) -> str:
        # A recipient is known once the connection has carried a message.
        full = command == "MAIL" and recipient
        return "421 4.7.0 too many messages" if full else super()._answer(command, recipient)


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


@pytest.mark.parametrize("command", ["RCPT", "DATA", "content"])
async def test_a_permanent_no_is_a_refusal_with_its_codes(command, message):
    answer = "550 5.1.1 <ana@example.com> is nobody"
    assert await outcome_of({command: [answer]}, message) == Refused("smtp_550_5.1.1")


@pytest.mark.parametrize("command", ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "content"])
async def test_a_server_that_closes_is_an_outage_of_the_account(command, message):
    answer = "421 4.3.2 <ana@example.com> later"
    assert await outcome_of({command: [answer]}, message) is ProviderUnavailableError


@pytest.mark.parametrize("command", ["RCPT", "DATA", "content"])
async def test_a_recipient_put_off_brings_the_wait_the_server_names(command, message):
    answer = "451 4.7.1 <ana@example.com> is greylisted, try again in 300 seconds"
    async with ScriptedSmtp({command: [answer]}).serving() as server:
        sender = sender_to(server)
        with pytest.raises(TransientDeliveryError) as caught:
            await send(sender, message)
        assert isinstance(await send(sender, message), Accepted)
        await sender.close()
    assert_tells_nothing(caught.value, message)
    assert caught.value.retry_after == timedelta(seconds=300)
    assert caught.value.code == "smtp_451_4.7.1"
    assert server.connections == 1


@pytest.mark.parametrize("command", ["greeting", "EHLO", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("ending", [HANG_UP, SILENCE, TRICKLE, ENDLESS_LINE, ENDLESS_LINES, "?"])
async def test_up_to_the_go_ahead_nothing_is_lost(command, ending, message):
    patience = _SHORT if ending in (SILENCE, TRICKLE) else _LONG
    result = await outcome_of({command: [ending]}, message, timeout_seconds=patience)
    assert result is ProviderUnavailableError


@pytest.mark.parametrize("command", ["greeting", "EHLO", "MAIL", "RCPT", "DATA"])
async def test_the_whole_announcement_has_a_bound_beside_that_of_each_answer(command, message):
    result = await outcome_of({command: [TRICKLE]}, message, announce_timeout_seconds=_SHORT)
    assert result is ProviderUnavailableError


@pytest.mark.parametrize("ending", [HANG_UP, SILENCE, "what?", "354 more", "199 odd", "2_0 odd"])
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
        ("MAIL", "550 5.7.1 not from you"),
        ("RCPT", "530 5.7.0 Must issue a STARTTLS command first"),
    ],
)
async def test_an_error_only_a_human_can_correct_is_misconfigured(command, answer, message):
    assert await outcome_of({command: [answer]}, message) is MisconfiguredProviderError


@pytest.mark.parametrize("command", ["greeting", "EHLO", "MAIL", "RCPT", "DATA"])
async def test_an_answer_too_many_accepts_nothing(command, message):
    usual = {"greeting": "220 hi", "DATA": "354 go ahead"}.get(command, "250 ok")
    async with ScriptedSmtp({command: [f"{usual}\r\n250 queued"]}).serving() as server:
        sender = sender_to(server)
        with pytest.raises(ProviderUnavailableError):
            await send(sender, message)
        assert not server.contents
        assert isinstance(await send(sender, message), Accepted)
        await sender.close()


async def test_an_answer_too_many_answers_no_later_message(message):
    script = {"content": ["250 queued\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 queued"]}
    async with ScriptedSmtp({**script, "RCPT": ["250 ok", "550 5.1.1 no"]}).serving() as server:
        sender = sender_to(server)
        assert isinstance(await send(sender, message), Accepted)
        assert await send(sender, message) == Refused("smtp_550_5.1.1")
        await sender.close()
    assert (server.connections, len(server.contents)) == (2, 1)


async def test_a_call_lasts_no_longer_than_it_declares():
    settings = SmtpSettings(host="h", port=25, sender="a@b.test", security="none")
    declared = EmailSmtpSender(settings).capabilities
    assert declared.longest_call == timedelta(seconds=150)
    assert settings.longest_dialogue < declared.longest_call
    # A server may let its callers wait before it greets them.
    assert declared.longest_approach == timedelta(seconds=settings.announce_timeout_seconds)


async def test_a_wait_for_a_free_connection_has_an_end_and_takes_no_message(message):
    async with ScriptedSmtp({"content": [SILENCE]}).serving() as server:
        sender = sender_to(server, max_connections=1, announce_timeout_seconds=2)
        held = asyncio.create_task(send(sender, message))
        await server.until_heard("content")
        with pytest.raises(ProviderUnavailableError, match="was not ready"):
            await send(sender, message)
        held.cancel()
        await asyncio.wait([held])
        await sender.close()
    assert len(server.contents) == 1


async def test_a_run_held_up_while_it_announced_sends_no_content(message):
    lease = CallLease.lasting(timedelta(seconds=-1))
    async with ScriptedSmtp({}).serving() as server:
        sender = sender_to(server)
        call = sender.prepare(message)
        assert not isinstance(call, Refused)
        with pytest.raises(LeaseExpiredError):
            await call(lease)
        await server.until_all_have_gone()
        assert isinstance(await send(sender, message), Accepted)
        await sender.close()
    assert server.heard[:4] == ["EHLO", "MAIL", "RCPT", "DATA"]
    assert len(server.contents) == 1


@pytest.mark.parametrize("command", ["EHLO", "MAIL", "RCPT", "DATA", "content"])
async def test_a_stopped_wait_does_not_leave_its_connection_to_others(command, message):
    async with ScriptedSmtp({command: [SILENCE]}).serving() as server:
        sender = sender_to(server, max_connections=1)
        sending = asyncio.create_task(send(sender, message))
        await server.until_heard(command)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        await server.until_all_have_gone()
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

    @pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
    @pytest.mark.parametrize(
        "ending", [HANG_UP, "421 4.7.0 too many messages in this connection", "garbage", "503 no"]
    )
    async def test_that_are_worn_are_replaced_within_the_call(self, command, ending, message):
        usual = {"MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go ahead"}[command]
        async with ScriptedSmtp({command: [usual, ending]}).serving() as server:
            sender = sender_to(server)
            for _ in range(3):
                assert isinstance(await send(sender, message), Accepted)
            await sender.close()
        assert server.connections == 2
        assert len(server.contents) == 3

    @pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
    async def test_are_replaced_once_and_then_it_is_the_account(self, command, message):
        usual = {"MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go ahead"}[command]
        script = {command: [usual, "421 closing", "421 closing"]}
        async with ScriptedSmtp(script).serving() as server:
            sender = sender_to(server)
            await send(sender, message)
            with pytest.raises(ProviderUnavailableError):
                await send(sender, message)
            await sender.close()
        assert server.connections == 2

    @pytest.mark.parametrize("ending", [HANG_UP, "421 closing", "550 5.4.5 quota", "?"])
    async def test_are_never_replaced_once_the_content_left(self, ending, message):
        async with ScriptedSmtp({"content": ["250 queued", ending]}).serving() as server:
            sender = sender_to(server)
            await send(sender, message)
            with pytest.raises((AmbiguousDeliveryError, ProviderUnavailableError)):
                await send(sender, message)
            await sender.close()
        assert (server.connections, len(server.contents)) == (1, 2)

    async def test_are_not_kept_by_a_sender_that_is_closed(self, message):
        async with ScriptedSmtp({}).serving() as server:
            sender = sender_to(server)
            await sender.close()
            assert isinstance(await send(sender, message), Accepted)
            await server.until_all_have_gone()

    async def test_of_one_message_each_carry_every_message(self):
        messages = [outgoing(Channel.EMAIL, f"p{n}@example.com") for n in range(20)]
        async with OneMessageSmtp().serving() as server:
            sender = sender_to(server, max_connections=2)
            results = await asyncio.gather(*(send(sender, each) for each in messages))
            await sender.close()
        assert all(isinstance(result, Accepted) for result in results)
        assert sorted(r for r, _ in server.contents) == sorted(m.address for m in messages)

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
