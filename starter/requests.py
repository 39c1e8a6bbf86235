"""From a caller's arguments to a stored request: checked as a whole, or refused."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from uuid import uuid4

from pydantic import BaseModel, TypeAdapter, ValidationError

from madan_sara.contracts.base import ShortText
from madan_sara.contracts.campaign import Campaign, OutreachCampaign
from madan_sara.contracts.content import MessageContent
from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.contracts.recipient import RecipientProfile
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.contracts.violations import listed, one_line, quoted, refusal
from madan_sara.persistence.messages import NewMessage
from madan_sara.policy.templates import check_content
from madan_sara.starter.campaign_check import check_campaign
from madan_sara.starter.digests import request_digest

M = TypeVar("M", bound=BaseModel)

#: Longest list `send_batch` answers for one by one; a longer one becomes its campaign's
#: queue.
LONGEST_ANSWERED_BATCH = 1_000

_SHORT_TEXT: TypeAdapter[str] = TypeAdapter(ShortText)


def parse(model: type[M], value: object, field: str) -> M:
    """A model from a caller's argument.

    Raises:
        InvalidRequestError: every violation, each naming its field, in one line.
    """
    try:
        return model.model_validate(dict(value) if isinstance(value, Mapping) else value)
    except (ValidationError, RecursionError) as error:
        raise InvalidRequestError(refusal(error, root=field)) from None


def new_message(
    campaign: Campaign,
    recipient_id: str,
    recipient_profile: RecipientProfile | Mapping[str, Any],
    content: MessageContent | Mapping[str, Any],
    *,
    force_send: bool = False,
    idempotency_key: str | None = None,
) -> NewMessage:
    """Check a request and give it its id.

    Raises:
        InvalidRequestError: something is wrong with it; says what, of which field.
    """
    if not isinstance(force_send, bool):
        raise InvalidRequestError(f"force_send: must be true or false, not {quoted(force_send)}")
    recipient = _short_text(recipient_id, "recipient_id")
    profile = parse(RecipientProfile, recipient_profile, "recipient_profile")
    body = parse(MessageContent, content, "content")
    violations = check_content(body, profile, campaign.channels)
    if violations:
        raise InvalidRequestError(listed(violations))
    message_id = uuid4()
    key = str(message_id) if idempotency_key is None else idempotency_key
    return NewMessage(
        message_id=message_id,
        campaign=campaign,
        recipient_id=recipient,
        profile=profile,
        content=body,
        force_send=force_send,
        idempotency_key=_short_text(key, "idempotency_key"),
        request_digest=request_digest(
            campaign.id, recipient, profile, body.digest(), force_send=force_send
        ),
    )


def new_batch(
    campaign: Campaign,
    recipients: Sequence[Mapping[str, Any]],
    content: MessageContent | Mapping[str, Any],
    *,
    force_send: bool = False,
) -> list[NewMessage]:
    """Check a list of recipients, each a profile with an `id`.

    Raises:
        InvalidRequestError: any of them is wrong; nothing of the list may be stored then.
    """
    if not isinstance(recipients, Sequence) or isinstance(recipients, str | bytes):
        raise InvalidRequestError("recipients: must be a list of profiles, each with an id")
    messages, violations = [], []
    for position, recipient in enumerate(recipients):
        try:
            recipient_id, profile = _taken_apart(recipient)
            messages.append(
                new_message(campaign, recipient_id, profile, content, force_send=force_send)
            )
        except InvalidRequestError as error:
            violations.append(f"recipients.{position}: {error}")
    if violations:
        raise InvalidRequestError(listed(violations))
    return messages


def unreachable_warnings(campaign: Campaign, messages: Sequence[NewMessage]) -> list[str]:
    """A warning that some of a long list cannot be reached: its answer names none of them."""
    lost = sum(
        not message.profile.contact_info.is_reachable_on(campaign.channels) for message in messages
    )
    if not lost:
        return []
    warning = (
        f"recipients: {lost:,} of {len(messages):,} have no address on any of the campaign's "
        f"channels ({', '.join(campaign.channels)}); they get nothing and end as failed, "
        "no_viable_channel"
    )
    return [warning]


def checked_campaign(
    campaign: OutreachCampaign, defaults: OrchestratorSettings | None = None
) -> Campaign:
    """A campaign, complete and free of contradictions.

    Args:
        campaign: the campaign; changed in place, its fields may hold anything.
        defaults: the rules it gets if it brings none of its own.

    Raises:
        InvalidRequestError: every violation at once.
    """
    given = dict(campaign.__dict__)
    checked = check_campaign(given, defaults or OrchestratorSettings())
    if checked.complete is None or checked.violations:
        raise InvalidRequestError(
            listed(f"campaign.{violation}" for violation in checked.violations)
        )
    return checked.complete


def _taken_apart(recipient: object) -> tuple[str, dict[str, Any]]:
    """A recipient's id and profile."""
    if not isinstance(recipient, Mapping):
        raise InvalidRequestError("must be a profile with an id")
    profile = dict(recipient)
    return _short_text(profile.pop("id", None), "id"), profile


def _short_text(value: object, field: str) -> str:
    try:
        return _SHORT_TEXT.validate_python(value, strict=True)
    except ValidationError as error:
        raise InvalidRequestError(one_line(error, root=field)) from None
