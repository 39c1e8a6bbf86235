"""The actions of commands, once their arguments are read.

Every function here checks its arguments at once and returns an action: the part that
needs the database and Temporal.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar
from uuid import UUID, uuid4

from rich.console import RenderableType

from madan_sara.cli import views
from madan_sara.cli.asking import confirm
from madan_sara.cli.request_file import (
    SendRequest,
    parse_id,
    parse_instant,
    read_campaign,
    read_send_request,
)
from madan_sara.contracts.campaign import FINAL_STATUSES, CampaignStatus, OutreachCampaign
from madan_sara.contracts.errors import InvalidRequestError, NotFoundError, UnreachableError
from madan_sara.contracts.limit_changes import LimitChange, limit_changes, render_changes
from madan_sara.contracts.outreach import UNSENT_STATES, OutreachState
from madan_sara.contracts.violations import listed
from madan_sara.starter.answers import SendResult
from madan_sara.starter.campaign_summary import campaign_warnings
from madan_sara.starter.connecting import outages_explained
from madan_sara.starter.environment import tenant_settings
from madan_sara.starter.message_status import message_status_document
from madan_sara.starter.orchestrator import OutreachOrchestrator
from madan_sara.starter.queued_texts import TextsRenewed

T = TypeVar("T")


@dataclass(frozen=True)
class Reply:
    """A command's answer: for programs, for people, and for the shell."""

    document: dict[str, Any]
    #: None: it was shown while the command ran.
    view: RenderableType | None
    #: Whether the message, if it is about one, is or may still be sent.
    stands: bool = True
    #: Violations of the arguments.
    violations: Sequence[str] = ()


Action = Callable[[OutreachOrchestrator], Awaitable[Reply]]


async def execute(action: Action) -> Reply:
    """Connect and carry an action out."""
    with outages_explained():
        async with await OutreachOrchestrator.connect() as orchestrator:
            return await action(orchestrator)


def send(path: str, *, wait_seconds: int) -> Action:
    """Send the request of a file; the answer is the decision."""
    request = read_send_request(path)
    # A key of our own, so that asking again after a lost answer cannot send twice.
    key = request.idempotency_key or str(uuid4())

    async def action(orchestrator: OutreachOrchestrator) -> Reply:
        campaign = _campaign_of(request)
        sending = orchestrator.send_outreach(
            campaign,
            request.recipient_id,
            request.recipient_profile,
            request.content,
            force_send=request.force_send,
            idempotency_key=key,
        )
        result = await _decided(
            sending, wait_seconds, f'the request is kept: repeat it with "idempotency_key": "{key}"'
        )
        campaign_id = campaign.id if isinstance(campaign, OutreachCampaign) else campaign
        return _sent({"campaign_id": str(campaign_id), **result}, result)

    return action


def status(message_id: str) -> Action:
    """A message's status."""
    message = parse_id(message_id, "MESSAGE_ID")

    async def action(orchestrator: OutreachOrchestrator) -> Reply:
        status = await orchestrator.get_message_status(message)
        stands = status.state not in UNSENT_STATES and status.lost is None
        return Reply(message_status_document(status), views.status_view(status), stands)

    return action


def explain(message_id: str) -> Action:
    """The reasons for a message's channel, time and price, or why it is not sent."""
    message = parse_id(message_id, "MESSAGE_ID")

    async def action(orchestrator: OutreachOrchestrator) -> Reply:
        explanation = await orchestrator.explain(message)
        return Reply(dict(explanation), views.explanation_view(explanation))

    return action


def cancel(message_id: str) -> Action:
    """Withdraw a message."""
    message = parse_id(message_id, "MESSAGE_ID")

    async def action(orchestrator: OutreachOrchestrator) -> Reply:
        await orchestrator.cancel(message)
        document = {"message_id": message, "cancel_requested": True}
        text = f"Message {message} is being withdrawn; `madan-sara status {message}` shows the end."
        return Reply(document, text)

    return action


def reschedule(message_id: str, at: str, *, wait_seconds: int) -> Action:
    """Move a message that is asleep to another time."""
    message = parse_id(message_id, "MESSAGE_ID")
    moment = parse_instant(at, "ISO_TIME")

    async def action(orchestrator: OutreachOrchestrator) -> Reply:
        await orchestrator.get_message(message)
        moving = orchestrator.reschedule(message, moment)
        result = await _decided(moving, wait_seconds, "the message may still be moved")
        return _sent(dict(result), result)

    return action


def fallback(message_id: str, *, wait_seconds: int) -> Action:
    """Carry a message on, on its next channel."""
    message = parse_id(message_id, "MESSAGE_ID")

    async def action(orchestrator: OutreachOrchestrator) -> Reply:
        await orchestrator.get_message(message)
        moving = orchestrator.process_fallback(message)
        result = await _decided(moving, wait_seconds, "the message may still be moved")
        return _sent(dict(result), result)

    return action


