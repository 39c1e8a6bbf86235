"""The sandbox provider's memory: requests, receipts, answers to keys."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from pydantic import TypeAdapter

from madan_sara.contracts.base import Contract
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import DeliveryEventKind
from madan_sara.emulators.sandbox.behaviour import Behaviour

#: Whether the log so far is what a caller waits for.
LogPredicate = Callable[[Sequence["LoggedRequest"]], bool]


class LoggedRequest(Contract):
    """One line of the log: what the provider was asked to send, and what it did.

    A stalled request has two lines, one when it arrives and one when it is taken.
    """

    type: Literal["request"] = "request"
    sequence: int
    channel: Channel
    to: str
    text: str
    idempotency_key: str | None
    message_id: str | None
    behaviour: Behaviour
    #: The person gets the message.
    taken: bool
    #: The key was known, so the first answer was given again.
    duplicate_of_key: bool
    at: datetime
    #: Set when taken.
    provider_message_id: str | None = None
    #: Set when refused for good.
    refusal_code: str | None = None

    @property
    def is_final(self) -> bool:
        """Whether the same answer holds for every later request with this key."""
        return self.taken or self.refusal_code is not None


class Receipt(Contract):
    """A receipt of a message that was taken."""

    type: Literal["receipt"] = "receipt"
    sequence: int
    provider_event_id: str
    provider_message_id: str
    message_id: str | None
    idempotency_key: str | None
    channel: Channel
    kind: DeliveryEventKind
    code: str | None
    occurred_at: datetime


_LINE: Final[TypeAdapter[LoggedRequest | Receipt]] = TypeAdapter(LoggedRequest | Receipt)


class Journal:
    """Log and receipts, in memory and, if a path is given, in a JSON-lines file.

    Args:
        path: file to continue or create; None: nothing outlives the process.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.requests: list[LoggedRequest] = []
        self.receipts: list[Receipt] = []
        self._answers: dict[tuple[Channel, str], LoggedRequest] = {}
        self._tries: Counter[tuple[Channel, str, str | None]] = Counter()
        self._changed = asyncio.Condition()
        self._path = path
        if path is not None:
            self._load(path)

    def answer_to(self, channel: Channel, idempotency_key: str | None) -> LoggedRequest | None:
        """The request that settled a key, if one did."""
        return self._answers.get((channel, idempotency_key)) if idempotency_key else None

    def tries(self, channel: Channel, to: str, idempotency_key: str | None) -> int:
        """How often this was asked for before."""
        return self._tries[channel, to, idempotency_key]

    async def record(self, entry: LoggedRequest | Receipt) -> None:
        """Remember an entry and wake those who wait for it."""
        # Nothing awaits before this is done: two requests with one key cannot both
        # find it unknown.
        self._remember(entry)
        self._write(entry)
        async with self._changed:
            self._changed.notify_all()

    async def wait_for(self, predicate: LogPredicate, timeout_seconds: float) -> None:
        """Return once the log satisfies a predicate.

        Raises:
            TimeoutError: it did not in time.
        """
        async with asyncio.timeout(timeout_seconds), self._changed:
            await self._changed.wait_for(lambda: predicate(self.requests))

    def _remember(self, entry: LoggedRequest | Receipt) -> None:
        if isinstance(entry, Receipt):
            self.receipts.append(entry)
            return
        self.requests.append(entry)
        self._tries[entry.channel, entry.to, entry.idempotency_key] += 1
        if entry.is_final and entry.idempotency_key:
            self._answers.setdefault((entry.channel, entry.idempotency_key), entry)

    def _write(self, entry: LoggedRequest | Receipt) -> None:
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(entry.model_dump_json() + "\n")

    def _load(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)  # It holds addresses and texts.
        content = path.read_bytes()
        # A process killed while writing leaves half a line, which is cut off so
        # that the next one starts on its own.
        complete = content[: content.rfind(b"\n") + 1]
        if complete != content:
            path.write_bytes(complete)
        for line in complete.splitlines():
            self._remember(_LINE.validate_json(line))
