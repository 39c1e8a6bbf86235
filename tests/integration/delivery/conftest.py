"""Providers and certificates shared by the tests of the senders."""

import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from madan_sara.emulators.mail_sink import MailSink
from madan_sara.emulators.sandbox.provider import SandboxProvider


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate for 127.0.0.1, which is its own authority."""

    ca_file: str
    server_context: ssl.SSLContext


@pytest.fixture(scope="session")
async def sandbox() -> AsyncIterator[SandboxProvider]:
    """One provider for all: tests distinguish their messages by key."""
    provider = SandboxProvider()
    await provider.start()
    yield provider
    await provider.stop()


@pytest.fixture(scope="session")
async def mail_sink() -> AsyncIterator[MailSink]:
    """One open, unencrypted mail server for all: tests distinguish their mails by address."""
    sink = MailSink()
    await sink.start()
    yield sink
    await sink.stop()


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port of this machine without a listener, kept from others while the test runs."""
    with socket.socket() as holder:
        # Bound and not listening: connecting is refused, and no other process gets it.
        holder.bind(("127.0.0.1", 0))
        yield holder.getsockname()[1]


@pytest.fixture(scope="session")
def certificate(tmp_path_factory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("certificate"), "IP:127.0.0.1,DNS:localhost")


def make_certificate(folder: Path, names: str) -> Certificate:
    """Make a certificate for the given names with the openssl command."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command to make a certificate")
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=mail sink", "-addext", f"subjectAltName={names}",
         "-keyout", str(key), "-out", str(cert)],
        check=True,
        capture_output=True,
    )  # fmt: skip
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    return Certificate(ca_file=str(cert), server_context=context)