def save_campaign(path: str, *, yes: bool) -> Action:
    """Store the campaign of a file; changed limits are asked about."""
    defaults = tenant_settings()
    campaign, violations = read_campaign(path, defaults)
    if campaign is None:
        raise InvalidRequestError(listed(violations))

    async def action(orchestrator: OutreachOrchestrator) -> Reply:
        saved = await _saved(orchestrator, campaign.id)
        # Contradictions are looked for once it has the fields it keeps of the saved one.
        complete = campaign if saved is None else _completed(campaign, saved)
        changes = {} if saved is None else limit_changes(saved, complete)
        if changes:
            question = f"Campaign {complete.name} gets other limits: {render_changes(changes)}."
            await confirm(question, yes=yes)
        done = await orchestrator.save_campaign(complete)
        stored = await orchestrator.get_campaign(complete.id)
        reply = with_closed(saved_reply(stored, changes, given=complete.status), done.closed)
        return with_texts(reply, done.texts, campaign_warnings(complete, defaults))

    return action


def _campaign_of(request: SendRequest) -> OutreachCampaign | UUID:
    if request.campaign is not None:
        return request.campaign
    if request.campaign_id is None:
        raise InvalidRequestError("campaign_id: missing; give the id of a saved campaign")
    return request.campaign_id


async def _saved(orchestrator: OutreachOrchestrator, campaign_id: UUID) -> OutreachCampaign | None:
    try:
        return await orchestrator.get_campaign(campaign_id)
    except NotFoundError:
        return None


def _completed(campaign: OutreachCampaign, saved: OutreachCampaign) -> OutreachCampaign:
    """A campaign whose file leaves out status or start keeps those it was saved with."""
    kept = {"status", "start_date"} - campaign.model_fields_set
    complete = campaign.model_copy(update={name: getattr(saved, name) for name in kept})
    complete.follow(saved)
    return complete


async def _decided(deciding: Coroutine[Any, Any, T], wait_seconds: int, meanwhile: str) -> T:
    """Wait for a worker's answer, but not forever: without a worker there is none."""
    try:
        async with asyncio.timeout(wait_seconds):
            return await deciding
    except TimeoutError:
        raise UnreachableError(
            f"no worker has answered within {wait_seconds} s; {meanwhile}"
        ) from None


def _sent(document: dict[str, Any], result: SendResult) -> Reply:
    stands = OutreachState(result["status"]) not in UNSENT_STATES
    return Reply(document, views.decision_view(result, document.get("campaign_id")), stands)


def saved_reply(
    stored: OutreachCampaign, changes: Mapping[str, LimitChange], *, given: CampaignStatus
) -> Reply:
    """The reply about a saved campaign.

    Args:
        stored: as it is stored.
        changes: its changed limits, as they were before.
        given: the status of its file; refused where the stored one is final.
    """
    document = {
        "campaign_id": stored.id,
        "campaign_status": stored.status,
        "limits_changed": {name: change._asdict() for name, change in changes.items()},
    }
    is_ = "is" if stored.status is given else "stays"
    text = f'Campaign {stored.id} "{stored.name}" is saved; it {is_} {stored.status}'
    text += ", which is final." if stored.status in FINAL_STATUSES else "."
    if changes:
        text += f"\nChanged limits: {render_changes(changes)}."
    return Reply(document, text)


def with_closed(reply: Reply, closed: int) -> Reply:
    """A campaign's reply with the sends that its earlier end has closed."""
    document = {**reply.document, "closed_behind_end": closed}
    if not closed:
        return replace(reply, document=document)
    sends = "send was" if closed == 1 else "sends were"
    text = f"{closed:,} {sends} planned behind the new end, and closed as blocked, expired."
    return replace(reply, document=document, view=f"{reply.view}\n{text}")


def with_texts(reply: Reply, texts: TextsRenewed, warnings: Sequence[str]) -> Reply:
    """A campaign's reply with the texts of queued recipients."""
    document = {
        **reply.document,
        "texts_renewed": texts.renewed,
        "texts_kept": texts.kept,
        "texts_kept_because": list(texts.violations),
        "warnings": list(warnings),
    }
    text = [str(reply.view)]
    if texts.renewed:
        text.append(f"{_queued(texts.renewed, 'gets', 'get')} the new text.")
    if texts.kept:
        text.append(
            f"{_queued(texts.kept, 'keeps', 'keep')} the old text, because the new one cannot be "
            f"filled in for them: {'; '.join(texts.violations)}. Change it and save again, or they "
            "are sent the old one."
        )
    text += [f"Mind {warning}." for warning in warnings]
    return replace(reply, document=document, view="\n".join(text))


def _queued(count: int, one: str, many: str) -> str:
    return f"{count:,} queued recipient{' ' + one if count == 1 else 's ' + many}"
