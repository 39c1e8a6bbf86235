"""Suppressions as the client library takes and lifts them."""

from datetime import UTC, datetime
from typing import TypedDict
from uuid import UUID

from madan_sara.contracts.base import ClosedContract, ShortText
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.errors import InvalidRequestError, NotFoundError
from madan_sara.persistence.database import Database
from madan_sara.persistence.suppressions import PostgresSuppressions, StoredSuppression, Subject
from madan_sara.policy.addresses import forms_of
from madan_sara.starter.addresses import sought_forms, stored_form
from madan_sara.starter.requests import parse


class LiftedSuppression(TypedDict):
    """One recipient or address that may be contacted again."""

    #: None: an address is meant.
    recipient_id: str | None
    #: In the form addresses are compared in; None: a recipient is meant.
    address: str | None
    #: None: it was suppressed on any.
    channel: str | None
    #: Why it was suppressed: a receipt's kind, or a reason given by hand.
    reason: str
    #: Since when, in ISO 8601.
    since: str


class _SuppressionRequest(ClosedContract):
    """The person or address meant, and the channel."""

    #: As requests name the person; None: an address is meant.
    recipient_id: ShortText | None = None
    #: None: on any.
    channel: Channel | None = None
    reason: ShortText = "asked not to be contacted"


class Suppressions:
    """One tenant's suppressions; see `OutreachOrchestrator` for each method.

    Args:
        database: where they are kept.
        tenant_id: their owner.
    """

    def __init__(self, database: Database, tenant_id: UUID) -> None:
        self._store = PostgresSuppressions(database)
        self._tenant_id = tenant_id

    async def suppress(
        self, recipient_id: str | None, address: str | None, channel: Channel | None, reason: str
    ) -> None:
        """Never contact a recipient or an address again.

        Raises:
            InvalidRequestError: something is wrong with what was given.
        """
        given = {"recipient_id": recipient_id, "channel": channel, "reason": reason}
        request = parse(_SuppressionRequest, given, "")
        await self._store.suppress(
            self._tenant_id,
            _meant(request, address),
            channel=request.channel,
            reason=request.reason,
            now=datetime.now(UTC),
        )

    async def lift(
        self, recipient_id: str | None, address: str | None, channel: Channel | None
    ) -> list[LiftedSuppression]:
        """Allow contact again; the suppressions lifted.

        Raises:
            InvalidRequestError: something is wrong with what was given.
            NotFoundError: there is nothing to lift.
        """
        request = parse(_SuppressionRequest, {"recipient_id": recipient_id, "channel": channel}, "")
        subject = _sought(request, address)
        lifted = await self._store.lift(self._tenant_id, subject, channel=request.channel)
        if not lifted:
            raise NotFoundError(
                f"there is no suppression of that {subject.kind} on any channel"
                if request.channel is None
                else f"there is no suppression of that {subject.kind} for {request.channel} alone; "
                "one for every channel is lifted without naming one"
            )
        return [_reported(each) for each in lifted]


def _meant(request: _SuppressionRequest, address: str | None) -> Subject:
    """The person or the address that is to be suppressed."""
    _require_one(request, address)
    if address is None:
        return Subject(recipient_id=request.recipient_id)
    return Subject(forms=forms_of(stored_form(address, request.channel), request.channel))


def _sought(request: _SuppressionRequest, address: str | None) -> Subject:
    """The person or the address that was suppressed, in any form that may be stored."""
    _require_one(request, address)
    if address is None:
        return Subject(recipient_id=request.recipient_id)
    return Subject(forms=sought_forms(address, request.channel))


def _require_one(request: _SuppressionRequest, address: str | None) -> None:
    if (request.recipient_id is None) == (address is None):
        raise InvalidRequestError("give either recipient_id or address, to say who is meant")


def _reported(lifted: StoredSuppression) -> LiftedSuppression:
    return LiftedSuppression(
        recipient_id=lifted.recipient_id,
        address=lifted.address,
        channel=lifted.channel and lifted.channel.value,
        reason=lifted.reason,
        since=lifted.created_at.isoformat(),
    )
