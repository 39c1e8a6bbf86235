"""The sandbox provider's valid answers to a message."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from starlette.responses import JSONResponse, Response

from madan_sara.emulators.sandbox.behaviour import Behaviour
from madan_sara.emulators.sandbox.journal import LoggedRequest

_SOON_SECONDS: Final = 1
_TEN_YEARS_SECONDS: Final = 10 * 365 * 24 * 60 * 60


@dataclass(frozen=True)
class PutOff:
    """An answer that says: not now."""

    status: int
    code: str
    retry_after_seconds: int | None = None
    #: Said as often as the provider misses, then the message is accepted; else every time.
    at_first: bool = True

    def response(self) -> Response:
        """The answer itself."""
        return problem(self.status, self.code, self.retry_after_seconds)


#: The behaviours that put a message off.
PUT_OFF: Final[Mapping[Behaviour, PutOff]] = MappingProxyType(
    {
        Behaviour.THROTTLE: PutOff(429, "throttled", _SOON_SECONDS),
        Behaviour.BUSY: PutOff(409, "recipient_busy", _SOON_SECONDS),
        Behaviour.FLAKY: PutOff(500, "internal_error"),
        Behaviour.YEARS: PutOff(503, "maintenance", _TEN_YEARS_SECONDS, at_first=False),
    }
)


def outcome(settled: LoggedRequest) -> dict[str, str | None]:
    """The result of a message, as the answer to it and to a look-up."""
    key = settled.idempotency_key
    if settled.taken:
        message_id = settled.provider_message_id
        return {"status": "accepted", "provider_message_id": message_id, "idempotency_key": key}
    return {"status": "refused", "code": settled.refusal_code, "idempotency_key": key}


def answer(settled: LoggedRequest) -> Response:
    """The answer to a message that was taken, or refused for good."""
    return JSONResponse(outcome(settled), status_code=202 if settled.taken else 422)


def problem(status: int, code: str, retry_after_seconds: int | None = None) -> Response:
    """An answer that is no outcome of a message."""
    headers = {} if retry_after_seconds is None else {"Retry-After": str(retry_after_seconds)}
    return JSONResponse({"code": code}, status_code=status, headers=headers)
