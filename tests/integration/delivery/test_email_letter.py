"""What a mailbox holds after an e-mail was sent."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from uuid import uuid4

import pytest

from madan_sara.activities.sender import Accepted, Refused
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.content import RenderedMessage
from madan_sara.delivery.email_smtp import EmailSmtpSender, SmtpSettings
from madan_sara.emulators.mail_sink import MailSink, StoredMail
from tests.fakes.sender import send
from tests.integration.delivery.sender_contract import outgoing


@pytest.fixture
def settings(mail_sink):
    return {
        "host": "127.0.0.1",
        "port": mail_sink.port,
        "sender": "Chez Ménard <news@shop.test>",
        "security": "none",
    }


@pytest.fixture
def deliver(mail_sink, settings):
    """Send one message, and fetch what arrived."""

    async def deliver_one(message=None, **changes):
        content = RenderedMessage(**changes.pop("content", {"text": "Bonjou"}))
        message = message or outgoing(Channel.EMAIL, f"ana.{uuid4().hex}@example.com", content)
        sender = EmailSmtpSender(SmtpSettings(**{**settings, **changes}))
        result = await send(sender, message)
        await sender.close()
        assert isinstance(result, Accepted)
        mail = [m for m in mail_sink.messages if message.address in m.envelope_to][-1]
        assert mail.message["Message-ID"] == result.provider_message_id
        return mail

    return deliver_one


def part(mail: StoredMail, kind: str) -> str:
    body = mail.message.get_body((kind,))
    assert body is not None
    content: str = body.get_content()
    return content.replace("\r\n", "\n").rstrip("\n")


async def test_a_text_alone_is_a_plain_letter(deliver):
    mail = await deliver(content={"text": "Bonjou Ana,\n\nN ap tann ou.", "subject": "Envitasyon"})
    assert mail.message.get_content_type() == "text/plain"
    assert part(mail, "plain") == "Bonjou Ana,\n\nN ap tann ou."
    assert mail.message["Subject"] == "Envitasyon"
    assert mail.envelope_from == "news@shop.test"
    assert mail.message["From"] == "Chez Ménard <news@shop.test>"
    assert mail.message["To"] == mail.envelope_to[0]
    sent_at = parsedate_to_datetime(mail.message["Date"])
    assert abs(datetime.now(UTC) - sent_at) < timedelta(hours=1)
    assert not mail.message.defects


async def test_text_and_html_are_alternatives_the_better_one_last(deliver):
    mail = await deliver(content={"text": "plain", "html": "<p>rich</p>"})
    assert mail.message.get_content_type() == "multipart/alternative"
    kinds = [p.get_content_type() for p in mail.message.iter_parts()]
    assert kinds == ["text/plain", "text/html"]
    assert part(mail, "plain") == "plain"
    assert part(mail, "html") == "<p>rich</p>"


async def test_html_alone_gets_a_text_of_its_own(deliver):
    html = (
        "<html><head><title>x</title><style>p{}</style></head><body><h1>Bonjou &amp; byenveni</h1>"
        "<p>Gade\n <a href='https://shop.test/n'>nouvo yo</a>.</p><ul><li>youn</li><li>de</li></ul>"
        "<a href='https://shop.test'>https://shop.test</a><img src='x' alt='logo'>"
    )
    mail = await deliver(content={"text": "", "html": html})
    assert part(mail, "plain") == (
        "Bonjou & byenveni\n\nGade nouvo yo (https://shop.test/n).\n\n- youn\n- de\n\n"
        "https://shop.test[logo]"
    )
    assert mail.message["Subject"] == "Bonjou & byenveni"


async def test_every_script_and_a_leading_dot_survive(deliver):
    text = "Bònjou, çà va? 日本語 🎉\n.\n..two dots\n" + "é" * 2000
    mail = await deliver(content={"text": text, "subject": "Sa k ap fèt? 🎉 " + "ü" * 100})
    assert part(mail, "plain") == text
    assert mail.message["Subject"] == "Sa k ap fèt? 🎉 " + "ü" * 100
    assert all(len(line) <= 998 for line in mail.message.as_bytes().splitlines())


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("\n\n  Premye liy  \nlòt", "Premye liy"),
        ("mo " * 40, ("mo " * 26).strip() + "…"),
        ("x" * 200, "x" * 77 + "…"),
        ("x" * 78, "x" * 78),
    ],
)
async def test_without_a_subject_the_first_line_is_it(deliver, text, subject):
    mail = await deliver(content={"text": text})
    assert mail.message["Subject"] == subject
    assert len(subject) <= 78


@pytest.mark.parametrize("breaker", ["\r\n", "\n", "\r", "\x00\n", "\u2028", "\x85", "\x0b"])
async def test_a_subject_cannot_smuggle_in_a_header(deliver, breaker):
    subject = f"Hello{breaker}Bcc: victim@example.com{breaker}{breaker}<b>body</b>"
    mail = await deliver(content={"text": "plain", "subject": subject})
    assert mail.message["Bcc"] is None
    assert mail.message["Subject"] == "Hello Bcc: victim@example.com <b>body</b>"
    assert part(mail, "plain") == "plain"
    assert len(mail.envelope_to) == 1


@pytest.mark.parametrize(
    "address",
    ["nobody", "", "a@b@c", "ana@example.com\r\nRCPT TO:<victim@example.com>", "ana@exa mple.com"],
)
async def test_an_invalid_address_is_refused_before_a_server_is_asked(settings, address):
    sender = EmailSmtpSender(SmtpSettings(**{**settings, "port": 1}))
    assert await send(sender, outgoing(Channel.EMAIL, address)) == Refused("invalid_address")


async def test_a_message_id_belongs_to_the_attempt(deliver):
    message = outgoing(Channel.EMAIL, f"ana.{uuid4().hex}@example.com")
    again = outgoing(Channel.EMAIL, message.address, message_id=message.message_id)
    other = outgoing(Channel.EMAIL, message.address, message_id=message.message_id, attempt_no=2)
    ids = [(await deliver(m)).message["Message-ID"] for m in (message, again, other)]
    assert ids[0] == ids[1] != ids[2]
    assert ids[0].endswith("@shop.test>")
    assert str(message.message_id) not in ids[0]


async def test_unsubscribing_is_one_click_over_https(deliver):
    message = outgoing(Channel.EMAIL, f"ana.{uuid4().hex}@example.com")
    # Long enough that the stock folding would encode the link away.
    page = f"https://shop.test/{'u' * 80}/"
    mail = await deliver(
        message,
        unsubscribe_url=page + "{message_id}",
        unsubscribe_mailto="bye@shop.test",
    )
    assert mail.message["List-Unsubscribe"] == (
        f"<{page}{message.message_id}>, <mailto:bye@shop.test?subject=unsubscribe>"
    )
    assert mail.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, None),
        ({"unsubscribe_url": "http://shop.test/u"}, "<http://shop.test/u>"),
        (
            {"unsubscribe_mailto": "bye@shop.test"},
            "<mailto:bye@shop.test?subject=unsubscribe>",
        ),
    ],
)
async def test_without_https_there_is_no_one_click(deliver, given, expected):
    mail = await deliver(**given)
    assert mail.message["List-Unsubscribe"] == expected
    assert mail.message["List-Unsubscribe-Post"] is None


async def test_a_domain_beyond_ascii_is_written_to_in_ascii(mail_sink, settings):
    sender = EmailSmtpSender(SmtpSettings(**settings))
    local_part = f"ana.{uuid4().hex}"
    await send(sender, outgoing(Channel.EMAIL, f"{local_part}@straße.example.com"))
    await sender.close()
    assert mail_sink.messages[-1].envelope_to == (f"{local_part}@xn--strae-oqa.example.com",)


async def test_a_local_part_beyond_ascii_needs_a_server_that_takes_it(mail_sink, settings):
    message = outgoing(Channel.EMAIL, f"añá.{uuid4().hex}@example.com")
    sender = EmailSmtpSender(SmtpSettings(**settings))
    assert isinstance(await send(sender, message), Accepted)
    await sender.close()
    assert mail_sink.messages[-1].envelope_to == (message.address,)

    old_server = MailSink(smtputf8=False)
    await old_server.start()
    sender = EmailSmtpSender(SmtpSettings(**{**settings, "port": old_server.port}))
    assert await send(sender, message) == Refused("smtputf8_not_supported")
    await sender.close()
    await old_server.stop()


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"sender": "nobody"}, "sender"),
        ({"sender": "a@b c"}, "sender"),
        ({"sender": "Shop\r\nBcc: x@y.z <a@b.test>"}, "sender"),
        ({"username": "u", "password": "p"}, "username"),
        ({"username": "u", "security": "tls"}, "password"),
        ({"max_connections": 0}, "max_connections"),
        ({"unsubscribe_mailto": "a@b.test>, <evil"}, "unsubscribe_mailto"),
        ({"unsubscribe_url": "javascript:x"}, "unsubscribe_url"),
    ],
)
def test_settings_that_cannot_work_are_refused_by_name(settings, wrong, named):
    with pytest.raises(ValueError, match=named):
        SmtpSettings(**{**settings, **wrong})


def test_settings_do_not_show_the_password(settings):
    given = {**settings, "security": "tls", "username": "u", "password": "s3cret"}
    assert "s3cret" not in repr(SmtpSettings(**given))
