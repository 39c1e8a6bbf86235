"""The HTTP interface of the sandbox provider."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from contracts.base import Contract
from contracts.channels import Channel
from contracts.delivery import DeliveryEventKind
from devstack.sandbox.behaviour import Behaviour, behaviour_for
from devstack.sandbox.journal import Journal, LoggedRequest, Receipt

_RETRY_AFTER_SECONDS: Final = 1
_PAGE_SIZE: Final = 1000


class SendRequest(Contract):
    """Body of a request to send."""

    to: str
    text: str
    idempotency_key: str | None = None
    message_id: str | None = None


class SandboxApi:
    """Takes messages, or does what the address asks for instead.

    Args:
        journal: where everything is remembered.
        channels: the channels it plays.
        honours_keys_on: channels where a settled key gets its first answer again.
        misses_before_success: how often `throttle` and `flaky` fail per key.
        drop: closes the connection of a client without an answer.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        channels: frozenset[Channel],
        honours_keys_on: frozenset[Channel],
        misses_before_success: int,
        drop: Callable[[tuple[str, int]], None],
    ) -> None:
        self._journal = journal
        self._channels = channels
        self._honours_keys_on = honours_keys_on
        self._misses_before_success = misses_before_success
        self._drop_client = drop
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

    async def _send(self, request: Request) -> Response:
        if self._stopping:
            # Nothing may begin to wait now: the gate will not open again.
            return _problem(503, "stopping")
        channel = self._channel(request)
        if channel is None:
            return _problem(404, "unknown_channel")
        try:
            asked = SendRequest.model_validate_json(await request.body())
        except ValidationError:
            return _problem(400, "invalid_request")
        if known := self._known(channel, asked):
            return await self._answer_again(channel, asked, known)
        return await self._behave(request, channel, asked)

    async def _behave(self, request: Request, channel: Channel, asked: SendRequest) -> Response:
        """Do what the address asks for."""
        behaviour = behaviour_for(asked.to)
        missed = self._journal.tries(channel, asked.to, asked.idempotency_key)
        misses = missed < self._misses_before_success
        match behaviour:
            case Behaviour.REFUSE:
                code = "recipient_refused"
                return _answer(await self._log(channel, asked, behaviour, refusal_code=code))
            case Behaviour.THROTTLE if misses:
                await self._log(channel, asked, behaviour)
                return _problem(429, "throttled", {"Retry-After": str(_RETRY_AFTER_SECONDS)})
            case Behaviour.FLAKY if misses:
                await self._log(channel, asked, behaviour)
                return _problem(500, "internal_error")
            case Behaviour.SWALLOW:
                await self._take(channel, asked, behaviour)
                return await self._drop(request)
            case Behaviour.VANISH:
                await self._log(channel, asked, behaviour)
                return await _until_disconnected(request)
            case Behaviour.HANG:
                taken = await self._take(channel, asked, behaviour)
                return _answer(taken) if await self._released() else await self._drop(request)
            case Behaviour.STALL:
                await self._log(channel, asked, behaviour)
                if not await self._released():
                    return await self._drop(request)
                return await self._take_late(channel, asked)
        return _answer(await self._take(channel, asked, behaviour))

    async def _released(self) -> bool:
        """Wait to be let go; false if that is because the provider stops."""
        await self._gate.wait()
        return not self._stopping

    async def _take_late(self, channel: Channel, asked: SendRequest) -> Response:
        # Another request with this key may have been let go first.
        if known := self._known(channel, asked):
            return await self._answer_again(channel, asked, known)
        return _answer(await self._take(channel, asked, Behaviour.STALL))

    async def _drop(self, request: Request) -> Response:
        if request.client is not None:
            self._drop_client((request.client.host, request.client.port))
        return await _until_disconnected(request)

    def _known(self, channel: Channel, asked: SendRequest) -> LoggedRequest | None:
        if channel not in self._honours_keys_on:
            return None
        return self._journal.answer_to(channel, asked.idempotency_key)

    async def _answer_again(
        self, channel: Channel, asked: SendRequest, known: LoggedRequest
    ) -> Response:
        await self._log(channel, asked, known.behaviour, duplicate_of_key=True)
        return _answer(known)

    async def _take(
        self, channel: Channel, asked: SendRequest, behaviour: Behaviour
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

    async def _log(
        self,
        channel: Channel,
        asked: SendRequest,
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
            return _problem(404, "unknown_channel")
        known = self._journal.answer_to(channel, request.query_params.get("idempotency_key"))
        return JSONResponse(_outcome(known)) if known else _problem(404, "unknown_key")

    async def _read_receipts(self, request: Request) -> Response:
        return _page(request, self._journal.receipts)

    async def _release(self, _request: Request) -> Response:
        self.release()
        return Response(status_code=204)

    def _channel(self, request: Request) -> Channel | None:
        name = request.path_params["channel"]
        return next((channel for channel in self._channels if channel == name), None)


def _outcome(settled: LoggedRequest) -> dict[str, str | None]:
    if settled.taken:
        return {"status": "accepted", "provider_message_id": settled.provider_message_id}
    return {"status": "refused", "code": settled.refusal_code}


def _answer(settled: LoggedRequest) -> Response:
    return JSONResponse(_outcome(settled), status_code=202 if settled.taken else 422)


def _problem(status: int, code: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"code": code}, status_code=status, headers=headers)


def _page(request: Request, entries: Sequence[Receipt]) -> Response:
    """The entries after a sequence number; sequences count from 1 without gaps."""
    after = request.query_params.get("after", "0")
    if not (after.isascii() and after.isdigit()):
        return _problem(400, "invalid_request")
    start = int(after)
    items = [e.model_dump(mode="json") for e in entries[start : start + _PAGE_SIZE]]
    return JSONResponse({"items": items, "next_after": start + len(items)})


async def _until_disconnected(request: Request) -> Response:
    """Say nothing until the client has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    # The server asks for an answer, and sends it nowhere.
    return Response(status_code=204)
