"""Requests and campaigns as JSON, from a file or from standard input."""

import difflib
import json
import stat
import sys
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar
from uuid import UUID

from pydantic import BaseModel, StrictBool, TypeAdapter, ValidationError

from madan_sara.contracts.base import Contract, Instant, InstantOrDay, ShortText
from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.contracts.content import MessageContent
from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.contracts.money import Money
from madan_sara.contracts.reading import read
from madan_sara.contracts.recipient import RecipientProfile
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.contracts.violations import one_line
from madan_sara.starter import strict_json
from madan_sara.starter.campaign_check import check_campaign

M = TypeVar("M", bound=BaseModel)

#: Every channel's longest content fits several times; anything larger is the wrong file.
MAX_FILE_BYTES: Final = 10_000_000

_STDIN: Final = "-"

_MONEY: Final[TypeAdapter[Decimal]] = TypeAdapter(Money)
_INSTANT_OR_DAY: Final[TypeAdapter[datetime | date]] = TypeAdapter(InstantOrDay)


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


def read_campaign(
    path: str, defaults: OrchestratorSettings
) -> tuple[OutreachCampaign | None, list[str]]:
    """A campaign from a file, or from standard input for `-`, and its violations.

    Args:
        path: the file.
        defaults: the rules it gets if it brings none of its own.

    Returns:
        The campaign, None if it could not be read; and each violation, as `field: description`.

    Raises:
        InvalidRequestError: there is no JSON object in the file.
    """
    document = _read_object(path)
    strangers = _strangers(document, OutreachCampaign.model_fields)
    known = {name: value for name, value in document.items() if name not in strangers}
    campaign, violations = check_campaign(known, defaults)
    return None if strangers else campaign, [*strangers.values(), *violations]


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


def parse_amount(text: str, name: str) -> Decimal:
    """An amount of money from the command line.

    Raises:
        InvalidRequestError: it is no number, or none that an amount of money may be.
    """
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = None
    if amount is None or not amount.is_finite():
        raise InvalidRequestError(f"{name}: {text!r} is no amount; write it like 1000 or 99.50")
    return read(_MONEY, amount, name)


def parse_instant(text: str, name: str) -> datetime:
    """An instant from the command line; without an offset it is UTC.

    Raises:
        InvalidRequestError: it is no ISO 8601 time.
    """
    return read(Instant, text, name)


def parse_instant_or_day(text: str, name: str) -> datetime | date:
    """An instant from the command line, or a day without a time.

    Raises:
        InvalidRequestError: it is neither in ISO 8601.
    """
    return read(_INSTANT_OR_DAY, text, name)


def _parse(model: type[M], document: dict[str, Any]) -> M:
    for violation in _strangers(document, model.model_fields).values():
        raise InvalidRequestError(violation)
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise InvalidRequestError(one_line(error)) from None


def _strangers(document: Mapping[str, object], known: Iterable[str]) -> dict[str, str]:
    """Unknown fields, each with the violation that names the field that was probably meant."""
    names = list(known)
    violations = {}
    for stranger in document:
        if stranger in names:
            continue
        close = difflib.get_close_matches(stranger, names, n=1)
        hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(names)}"
        violations[stranger] = f"{stranger}: there is no such field; {hint}"
    return violations


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
            _require_file(Path(path))
            with Path(path).open("rb") as file:
                content = _read_limited(file)
    except InvalidRequestError:
        raise
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise InvalidRequestError(f"{name}: cannot be read ({reason}); check the path") from None
    if len(content) > MAX_FILE_BYTES:
        raise InvalidRequestError(
            f"{name}: larger than {MAX_FILE_BYTES // 1_000_000} MB; is it the right file?"
        )
    return content


def _require_file(path: Path) -> None:
    """Refuse what could keep a reader waiting for ever, like a pipe without a writer."""
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise InvalidRequestError(
            f"{path}: is no regular file; name one, or - to read standard input"
        )


def _read_limited(file: BinaryIO) -> bytes:
    return file.read(MAX_FILE_BYTES + 1)


def _decode(content: bytes, name: str) -> object:
    try:
        return strict_json.loads(content.decode("utf-8-sig"))
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
    except InvalidRequestError as error:
        raise InvalidRequestError(f"{name}: {error}") from None
