"""The mail sink itself: what it keeps, and what it finds again."""

import asyncio

import aiosmtplib
import pytest

from madan_sara.activities.sender import Accepted, Refused
from madan_sara.contracts.channels import Channel
from madan_sara.delivery.email_smtp import EmailSmtpSender, SmtpSettings
from madan_sara.emulators.mail_sink import MailSink
from tests.fakes.sender import send
from tests.integration.delivery.sender_contract import outgoing


@pytest.fixture
async def sink(tmp_path):
    sink = MailSink(tmp_path / "mail")
    await sink.start()
    yield sink
    await sink.stop()


@pytest.fixture
async def sender(sink):
    settings = SmtpSettings(
        host="127.0.0.1", port=sink.port, sender="news@shop.test", security="none"
    )
    sender = EmailSmtpSender(settings)
    yield sender
    await sender.close()


async def test_a_second_start_finds_the_mails_of_the_first(sink, sender, tmp_path):
    addresses = ["ana@example.com", "ben@example.com"]
    for address in addresses:
        await send(sender, outgoing(Channel.EMAIL, address))
    await sink.stop()

    second = MailSink(tmp_path / "mail")
    assert [mail.envelope_to for mail in second.messages] == [(a,) for a in addresses]
    assert {mail.envelope_from for mail in second.messages} == {"news@shop.test"}
    assert [m.message.as_bytes() for m in second.messages] == [
        m.message.as_bytes() for m in sink.messages
    ]
    await second.start()
    settings = SmtpSettings(host="127.0.0.1", port=second.port, sender="a@b.test", security="none")
    late_sender = EmailSmtpSender(settings)
    await send(late_sender, outgoing(Channel.EMAIL, "cleo@example.com"))
    await late_sender.close()
    await second.stop()
    assert len(MailSink(tmp_path / "mail").messages) == 3


async def test_a_test_can_wait_for_a_mail(sink, sender):
    waiting = asyncio.create_task(sink.wait_for(lambda mails: len(mails) == 1))
    await send(sender, outgoing(Channel.EMAIL, "ana@example.com"))
    await waiting
    with pytest.raises(TimeoutError):
        await sink.wait_for(lambda mails: len(mails) == 2, timeout_seconds=0.01)


async def test_spam_is_refused_after_the_content(sink, sender):
    result = await send(sender, outgoing(Channel.EMAIL, "spam-1@example.com"))
    assert result == Refused("smtp_554_5.7.1")
    assert list(sink.messages) == []


async def test_a_word_inside_a_word_asks_for_nothing(sender):
    for address in ("dropbox@example.com", "ana@refuse.example.com"):
        assert isinstance(await send(sender, outgoing(Channel.EMAIL, address)), Accepted)


async def test_stopping_does_not_wait_for_idle_clients(sink, sender):
    await send(sender, outgoing(Channel.EMAIL, "ana@example.com"))
    await sink.stop()
    with pytest.raises(RuntimeError, match="before it is started"):
        _ = sink.port


async def client_of(sink: MailSink) -> aiosmtplib.SMTP:
    client = aiosmtplib.SMTP(hostname="127.0.0.1", port=sink.port, use_tls=False, start_tls=False)
    await client.connect()
    await client.ehlo()
    return client


async def test_a_server_that_is_away_finishes_its_requests_and_comes_back(sink):
    port, idle, busy = sink.port, await client_of(sink), await client_of(sink)
    await busy.mail("news@shop.test")

    await sink.go_away()
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await idle.noop()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    await busy.rcpt("ana@example.com")
    assert (await busy.data(b"Subject: Bread\r\n\r\nBonjou\r\n")).code == 250
    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await busy.mail("news@shop.test")
    assert len(sink.messages) == 1

    await sink.come_back()
    assert sink.port == port
    again = await client_of(sink)
    await again.sendmail("news@shop.test", ["ben@example.com"], b"Subject: Bread\r\n\r\nBonjou\r\n")
    await again.quit()
    assert len(sink.messages) == 2
