"""Requests and campaigns as JSON, from a file or from standard input."""

import difflib
import json
import sys
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar
from uuid import UUID

from pydantic import BaseModel, StrictBool, ValidationError

from contracts.base import Contract, ShortText
from contracts.campaign import OutreachCampaign
from contracts.content import MessageContent
from contracts.faults import InvalidRequestError, one_line
from contracts.recipient import RecipientProfile

M = TypeVar("M", bound=BaseModel)

#: Every channel's longest content fits several times; anything larger is the wrong file.
MAX_FILE_BYTES: Final = 10_000_000

_STDIN: Final = "-"


class SendRequest(Contract):
    """A file for `madan-sara send`; it names a saved campaign, or holds one."""

    campaign_id: UUID | None = None
    campaign: OutreachCampaign | None = None
    recipient_id: ShortText
    recipient_profile: RecipientProfile
    content: MessageContent
    force_send: StrictBool = False
    idempotency_key: ShortText | None = None


def read_send_request(path: str) -> SendRequest:
    """A request from a file, or from standard input for `-`.

    Raises:
        InvalidRequestError: it cannot be read or something is wrong with it; says what.
    """
    request = _parse(SendRequest, _read_object(path))
    if (request.campaign_id is None) == (request.campaign is None):
        raise InvalidRequestError(
            "campaign_id: give the id of a saved campaign, or a whole campaign as `campaign`; "
            f"the file has {'neither' if request.campaign is None else 'both'}"
        )
    return request


def read_campaign(path: str) -> OutreachCampaign:
    """A campaign from a file, or from standard input for `-`.

    Raises:
        InvalidRequestError: it cannot be read or something is wrong with it; says what.
    """
    return _parse(OutreachCampaign, _read_object(path))


def parse_id(text: str, name: str) -> UUID:
    """An id from the command line.

    Raises:
        InvalidRequestError: it is no UUID.
    """
    try:
        return UUID(text)
    except ValueError:
        example = "550e8400-e29b-41d4-a716-446655440000"
        raise InvalidRequestError(f"{name}: {text!r} is no UUID like {example}") from None


def parse_instant(text: str, name: str) -> datetime:
    """An instant from the command line; without an offset it is UTC.

    Raises:
        InvalidRequestError: it is no ISO 8601 time.
    """
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise InvalidRequestError(
            f"{name}: {text!r} is no ISO 8601 time; write it like 2030-05-01T09:30:00-05:00"
        ) from None


def _parse(model: type[M], document: dict[str, Any]) -> M:
    _refuse_strangers(document, model.model_fields)
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise InvalidRequestError(one_line(error)) from None


def _refuse_strangers(document: dict[str, Any], known: Iterable[str]) -> None:
    """Name an unknown field, and the one that was probably meant."""
    names = list(known)
    for stranger in document:
        if stranger not in names:
            close = difflib.get_close_matches(stranger, names, n=1)
            hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(names)}"
            raise InvalidRequestError(f"{stranger}: there is no such field; {hint}")


def _read_object(path: str) -> dict[str, Any]:
    name = "standard input" if path == _STDIN else path
    document = _decode(_read(path, name), name)
    if not isinstance(document, dict):
        raise InvalidRequestError(f"{name}: holds no JSON object; start it with {{")
    return document


def _read(path: str, name: str) -> bytes:
    try:
        if path == _STDIN:
            content = _read_limited(sys.stdin.buffer)
        else:
            with Path(path).open("rb") as file:
                content = _read_limited(file)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InvalidRequestError(f"{name}: cannot be read ({reason}); check the path") from None
    if len(content) > MAX_FILE_BYTES:
        raise InvalidRequestError(
            f"{name}: larger than {MAX_FILE_BYTES // 1_000_000} MB; is it the right file?"
        )
    return content


def _read_limited(file: BinaryIO) -> bytes:
    return file.read(MAX_FILE_BYTES + 1)


def _decode(content: bytes, name: str) -> object:
    try:
        return json.loads(
            content.decode("utf-8-sig"),
            object_pairs_hook=_without_repetition,
            parse_constant=_refuse_constant,
        )
    except json.JSONDecodeError as error:
        raise InvalidRequestError(
            f"{name}: line {error.lineno}, column {error.colno}: "
            f"no valid JSON ({error.msg}); correct it there"
        ) from None
    except UnicodeDecodeError as error:
        raise InvalidRequestError(
            f"{name}: byte {error.start + 1} is no UTF-8; save the file as UTF-8"
        ) from None
    except RecursionError:
        raise InvalidRequestError(f"{name}: nested too deeply; flatten it") from None
    except InvalidRequestError:
        raise
    except ValueError as error:  # A number with more digits than Python converts.
        raise InvalidRequestError(f"{name}: {error}") from None


def _without_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object whose names stand once; of two values, one would silently be lost."""
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise InvalidRequestError(f"{name}: given twice in one object; remove one")
        found[name] = value
    return found


def _refuse_constant(name: str) -> object:
    raise InvalidRequestError(f"{name} is no JSON number; write a number or null")
