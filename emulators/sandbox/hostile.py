"""Answers of the sandbox provider that would harm a client that trusts them.

Each is given to a message that was taken; only the answer is bad.
"""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator
from typing import Final

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from madan_sara.emulators.sandbox.behaviour import Behaviour

#: How much an endless answer has to say.
ENDLESS_BYTES: Final = 64 * 2**20
_BOMB_BYTES: Final = 128 * 2**20
_CHUNK: Final = b"9" * 2**16
_NESTING: Final = 30_000
_GIANT_ID_CHARACTERS: Final = 10_000
_TRICKLE_SECONDS: Final = 1.0
_JSON: Final = "application/json"


class EndlessAnswer(StreamingResponse):
    """An id that goes on for as long as it is read."""

    def __init__(self) -> None:
        super().__init__(self._body(), status_code=202, media_type=_JSON)
        self.sent = 0
        #: Set when its reader has gone, or has read it all.
        self.ended = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer; called by Starlette."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.ended.set()

    async def _body(self) -> AsyncIterator[bytes]:
        yield b'{"status": "accepted", "provider_message_id": "'
        while self.sent < ENDLESS_BYTES:
            yield _CHUNK
            self.sent += len(_CHUNK)
            # Lets the server notice that its reader has gone.
            await asyncio.sleep(0)


def hostile_answer(behaviour: Behaviour, message_id: str) -> Response | None:
    """A bad answer over good HTTP to a message that was taken; None: none of this behaviour."""
    match behaviour:
        case Behaviour.TRICKLE:
            return StreamingResponse(_trickle(), status_code=202, media_type=_JSON)
        case Behaviour.BOMB:
            headers = {"Content-Encoding": "gzip"}
            return Response(_bomb(), status_code=202, media_type=_JSON, headers=headers)
        case Behaviour.TANGLED:
            body = b'{"provider_message_id": ' + b"[" * _NESTING + b"]" * _NESTING + b"}"
            return Response(body, status_code=202, media_type=_JSON)
        case Behaviour.GIANT:
            return _accepted(message_id.ljust(_GIANT_ID_CHARACTERS, "0"))
        case Behaviour.NUL:
            return _accepted(f"{message_id}\x00\x1b[31m")
    return None


def raw_answer(behaviour: Behaviour, message_id: str) -> bytes | None:
    """The bytes written past HTTP in answer to a message that was taken, if any."""
    match behaviour:
        case Behaviour.GARBAGE:
            return b"250 2.0.0 Ok: queued as \x00\xff\r\n\r\n"
        case Behaviour.EXTRA:
            accepted = {"status": "accepted", "provider_message_id": message_id}
            refused = {"status": "refused", "code": "not_this_one"}
            return _http(202, accepted) + _http(422, refused)
    return None


def _accepted(provider_message_id: str) -> Response:
    content = {"status": "accepted", "provider_message_id": provider_message_id}
    return Response(json.dumps(content), status_code=202, media_type=_JSON)


def _http(status: int, content: dict[str, str]) -> bytes:
    body = json.dumps(content)
    head = [f"HTTP/1.1 {status} x", f"Content-Type: {_JSON}", f"Content-Length: {len(body)}"]
    return "\r\n".join([*head, "", body]).encode("ascii")


async def _trickle() -> AsyncIterator[bytes]:
    while True:
        yield b" "
        await asyncio.sleep(_TRICKLE_SECONDS)


def _bomb() -> bytes:
    """Zeros without end as far as a reader cares, in well below a megabyte."""
    part = gzip.compress(bytes(2**20), mtime=0)
    # Members of a gzip file may follow each other.
    return part * (_BOMB_BYTES // 2**20)
