"""A provider of every channel but e-mail, on this machine, that can be made to fail.

* `POST /v1/{channel}/messages` with `to`, `text`, `idempotency_key`, `message_id`:
  202 accepted, with a `provider_message_id`; anything else is not taken and has a `code`:
  409 `recipient_busy` this recipient later, 422 refused, 429 and 5xx no recipient now.
* `GET /v1/{channel}/messages?idempotency_key=...`: what became of a key; 202 `pending` while it is
  held back; 404 `unknown_key`.
* `GET /v1/receipts?after=N`: what happened after acceptance, in order.
* `POST /v1/control/release`: lets go of what is held now.

The recipient's address decides what happens to a message:

| word in the address | phone ends in | what happens |
|---|---|---|
| `refuse` | 901 | 422 `recipient_refused`, every time |
| `throttle` | 902 | 429 with Retry-After 1 twice, then accepted |
| `flaky` | 903 | 500 twice, not taken, then accepted |
| `swallow` | 904 | taken, connection dropped without an answer |
| `vanish` | 905 | not taken, no answer, connection left open; every time |
| `bounce` | 906 | accepted, then a bounced receipt |
| `hang` | 907 | taken at once, answered when released |
| `stall` | 908 | taken and answered when released; until then a look-up says `pending` |
| `busy` | 909 | 409 `recipient_busy` with Retry-After 1 twice, then accepted |
| `years` | 910 | 503 with Retry-After of ten years, every time |
| `parrot` | 911 | 422 with the recipient's address for a code, every time |
| `trickle` | 912 | taken, answered a byte a second without end |
| `endless` | 913 | taken, answered with as much as is read, up to 64 MiB |
| `bomb` | 914 | taken, answered with little that unpacks to 128 MiB |
| `garbage` | 915 | taken, answered with something that is no HTTP |
| `tangled` | 916 | taken, answered with JSON nested 30,000 deep |
| `giant` | 917 | taken, answered with an id of 10,000 characters |
| `nul` | 918 | taken, answered with a NUL in the id |
| `extra` | 919 | accepted, and refused by a second answer on the same connection |

Anything else is accepted, and a delivered receipt follows. Where keys are honoured,
a key that is settled gets its first answer again, whatever the address says.

Every user of the machine can ask it, so it shows no addresses and no texts. These are in its
journal, a file for its owner only.
"""

import argparse
import asyncio
import signal
import socket
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from madan_sara.contracts.channels import Channel
from madan_sara.emulators.sandbox.api import SandboxApi
from madan_sara.emulators.sandbox.journal import Journal, LoggedRequest, LogPredicate, Receipt

#: The channels the sandbox plays; e-mail has a mail sink.
SANDBOX_CHANNELS: Final = frozenset(Channel) - {Channel.EMAIL}


class SandboxProvider:
    """The provider as a server inside the running event loop.

    Args:
        honours_keys_on: channels where a second request with a key has no second
            effect; elsewhere it is one more message.
        misses_before_success: how often `throttle`, `flaky` and `busy` fail per key.
        journal_path: JSON-lines file to continue, so that a second start still
            knows what it took; None: it forgets.
    """

    def __init__(
        self,
        *,
        honours_keys_on: Collection[Channel] = SANDBOX_CHANNELS,
        misses_before_success: int = 2,
        journal_path: Path | None = None,
    ) -> None:
        self._journal = Journal(journal_path)
        self._api = SandboxApi(
            self._journal,
            channels=SANDBOX_CHANNELS,
            honours_keys_on=frozenset(honours_keys_on),
            misses_before_success=misses_before_success,
            connection_of=self._connection_of,
        )
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self._address: tuple[str, int] | None = None

    @property
    def url(self) -> str:
        """Base URL.

        Raises:
            RuntimeError: the provider is not started.
        """
        if self._address is None:
            raise RuntimeError("the sandbox provider has no URL before it is started")
        host, port = self._address
        return f"http://{host}:{port}"

    @property
    def has_failed(self) -> bool:
        """Whether it has ended, and was not asked to."""
        return self._serving is not None and self._serving.done()

    @property
    def log(self) -> Sequence[LoggedRequest]:
        """Every request it was asked to send, in order."""
        return self._journal.requests

    @property
    def receipts(self) -> Sequence[Receipt]:
        """Every receipt it issued, in order."""
        return self._journal.receipts

    def taken(self, channel: Channel | None = None) -> list[LoggedRequest]:
        """The messages people get, of one channel or of all."""
        return [e for e in self.log if e.taken and channel in (None, e.channel)]

    async def endless_bytes(self, idempotency_key: str) -> int:
        """How many bytes of an endless answer were read, once its reader has gone."""
        return await self._api.endless_bytes(idempotency_key)

    async def wait_for(self, predicate: LogPredicate, timeout_seconds: float = 30.0) -> None:
        """Return once the log satisfies a predicate.

        Raises:
            TimeoutError: it did not in time.
        """
        await self._journal.wait_for(predicate, timeout_seconds)

    def release(self) -> None:
        """Let go of every request held now; later ones are held anew."""
        self._api.release()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> None:
        """Serve; port 0 takes a free one."""
        listener = socket.create_server((host, port))
        self._address = (host, listener.getsockname()[1])
        config = uvicorn.Config(
            self._api.app,
            http="h11",
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            # Longer than any client keeps an idle connection: one closed under a
            # request would look like a lost answer that was not asked for.
            timeout_keep_alive=120,
        )
        self._api.open()
        self._server = _EmbeddedServer(config)
        # The socket already listens, so callers may connect at once.
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))

    async def stop(self) -> None:
        """Drop every connection, held requests included, and end."""
        if self._server is not None:
            for connection in list(self._server.server_state.connections):
                connection.transport.close()
        await self.go_away()
        self._address = None

    async def go_away(self) -> None:
        """Refuse every connection from now on; what has begun is answered, what is held dropped."""
        if self._server is None or self._serving is None:
            return
        self._api.give_up()
        self._server.should_exit = True
        serving, self._serving = self._serving, None
        await serving
        self._server = None

    async def come_back(self) -> None:
        """Serve again, on the same port."""
        if self._address is not None:
            await self.start(*self._address)

    def _connection_of(self, client: tuple[str, int]) -> asyncio.Transport | None:
        """The bare connection of a client, to do with it what no HTTP server would."""
        connections = self._server.server_state.connections if self._server else ()
        return next(
            (
                connection.transport
                for connection in connections
                if isinstance(connection, H11Protocol) and connection.client == client
            ),
            None,
        )


class _EmbeddedServer(uvicorn.Server):
    """Leaves the signals to the program it runs in."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve_until_interrupted(host: str, port: int, journal_path: Path | None) -> None:
    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()
    for wanted in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(wanted, interrupted.set)
    provider = SandboxProvider(journal_path=journal_path)
    await provider.start(host, port)
    print(f"sandbox provider at {provider.url}", flush=True)
    await interrupted.wait()
    await provider.stop()


def main() -> None:
    """Serve from the command line until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m madan_sara.emulators.sandbox.provider")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--journal", type=Path, help="JSON-lines file to continue")
    given = parser.parse_args()
    asyncio.run(_serve_until_interrupted(given.host, given.port, given.journal))


if __name__ == "__main__":
    main()
