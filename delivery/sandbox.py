"""Every channel but e-mail, handed to the sandbox provider of the development stack."""

import json
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from madan_sara.activities.sender import (
    Accepted,
    Call,
    CallLease,
    MessageSender,
    OutgoingMessage,
    Refused,
    SenderCapabilities,
    as_code,
    as_provider_id,
)
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.errors import (
    AmbiguousDeliveryError,
    MisconfiguredProviderError,
    ProviderUnavailableError,
    TransientDeliveryError,
)
from madan_sara.delivery.http_client import HttpAnswer, HttpClient

#: Statuses with which our account, or a gateway before it, is refused for all messages.
_ACCOUNT_PROBLEMS: Final = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.PAYMENT_REQUIRED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
    }
)
#: Not taken, later perhaps: by their meaning in HTTP, from any server.
_TRY_LATER: Final = frozenset(
    {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.SERVICE_UNAVAILABLE,
    }
)
#: Codes of the sandbox: this recipient is put off, others are served.
_PUT_OFF: Final = frozenset({"recipient_busy"})
#: The sandbox serves other channels: our settings are wrong, not the message.
_WRONG_URL: Final = frozenset({"unknown_channel"})


class SandboxSender(MessageSender):
    """Talks to the sandbox provider over HTTP.

    An answer counts as the sandbox's only in its own form, a JSON object with an id or a code:
    the page of another server at that address says nothing of a message.

    Args:
        base_url: address of the provider, like `http://127.0.0.1:8090`.
        channel: the channel this sender serves.
        idempotency_keys: whether the provider honours keys on this channel.
        look_up: whether it may be asked for the result of a key.
        timeout_seconds: for a whole call, from connecting to the end of the answer.
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
        longest_call = timedelta(seconds=timeout_seconds)
        try:
            self._http = HttpClient(
                base_url, provider="the sandbox provider", longest_call=longest_call
            )
        except ValueError as error:
            raise ValueError(f"sandbox_url: {error}") from None
        parts = urlsplit(base_url)
        self._account = f"sandbox {parts.hostname}:{parts.port or parts.scheme} ({channel})"
        self._path = f"/v1/{channel.value}/messages"
        self._capabilities = SenderCapabilities(
            idempotency_keys=idempotency_keys,
            look_up=look_up,
            # A request given up may still be on its way, or wait in the queue of a provider
            # that was stopped for as long as a call lasts. What the sandbox holds back itself
            # it knows as pending, however long that takes.
            look_up_settles_after=3 * longest_call + timedelta(seconds=2),
            longest_approach=longest_call,
            longest_call=longest_call,
            receipts=True,
            max_characters=max_characters,
        )

    @property
    def provider(self) -> str:
        """Name of the provider, as kept with each attempt and receipt."""
        return "sandbox"

    @property
    def account(self) -> str:
        """The channel's account at the sandbox, as its outages are kept under."""
        return self._account

    @property
    def capabilities(self) -> SenderCapabilities:
        """The capabilities declared when the sender was made."""
        return self._capabilities

    def prepare(self, message: OutgoingMessage) -> Call | Refused:
        """Write one request; see `MessageSender.prepare`."""
        request = {
            "to": message.address,
            "text": message.content.text,
            "idempotency_key": message.idempotency_key,
            "message_id": str(message.message_id),
        }
        return partial(self._send, message, json.dumps(request).encode("ascii"))

    async def _send(
        self, message: OutgoingMessage, request: bytes, lease: CallLease
    ) -> Accepted | Refused:
        answer = await self._http.hand_over(self._path, request, lease)
        if not _is_about(answer, message.idempotency_key):
            raise AmbiguousDeliveryError("the sandbox provider answered about another message")
        if answer.is_success:
            return _accepted(answer, message.idempotency_key)
        return _not_accepted(answer, message.address)

    async def look_up(self, idempotency_key: str) -> Accepted | Refused | None:
        """Ask for the result of an earlier send; see `MessageSender.look_up`."""
        answer = await self._http.ask(self._path, idempotency_key=idempotency_key)
        content = answer.content if _is_about(answer, idempotency_key) else {}
        # The code as well as the status: a wrong path is a 404 too, and reading it
        # as "never taken" would send the message again.
        if answer.status == HTTPStatus.NOT_FOUND and content.get("code") == "unknown_key":
            return None
        if answer.is_success and content.get("status") == "refused":
            return Refused(as_code(content.get("code")) or "refused")
        if answer.is_success and content.get("provider_message_id"):
            return _accepted(answer, idempotency_key)
        raise _no_outcome(answer)

    async def close(self) -> None:
        """Nothing to give back: a connection ends with its call."""


def _is_about(answer: HttpAnswer, idempotency_key: str) -> bool:
    """Whether an answer is about this key, if it names one."""
    return answer.content.get("idempotency_key", idempotency_key) == idempotency_key


def _accepted(answer: HttpAnswer, idempotency_key: str) -> Accepted:
    """Taken, under the provider's id, or under the key where that id cannot be kept.

    What was taken stays taken, whatever its id looks like: sent again it would be a second
    message.
    """
    given = answer.content.get("provider_message_id")
    if not given:
        raise AmbiguousDeliveryError(
            f"the sandbox provider answered {answer.status} without a provider_message_id"
        )
    return Accepted(as_provider_id(given) or idempotency_key)


def _not_accepted(answer: HttpAnswer, address: str) -> Refused:
    """Sort the answers that say no, now or for good, or nothing at all."""
    status, said = answer.status, answer.content.get("code")
    is_its_own = isinstance(said, str)
    code = as_code(said, about=address) or f"http_{status}"
    if is_its_own and said in _PUT_OFF:
        raise TransientDeliveryError(
            f"the sandbox provider puts the recipient off ({status})",
            answer.retry_after,
            code=said,
        )
    # The sandbox documents that its 5xx mean not taken. One that is not its own is some
    # gateway's, which knows nothing of what was taken behind it.
    if status in _TRY_LATER or (500 <= status < 600 and is_its_own):
        raise ProviderUnavailableError(
            f"the sandbox provider takes nothing now ({status})", answer.retry_after, code=code
        )
    if status in _ACCOUNT_PROBLEMS:
        raise MisconfiguredProviderError(
            f"the sandbox provider refuses our credentials ({status}); check them"
        )
    if 400 <= status < 500 and is_its_own and said not in _WRONG_URL:
        return Refused(code)
    # A "see other" may follow a message that was taken.
    if 300 <= status < 500 and status != HTTPStatus.SEE_OTHER:
        raise MisconfiguredProviderError(
            f"the sandbox provider answered {status}, which is no answer of its own; "
            "check its base URL"
        )
    raise AmbiguousDeliveryError(
        f"the sandbox provider answered {status}, which does not say whether the message was taken"
    )


def _no_outcome(
    answer: HttpAnswer,
) -> TransientDeliveryError | ProviderUnavailableError | MisconfiguredProviderError:
    """Why a look-up has found nothing."""
    status = answer.status
    said = f"the sandbox provider answered a look-up with {status}"
    if answer.is_success:  # It has no outcome yet, or none we can read.
        return TransientDeliveryError(said, answer.retry_after, code="no_outcome")
    if status in _TRY_LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ProviderUnavailableError(said, answer.retry_after)
    return MisconfiguredProviderError(f"{said}; check its base URL and our credentials")
