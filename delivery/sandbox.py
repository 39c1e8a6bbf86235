"""Every channel but e-mail, handed to the sandbox provider of the development stack."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import httpx

from activities.errors import (
    AmbiguousDeliveryError,
    MisconfiguredProviderError,
    TransientDeliveryError,
)
from activities.sender import (
    Accepted,
    Call,
    CallLease,
    MessageSender,
    OutgoingMessage,
    Refused,
    SenderCapabilities,
)
from contracts.channels import Channel
from delivery.retry_after import parse_retry_after

#: The connection was never made, so nothing can have left.
_NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_LOGIN_PROBLEMS: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
#: 4xx by number, "later" by meaning.
_TRY_LATER: Final = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)
#: What a code may look like: anything else could carry the provider's prose.
_CODE: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


class SandboxSender(MessageSender):
    """Talks to the sandbox provider over HTTP.

    Args:
        base_url: address of the provider, like `http://127.0.0.1:8090`.
        channel: the channel this sender serves.
        idempotency_keys: whether the provider honours keys on this channel.
        look_up: whether it may be asked what became of a key.
        timeout_seconds: for connecting and for the answer, each.
        max_characters: longest text of the channel; None: no limit.

    Raises:
        ValueError: the address is no http or https URL.
    """

    def __init__(
        self,
        base_url: str,
        channel: Channel,
        *,
        idempotency_keys: bool,
        look_up: bool,
        timeout_seconds: float = 5.0,
        max_characters: int | None = None,
    ) -> None:
        _check_address(base_url)
        longest_call = timedelta(seconds=2 * timeout_seconds)
        self._channel = channel
        self._path = f"/v1/{channel.value}/messages"
        self._capabilities = SenderCapabilities(
            idempotency_keys=idempotency_keys,
            look_up=look_up,
            look_up_settles_after=3 * longest_call + timedelta(seconds=5),
            longest_call=longest_call,
            receipts=True,
            max_characters=max_characters,
        )
        # No proxy from the environment: the sandbox is on this machine.
        self._http = httpx.AsyncClient(base_url=base_url, timeout=timeout_seconds, trust_env=False)

    @property
    def provider(self) -> str:
        """Name of the provider, as kept with each attempt and receipt."""
        return "sandbox"

    @property
    def account(self) -> str:
        """The channel's account at the sandbox, as its outages are kept under."""
        return f"sandbox ({self._channel})"

    @property
    def capabilities(self) -> SenderCapabilities:
        """What was declared when the sender was made."""
        return self._capabilities

    def prepare(self, message: OutgoingMessage) -> Call | Refused:
        """Write one request; see `MessageSender.prepare`."""
        request = {
            "to": message.address,
            "text": message.content.text,
            "idempotency_key": message.idempotency_key,
            "message_id": str(message.message_id),
        }
        return partial(self._send, request)

    async def _send(self, request: Mapping[str, str], lease: CallLease) -> Accepted | Refused:
        lease.check()
        try:
            answer = await self._http.post(self._path, json=request)
        except _NEVER_SENT as failure:
            # Without the cause, here and below: it holds the request, and the
            # request holds the address.
            raise _unreachable(failure) from None
        except httpx.RequestError as failure:
            raise AmbiguousDeliveryError(
                f"the sandbox provider did not answer a request that was sent "
                f"({type(failure).__name__})"
            ) from None
        return _accepted(answer) if answer.is_success else _not_accepted(answer)

    async def look_up(self, idempotency_key: str) -> Accepted | Refused | None:
        """Ask what became of an earlier send; see `MessageSender.look_up`."""
        try:
            answer = await self._http.get(self._path, params={"idempotency_key": idempotency_key})
        except httpx.RequestError as failure:
            raise _unreachable(failure) from None
        body = _json_object(answer)
        # The code as well as the status: a wrong path is a 404 too, and reading it
        # as "never taken" would send the message again.
        if answer.status_code == HTTPStatus.NOT_FOUND and body.get("code") == "unknown_key":
            return None
        if answer.is_success and body.get("status") == "refused":
            return Refused(_code(answer))
        message_id = body.get("provider_message_id")
        if answer.is_success and isinstance(message_id, str):
            return Accepted(message_id)
        raise TransientDeliveryError(
            f"the sandbox provider answered a look-up with {answer.status_code}",
            _retry_after(answer),
        )

    async def close(self) -> None:
        """Give back connections."""
        await self._http.aclose()


def _check_address(url: str) -> None:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # A port that is no number, a bracket too few.
        usable = False
    if not usable:
        raise ValueError(f"sandbox_url: {url!r} is no http or https URL")


def _accepted(answer: httpx.Response) -> Accepted:
    message_id = _json_object(answer).get("provider_message_id")
    if not isinstance(message_id, str) or not message_id:
        raise AmbiguousDeliveryError(
            f"the sandbox provider answered {answer.status_code} without a provider_message_id"
        )
    return Accepted(message_id)


def _not_accepted(answer: httpx.Response) -> Refused:
    """Sort the answers that say no, now or for good."""
    status = answer.status_code
    if status in _LOGIN_PROBLEMS:
        raise MisconfiguredProviderError(
            f"the sandbox provider refuses our credentials ({status}); check them"
        )
    # The sandbox documents that 5xx means not taken. Few real providers do: there
    # it would be ambiguous.
    if status in _TRY_LATER or answer.is_server_error:
        raise TransientDeliveryError(
            f"the sandbox provider cannot take the message now ({status})", _retry_after(answer)
        )
    if answer.is_client_error:
        return Refused(_code(answer))
    raise MisconfiguredProviderError(
        f"the sandbox provider answered {status}, which is no answer to a message; "
        "check its base URL"
    )


def _unreachable(failure: httpx.RequestError) -> TransientDeliveryError:
    return TransientDeliveryError(
        f"the sandbox provider cannot be reached ({type(failure).__name__})"
    )


def _retry_after(answer: httpx.Response) -> timedelta | None:
    return parse_retry_after(answer.headers.get("Retry-After"), datetime.now(UTC))


def _code(answer: httpx.Response) -> str:
    code = _json_object(answer).get("code")
    if isinstance(code, str) and _CODE.fullmatch(code):
        return code
    return f"http_{answer.status_code}"


def _json_object(answer: httpx.Response) -> Mapping[str, object]:
    """The body as an object; empty where it is anything else."""
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
