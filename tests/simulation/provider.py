"""A provider that refuses, is busy, loses answers, is slow, and reports late and twice."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import TYPE_CHECKING, Final
from uuid import UUID

from madan_sara.activities.sender import (
    Accepted,
    Call,
    CallLease,
    OutgoingMessage,
    Refused,
    SenderCapabilities,
)
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import DeliveryEventKind
from madan_sara.contracts.errors import (
    AmbiguousDeliveryError,
    MisconfiguredProviderError,
    ProviderUnavailableError,
    TransientDeliveryError,
)
from tests.simulation.activity_run import CURRENT_RUN

if TYPE_CHECKING:
    from tests.simulation.life import Life


class Manner(Enum):
    """What a provider does with one call, besides taking it."""

    REFUSES = auto()
    REFUSES_FOR_GOOD = auto()
    PUTS_OFF = auto()
    PUTS_OFF_FOR = auto()
    IS_BUSY = auto()
    IS_AWAY = auto()
    REFUSES_SETTINGS = auto()
    TAKES_AND_LOSES_ANSWER = auto()
    LOSES_CALL = auto()
    TAKES_SLOWLY = auto()
    TAKES_TOO_SLOWLY = auto()
    TAKES_LATE = auto()
    ANSWERS_LATE = auto()
    FAILS_UNFORESEEN = auto()
    WORKER_DIES_TAKEN = auto()
    WORKER_DIES_UNTAKEN = auto()
    WORKER_STOPS_TAKEN = auto()
    WORKER_STOPS_UNTAKEN = auto()


#: What is reported of a message that was taken, and how many seconds after.
_REPORTS: Final = (
    ((DeliveryEventKind.DELIVERED, 5.0),),
    ((DeliveryEventKind.BOUNCED, 0.0),),
    ((DeliveryEventKind.BOUNCED, 30.0),),
    ((DeliveryEventKind.BOUNCED, 1_500.0),),
    ((DeliveryEventKind.BOUNCED, 90_000.0),),
    ((DeliveryEventKind.BOUNCED, 60.0), (DeliveryEventKind.DELIVERED, 40.0)),
    ((DeliveryEventKind.DELIVERED, 40.0), (DeliveryEventKind.BOUNCED, 60.0)),
    ((DeliveryEventKind.OPENED, 10.0), (DeliveryEventKind.DELIVERED, 20.0)),
    ((DeliveryEventKind.UNSUBSCRIBED, 100.0),),
    ((DeliveryEventKind.COMPLAINED, 0.0),),
    ((DeliveryEventKind.UNKNOWN, 1.0), (DeliveryEventKind.BOUNCED, 20.0)),
)

_MANNERS: Final = tuple(Manner)
#: Of so many calls one has a manner of each kind; of takings, a report of each kind.
_CALLS: Final = 45
_TAKINGS: Final = 30
#: How long a machine is suspended in a call.
_STOPPED: Final = (12.0, 25.0, 60.0)


@dataclass(frozen=True)
class Taking:
    """A message that a provider took: its recipient has it."""

    key: str
    message_id: UUID
    channel: Channel
    address: str
    at: datetime


class SimulatedProvider:
    """A `MessageSender` to a provider that does what the draws say.

    Args:
        life: what it is part of.
        channel: what it serves.
        capabilities: what it can do.
    """

    provider = "simulated"

    def __init__(self, life: "Life", channel: Channel, capabilities: SenderCapabilities) -> None:
        self.account = f"{channel} account"
        self.capabilities = capabilities
        self._life = life
        self._draws = life.draws
        self._channel = channel
        #: What is known of a key: what was said to its call.
        self._known: dict[str, Accepted | Refused] = {}
        #: What it takes late, and when, by the loop's time.
        self._late: list[tuple[float, OutgoingMessage]] = []

    def prepare(self, message: OutgoingMessage) -> Call | Refused:
        async def call(lease: CallLease) -> Accepted | Refused:
            return await self._call(message, lease)

        return call

    async def look_up(self, idempotency_key: str) -> Accepted | Refused | None:
        self._life.step("look up")
        if self._draws.one_in(12):
            raise ProviderUnavailableError("away")
        if self._draws.one_in(20):
            await asyncio.sleep(4.5)
        self._take_what_is_late()
        known = self._known.get(idempotency_key)
        self._life.tell(
            "  %s: the look-up of %s finds %s", self._channel, idempotency_key[-2:], known
        )
        return known

    async def close(self) -> None:
        return None

    async def _call(self, message: OutgoingMessage, lease: CallLease) -> Accepted | Refused:
        self._life.step("call")
        manner = self._draws.rarely(_CALLS, _MANNERS)
        lease.check()
        self._life.checks.before_call(message)
        self._life.tell(
            "  %s is called for %s: %s", self._channel, message.idempotency_key[-2:], manner
        )
        if manner is None:
            return self._take(message)
        return await _ANSWERS[manner](self, message)

    # What a call comes to

    def _take(self, message: OutgoingMessage) -> Accepted | Refused:
        """Take a message; the same key a second time only where keys mean nothing to it."""
        key = message.idempotency_key
        if key in self._known and self.capabilities.idempotency_keys:
            return self._known[key]
        self._known[key] = Accepted(f"id-{len(self._known)}")
        taking = Taking(
            key, message.message_id, self._channel, message.address, self._life.loop.now()
        )
        self._life.checks.after_taking(taking)
        for kind, seconds in self._draws.rarely(_TAKINGS, _REPORTS) or ():
            self._life.report_later(taking, kind, seconds)
        return self._known[key]

    def _refuse(self, message: OutgoingMessage, code: str) -> Refused:
        """Say no, which takes nothing back that was taken before."""
        refusal = Refused(code)
        self._known.setdefault(message.idempotency_key, refusal)
        return refusal

    async def _refuses(self, message: OutgoingMessage) -> Accepted | Refused:
        return self._known_or(message, lambda: self._refuse(message, "blocked"))

    async def _refuses_for_good(self, message: OutgoingMessage) -> Accepted | Refused:
        return self._known_or(message, lambda: self._refuse(message, "5.1.1"))

    def _known_or(
        self, message: OutgoingMessage, answer: Callable[[], Accepted | Refused]
    ) -> Accepted | Refused:
        """What was said before, where keys are honoured."""
        known = self._known.get(message.idempotency_key)
        return known if known and self.capabilities.idempotency_keys else answer()

    async def _puts_off(self, message: OutgoingMessage) -> Accepted | Refused:
        raise TransientDeliveryError("greylisted")

    async def _puts_off_for(self, message: OutgoingMessage) -> Accepted | Refused:
        raise TransientDeliveryError("mailbox full", timedelta(minutes=50))

    async def _is_busy(self, message: OutgoingMessage) -> Accepted | Refused:
        raise ProviderUnavailableError("busy", timedelta(seconds=30))

    async def _is_away(self, message: OutgoingMessage) -> Accepted | Refused:
        raise ProviderUnavailableError("away")

    async def _refuses_settings(self, message: OutgoingMessage) -> Accepted | Refused:
        raise MisconfiguredProviderError("wrong password")

    async def _takes_and_loses_answer(self, message: OutgoingMessage) -> Accepted | Refused:
        self._take(message)
        raise AmbiguousDeliveryError

    async def _loses_call(self, message: OutgoingMessage) -> Accepted | Refused:
        raise AmbiguousDeliveryError

    async def _takes_slowly(self, message: OutgoingMessage) -> Accepted | Refused:
        await asyncio.sleep(20)
        return self._take(message)

    async def _takes_too_slowly(self, message: OutgoingMessage) -> Accepted | Refused:
        self._take(message)
        await asyncio.sleep(self.capabilities.longest_call.total_seconds() + 1)
        raise AmbiguousDeliveryError

    async def _takes_late(self, message: OutgoingMessage) -> Accepted | Refused:
        """Take it after its caller has given up, but before a look-up counts."""
        late = self.capabilities.longest_call.total_seconds() + 30
        self._late.append((self._life.loop.time() + late, message))
        self._life.loop.call_later(late, self._take_what_is_late)
        await asyncio.sleep(late)
        raise AmbiguousDeliveryError

    def _take_what_is_late(self) -> None:
        """Take what is due: it does not stand still with the machines that call it."""
        now = self._life.loop.time() + 0.001  # A loop is not exact.
        due = [message for at, message in self._late if at <= now]
        self._late = [(at, message) for at, message in self._late if at > now]
        for message in due:
            self._take(message)

    async def _answers_late(self, message: OutgoingMessage) -> Accepted | Refused:
        answer = self._take(message)
        await asyncio.sleep(12)
        return answer

    async def _fails_unforeseen(self, message: OutgoingMessage) -> Accepted | Refused:
        self._take(message)
        raise ValueError("a sender's own fault")

    async def _worker_dies_taken(self, message: OutgoingMessage) -> Accepted | Refused:
        self._take(message)
        return await self._worker_dies_untaken(message)

    async def _worker_dies_untaken(self, message: OutgoingMessage) -> Accepted | Refused:
        run = CURRENT_RUN.get()
        assert run is not None
        run.die()

    async def _worker_stops_taken(self, message: OutgoingMessage) -> Accepted | Refused:
        """The answer comes while the machine is suspended; it is read when that ends."""
        answer = self._take(message)
        _lose_worker()
        await asyncio.sleep(self._draws.pick(_STOPPED))
        return answer

    async def _worker_stops_untaken(self, message: OutgoingMessage) -> Accepted | Refused:
        _lose_worker()
        await asyncio.sleep(self._draws.pick(_STOPPED))
        return self._known_or(message, lambda: self._refuse(message, "blocked"))


def _lose_worker() -> None:
    run = CURRENT_RUN.get()
    if run is not None:
        run.worker_is_lost()


_ANSWERS: Final = {
    Manner.REFUSES: SimulatedProvider._refuses,
    Manner.REFUSES_FOR_GOOD: SimulatedProvider._refuses_for_good,
    Manner.PUTS_OFF: SimulatedProvider._puts_off,
    Manner.PUTS_OFF_FOR: SimulatedProvider._puts_off_for,
    Manner.IS_BUSY: SimulatedProvider._is_busy,
    Manner.IS_AWAY: SimulatedProvider._is_away,
    Manner.REFUSES_SETTINGS: SimulatedProvider._refuses_settings,
    Manner.TAKES_AND_LOSES_ANSWER: SimulatedProvider._takes_and_loses_answer,
    Manner.LOSES_CALL: SimulatedProvider._loses_call,
    Manner.TAKES_SLOWLY: SimulatedProvider._takes_slowly,
    Manner.TAKES_TOO_SLOWLY: SimulatedProvider._takes_too_slowly,
    Manner.TAKES_LATE: SimulatedProvider._takes_late,
    Manner.ANSWERS_LATE: SimulatedProvider._answers_late,
    Manner.FAILS_UNFORESEEN: SimulatedProvider._fails_unforeseen,
    Manner.WORKER_DIES_TAKEN: SimulatedProvider._worker_dies_taken,
    Manner.WORKER_DIES_UNTAKEN: SimulatedProvider._worker_dies_untaken,
    Manner.WORKER_STOPS_TAKEN: SimulatedProvider._worker_stops_taken,
    Manner.WORKER_STOPS_UNTAKEN: SimulatedProvider._worker_stops_untaken,
}
