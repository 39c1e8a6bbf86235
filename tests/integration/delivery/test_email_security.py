"""Encryption and login of the e-mail sender."""

from typing import Any

import pytest
from pydantic import SecretStr

from madan_sara.activities.sender import Accepted, OutgoingMessage
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.errors import MisconfiguredProviderError, ProviderUnavailableError
from madan_sara.delivery.email_smtp import EmailSmtpSender, SmtpSettings
from madan_sara.emulators.mail_sink import MailSink
from tests.fakes.sender import send
from tests.integration.delivery.conftest import make_certificate
from tests.integration.delivery.scripted_smtp import HANG_UP, SILENCE, ScriptedSmtp
from tests.integration.delivery.sender_contract import assert_tells_nothing, outgoing

_LOGIN = ("shop", "k0rèk")


@pytest.fixture(params=["starttls", "tls"])
async def guarded_sink(request, certificate):
    """A mail server that wants encryption and a login."""
    sink = MailSink(security=request.param, tls=certificate.server_context, login=_LOGIN)
    await sink.start()
    yield sink, request.param
    await sink.stop()


@pytest.fixture
def message():
    return outgoing(Channel.EMAIL, "ana@example.com")


def settings_for(port: int, security: str, **changes: Any) -> SmtpSettings:
    given: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": port,
        "sender": "news@shop.test",
        "security": security,
        "username": _LOGIN[0],
        "password": SecretStr(_LOGIN[1]),
        **changes,
    }
    return SmtpSettings(**given)


async def assert_misconfigured(
    settings: SmtpSettings, message: OutgoingMessage, *, because: str
) -> None:
    sender = EmailSmtpSender(settings)
    with pytest.raises(MisconfiguredProviderError, match=because) as caught:
        await send(sender, message)
    await sender.close()
    assert_tells_nothing(caught.value, message)
    assert "wrong password" not in str(caught.value)


async def test_a_trusted_server_and_the_right_login_deliver(guarded_sink, certificate, message):
    sink, security = guarded_sink
    sender = EmailSmtpSender(settings_for(sink.port, security, ca_file=certificate.ca_file))
    assert isinstance(await send(sender, message), Accepted)
    # Over the same connection, which stays encrypted and logged in.
    assert isinstance(await send(sender, message), Accepted)
    await sender.close()
    assert len(sink.messages) == 2


async def test_a_wrong_password_is_misconfigured(guarded_sink, certificate, message):
    sink, security = guarded_sink
    settings = settings_for(
        sink.port, security, ca_file=certificate.ca_file, password="wrong password"
    )
    await assert_misconfigured(settings, message, because="refuses the login")
    assert not sink.messages


async def test_a_missing_login_is_misconfigured(guarded_sink, certificate, message):
    sink, security = guarded_sink
    settings = settings_for(
        sink.port, security, ca_file=certificate.ca_file, username=None, password=None
    )
    await assert_misconfigured(settings, message, because="wants a login")


async def test_an_unknown_authority_is_misconfigured(guarded_sink, message):
    sink, security = guarded_sink
    settings = settings_for(sink.port, security)
    await assert_misconfigured(settings, message, because="self-signed certificate")


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_certificate_for_another_name_is_misconfigured(security, tmp_path, message):
    other = make_certificate(tmp_path, "DNS:elsewhere.test")
    sink = MailSink(security=security, tls=other.server_context)
    await sink.start()
    settings = settings_for(sink.port, security, ca_file=other.ca_file)
    await assert_misconfigured(settings, message, because="not valid for '127.0.0.1'")
    await sink.stop()


async def test_a_server_without_starttls_is_not_spoken_to_in_the_clear(mail_sink, message):
    settings = settings_for(mail_sink.port, "starttls")
    await assert_misconfigured(settings, message, because="does not offer STARTTLS")


async def test_tls_to_a_server_that_speaks_plainly_is_misconfigured(mail_sink, message):
    settings = settings_for(mail_sink.port, "tls")
    await assert_misconfigured(settings, message, because="no trusted TLS connection")


async def test_speaking_plainly_to_a_server_that_wants_starttls_is_misconfigured(
    certificate, message
):
    sink = MailSink(security="starttls", tls=certificate.server_context)
    await sink.start()
    settings = settings_for(sink.port, "none", username=None, password=None)
    await assert_misconfigured(settings, message, because="wants a login or encryption")
    await sink.stop()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ("454 TLS not available now", ProviderUnavailableError),
        ("501 no", MisconfiguredProviderError),
        (HANG_UP, ProviderUnavailableError),
    ],
)
async def test_a_failing_starttls_is_classified_by_its_answer(answer, error, message):
    script = {"EHLO": ["250-scripted\r\n250 STARTTLS"], "STARTTLS": [answer]}
    async with ScriptedSmtp(script).serving() as server:
        sender = EmailSmtpSender(settings_for(server.port, "starttls"))
        with pytest.raises(error):
            await send(sender, message)


@pytest.mark.parametrize("bound", ["timeout_seconds", "announce_timeout_seconds"])
@pytest.mark.parametrize(
    ("security", "script"),
    [
        ("tls", {"greeting": [SILENCE]}),
        ("starttls", {"EHLO": ["250-scripted\r\n250 STARTTLS"], "STARTTLS": ["220 go"]}),
    ],
)
async def test_a_handshake_without_an_end_is_an_outage(bound, security, script, message):
    async with ScriptedSmtp(script).serving() as server:
        sender = EmailSmtpSender(settings_for(server.port, security, **{bound: 0.3}))
        with pytest.raises(ProviderUnavailableError):
            await send(sender, message)
        await server.until_all_have_gone()


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_ca_file_without_certificates_is_refused_at_once(tmp_path, content):
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ValueError, match=f"ca_file: no certificates can be read from {file} "):
        EmailSmtpSender(settings_for(587, "starttls", ca_file=str(file)))
