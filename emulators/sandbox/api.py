"""The HTTP interface of the sandbox provider."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from madan_sara.contracts.base import Contract
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import DeliveryEventKind
from madan_sara.emulators.sandbox.answers import PUT_OFF, answer, outcome, problem
from madan_sara.emulators.sandbox.behaviour import Behaviour, behaviour_for
from madan_sara.emulators.sandbox.hostile import EndlessAnswer, hostile_answer, raw_answer
from madan_sara.emulators.sandbox.journal import Journal, LoggedRequest, Receipt

_PAGE_SIZE: Final = 1000
#: Digits of a position in a feed.
_MOST_DIGITS: Final = 18


class SandboxSendRequest(Contract):
    """Body of a request to send."""

    to: str
    text: str
    idempotency_key: str | None = None
    message_id: str | None = None


class SandboxApi:
    """Takes messages, or behaves as the address asks.

    Args:
        journal: where everything is remembered.
        channels: the channels it plays.
        honours_keys_on: channels where a settled key gets its first answer again.
        misses_before_success: how often `throttle`, `flaky` and `busy` fail per key.
        connection_of: the bare connection of a client.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        channels: frozenset[Channel],
        honours_keys_on: frozenset[Channel],
        misses_before_success: int,
        connection_of: Callable[[tuple[str, int]], asyncio.Transport | None],
    ) -> None:
        self._journal = journal
        self._channels = channels
        self._honours_keys_on = honours_keys_on
        self._misses_before_success = misses_before_success
        self._connection_of = connection_of
        #: How many requests of each key are held back untaken.
        self._held: Counter[tuple[Channel, str | None]] = Counter()
        self._endless: dict[str | None, EndlessAnswer] = {}
        self._gate = asyncio.Event()
        self._stopping = False
        self.app = Starlette(
            routes=[
                Route("/v1/{channel}/messages", self._send, methods=["POST"]),
                Route("/v1/{channel}/messages", self._look_up, methods=["GET"]),
                Route("/v1/receipts", self._read_receipts, methods=["GET"]),
                Route("/v1/control/release", self._release, methods=["POST"]),
            ]
        )

    def open(self) -> None:
        """Serve (again)."""
        self._stopping = False

    def release(self) -> None:
        """Let go of every request held now; later ones wait at a new gate."""
        gate, self._gate = self._gate, asyncio.Event()
        gate.set()

    def give_up(self) -> None:
        """Let go of every request held now without taking or answering it."""
        self._stopping = True
        self.release()

    async def endless_bytes(self, idempotency_key: str) -> int:
        """How many bytes of an endless answer were read, once its reader has gone."""
        endless = self._endless[idempotency_key]
        await endless.ended.wait()
        return endless.sent

    async def _send(self, request: Request) -> Response:
        if self._stopping:
            # Nothing may begin to wait now: the gate will not open again.
            return problem(503, "stopping")
        channel = self._channel(request)
        if channel is None:
            return problem(404, "unknown_channel")
        try:
            asked = SandboxSendRequest.model_validate_json(await request.body())
        except ValidationError:
            return problem(400, "invalid_request")
        if known := self._known(channel, asked):
            return await self._answer_again(channel, asked, known)
        return await self._behave(request, channel, asked)

    async def _behave(
        self, request: Request, channel: Channel, asked: SandboxSendRequest
    ) -> Response:
        """Behave as the address asks."""
        behaviour = behaviour_for(asked.to)
        put_off = PUT_OFF.get(behaviour)
        if put_off and (self._misses(channel, asked) or not put_off.at_first):
            await self._log(channel, asked, behaviour)
            return put_off.response()
        match behaviour:
            case Behaviour.REFUSE:
                return answer(await self._refuse(channel, asked, behaviour))
            case Behaviour.PARROT:
                await self._refuse(channel, asked, behaviour)
                return problem(422, asked.to)
            case Behaviour.SWALLOW:
                await self._take(channel, asked, behaviour)
                return await self._drop(request)
            case Behaviour.VANISH:
                await self._log(channel, asked, behaviour)
                return await _until_disconnected(request)
            case Behaviour.HANG:
                taken = await self._take(channel, asked, behaviour)
                return answer(taken) if await self._released() else await self._drop(request)
            case Behaviour.STALL:
                with self._holding(channel, asked):
                    await self._log(channel, asked, behaviour)
                    if not await self._released():
                        return await self._drop(request)
                    return await self._take_late(channel, asked)
        return await self._answer_badly(request, await self._take(channel, asked, behaviour))

    def _misses(self, channel: Channel, asked: SandboxSendRequest) -> bool:
        missed = self._journal.tries(channel, asked.to, asked.idempotency_key)
        return missed < self._misses_before_success

    async def _answer_badly(self, request: Request, taken: LoggedRequest) -> Response:
        """Answer a message that was taken, as its behaviour has it: well, mostly."""
        message_id = taken.provider_message_id or ""
        if taken.behaviour is Behaviour.ENDLESS:
            endless = self._endless[taken.idempotency_key] = EndlessAnswer()
            return endless
        raw = raw_answer(taken.behaviour, message_id)
        if raw is not None:
            if connection := self._connection(request):
                connection.write(raw)
            return await _until_disconnected(request)
        return hostile_answer(taken.behaviour, message_id) or answer(taken)

    @contextmanager
    def _holding(self, channel: Channel, asked: SandboxSendRequest) -> Iterator[None]:
        """Know a key while its message is neither taken nor dropped."""
        self._held[channel, asked.idempotency_key] += 1
        try:
            yield
        finally:
            self._held[channel, asked.idempotency_key] -= 1

    async def _released(self) -> bool:
        """Wait to be let go; false if that is because the provider stops."""
        await self._gate.wait()
        return not self._stopping

    async def _take_late(self, channel: Channel, asked: SandboxSendRequest) -> Response:
        # Another request with this key may have been let go first.
        if known := self._known(channel, asked):
            return await self._answer_again(channel, asked, known)
        return answer(await self._take(channel, asked, Behaviour.STALL))

    async def _drop(self, request: Request) -> Response:
        if connection := self._connection(request):
            connection.close()
        return await _until_disconnected(request)

    def _known(self, channel: Channel, asked: SandboxSendRequest) -> LoggedRequest | None:
        if channel not in self._honours_keys_on:
            return None
        return self._journal.answer_to(channel, asked.idempotency_key)

    async def _answer_again(
        self, channel: Channel, asked: SandboxSendRequest, known: LoggedRequest
    ) -> Response:
        await self._log(channel, asked, known.behaviour, duplicate_of_key=True)
        return answer(known)

    async def _take(
        self, channel: Channel, asked: SandboxSendRequest, behaviour: Behaviour
    ) -> LoggedRequest:
        """Log the message as taken and issue its receipt."""
        message_id = f"sandbox-{uuid4().hex}"
        entry = await self._log(channel, asked, behaviour, provider_message_id=message_id)
        bounced = behaviour is Behaviour.BOUNCE
        await self._journal.record(
            Receipt(
                sequence=len(self._journal.receipts) + 1,
                # Random, not counted: an inbox must not mistake the first receipt of
                # a fresh sandbox for one it had from an earlier.
                provider_event_id=uuid4().hex,
                provider_message_id=message_id,
                message_id=asked.message_id,
                idempotency_key=asked.idempotency_key,
                channel=channel,
                kind=DeliveryEventKind.BOUNCED if bounced else DeliveryEventKind.DELIVERED,
                code="recipient_unreachable" if bounced else None,
                occurred_at=datetime.now(UTC),
            )
        )
        return entry

    async def _refuse(
        self, channel: Channel, asked: SandboxSendRequest, behaviour: Behaviour
    ) -> LoggedRequest:
        return await self._log(channel, asked, behaviour, refusal_code="recipient_refused")

    async def _log(
        self,
        channel: Channel,
        asked: SandboxSendRequest,
        behaviour: Behaviour,
        *,
        provider_message_id: str | None = None,
        refusal_code: str | None = None,
        duplicate_of_key: bool = False,
    ) -> LoggedRequest:
        entry = LoggedRequest(
            sequence=len(self._journal.requests) + 1,
            channel=channel,
            **asked.model_dump(),
            behaviour=behaviour,
            taken=provider_message_id is not None,
            duplicate_of_key=duplicate_of_key,
            at=datetime.now(UTC),
            provider_message_id=provider_message_id,
            refusal_code=refusal_code,
        )
        await self._journal.record(entry)
        return entry

    async def _look_up(self, request: Request) -> Response:
        channel = self._channel(request)
        if channel is None:
            return problem(404, "unknown_channel")
        key = request.query_params.get("idempotency_key")
        known = self._journal.answer_to(channel, key)
        if known is not None:
            return JSONResponse(outcome(known))
        if self._held[channel, key]:
            return JSONResponse({"status": "pending", "idempotency_key": key}, status_code=202)
        return JSONResponse({"code": "unknown_key", "idempotency_key": key}, status_code=404)

    async def _read_receipts(self, request: Request) -> Response:
        return _page(request, self._journal.receipts)

    async def _release(self, _request: Request) -> Response:
        self.release()
        return Response(status_code=204)

    def _connection(self, request: Request) -> asyncio.Transport | None:
        client = request.client
        return self._connection_of((client.host, client.port)) if client else None

    def _channel(self, request: Request) -> Channel | None:
        name = request.path_params["channel"]
        return next((channel for channel in self._channels if channel == name), None)


def _page(request: Request, entries: Sequence[Receipt]) -> Response:
    """The entries after a sequence number; sequences count from 1 without gaps."""
    after = request.query_params.get("after", "0")
    if not (after.isascii() and after.isdigit() and len(after) <= _MOST_DIGITS):
        return problem(400, "invalid_request")
    start = int(after)
    items = [e.model_dump(mode="json") for e in entries[start : start + _PAGE_SIZE]]
    return JSONResponse({"items": items, "next_after": start + len(items)})


async def _until_disconnected(request: Request) -> Response:
    """Say nothing until the client has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    # The server asks for an answer, and sends it nowhere.
    return Response(status_code=204)
