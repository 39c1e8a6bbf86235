"""What the acceptance tests share."""

import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class UsersServer:
    """A server that a user's environment leads to, and no play may reach."""

    listener: socket.socket

    @property
    def settings(self) -> Mapping[str, str]:
        """An environment in which everything leads there."""
        address = f"127.0.0.1:{self.listener.getsockname()[1]}"
        return {
            "MADAN_SARA_SMTP_HOST": "127.0.0.1",
            "MADAN_SARA_SMTP_PORT": address.rpartition(":")[2],
            "MADAN_SARA_SMTP_SECURITY": "none",
            "MADAN_SARA_SMTP_SENDER": "Bakery <bakery@example.org>",
            "MADAN_SARA_SANDBOX_URL": f"http://{address}",
            "MADAN_SARA_DATABASE_URL": f"postgresql+asyncpg://somebody@{address}/theirs",
            "MADAN_SARA_RATE_LIMITS": '{"email": 0.001}',
            "PGPORT": address.rpartition(":")[2],
            "TEMPORAL_ADDRESS": address,
            "TEMPORAL_NAMESPACE": "theirs",
        }

    def was_called(self) -> bool:
        """Whether a connection was made to it, answered or not."""
        with suppress(BlockingIOError):
            self.listener.accept()[0].close()
            return True
        return False


@pytest.fixture
def users_server() -> Iterator[UsersServer]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield UsersServer(listener)


@pytest.fixture
def state_dir() -> Iterator[Path]:
    # Removed at once, unlike pytest's own.
    with tempfile.TemporaryDirectory(prefix="madan-sara-stack-") as folder:
        yield Path(folder)
