"""Attempts at providers, in PostgreSQL."""

from dataclasses import asdict
from datetime import datetime

from madan_sara.activities.attempt_store import Attempt, DeliveryFacts, Postponement
from madan_sara.activities.provider_accounts import AccountHealth
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import AttemptState, DeliveryEventKind
from madan_sara.contracts.errors import NotFoundError
from madan_sara.contracts.naming import idempotency_key
from madan_sara.contracts.outreach import MessageRef
from madan_sara.persistence.attempt_sql import (
    ATTEMPT,
    CLOSE,
    DELIVERY_FACTS,
    OPEN,
    PUT_OFF,
    RECORD,
    RESUME,
    SUPPRESS,
)
from madan_sara.persistence.database import Database
from madan_sara.persistence.rows import Row, decision_from, request_from, suppressions_from
from madan_sara.policy.attempts import LATE_FOR_A_RETRY
from madan_sara.policy.receipts import state_after


class PostgresAttemptStore:
    """`AttemptStore` on PostgreSQL; each change is one committed statement."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def delivery_facts(
        self, ref: MessageRef, attempt_no: int, channel: Channel, account: str
    ) -> DeliveryFacts:
        """The facts a delivery depends on; see `AttemptStore`."""
        parameters = {**_key(ref, attempt_no), "channel": channel.value, "account": account}
        row = await self._database.fetch_one(DELIVERY_FACTS, parameters)
        if row is None:
            raise NotFoundError.message(ref.message_id)
        decided = decision_from(row["held_attempt_no"], row["routing"], row["plan"])
        return DeliveryFacts(
            request=request_from(row),
            suppressions=suppressions_from(row["suppressions"]),
            attempt=_attempt(row) if row["attempt_no"] is not None else None,
            held=decided.held if decided is not None else None,
            waited=row["waited"],
            waiting_since=row["waiting_since"],
            account=_health(row) if row["account"] is not None else None,
        )

    async def open_attempt(
        self,
        ref: MessageRef,
        attempt_no: int,
        channel: Channel,
        provider: str,
        now: datetime,
        *,
        openings_before: int,
    ) -> bool:
        """Record that the provider is about to be called; see `AttemptStore`."""
        parameters = {
            **_key(ref, attempt_no),
            "channel": channel.value,
            "provider": provider,
            "idempotency_key": idempotency_key(ref.message_id, attempt_no),
            "now": now,
            "openings_before": openings_before,
        }
        return await self._database.fetch_one(OPEN, parameters) is not None

    async def put_off(
        self,
        ref: MessageRef,
        attempt_no: int,
        channel: Channel,
        now: datetime,
        postponement: Postponement,
        *,
        openings: int,
        tries: int,
        called_account: str | None = None,
    ) -> Attempt | None:
        """Record that an attempt waits; see `AttemptStore`."""
        parameters = {
            **_key(ref, attempt_no),
            **asdict(postponement),
            "channel": channel.value,
            "idempotency_key": idempotency_key(ref.message_id, attempt_no),
            "now": now,
            "openings": openings,
            "tries": tries,
            "called_account": called_account,
            "grace": LATE_FOR_A_RETRY,
        }
        row = await self._database.fetch_one(PUT_OFF, parameters)
        return None if row is None else _attempt(row)

    async def resume_attempt(self, ref: MessageRef, attempt_no: int) -> None:
        """Record that an attempt does not wait any more; see `AttemptStore`."""
        await self._database.fetch(RESUME, _key(ref, attempt_no))

    async def record_attempt(
        self,
        ref: MessageRef,
        attempt_no: int,
        state: AttemptState,
        now: datetime,
        *,
        openings: int,
        tries: int,
        code: str | None = None,
        provider_message_id: str | None = None,
        called_account: str | None = None,
    ) -> Attempt:
        """Record the result of a call, and book a message that was taken; see `AttemptStore`."""
        parameters = {
            **_key(ref, attempt_no),
            "state": state.value,
            "bounced_state": state_after(DeliveryEventKind.BOUNCED, state).value,
            "openings": openings,
            "tries": tries,
            "code": code,
            "provider_message_id": provider_message_id,
            "called_account": called_account,
            "now": now,
        }
        row = await self._database.fetch_one(RECORD, parameters)
        row = row or await self._database.fetch_one(ATTEMPT, parameters)
        if row is None:
            raise NotFoundError(f"message {ref.message_id} has no attempt {attempt_no}")
        return _attempt(row)

    async def suppress_address(self, ref: MessageRef, channel: Channel, now: datetime) -> None:
        """Contact an address no more; see `AttemptStore`."""
        parameters = {
            "tenant_id": ref.tenant_id,
            "message_id": ref.message_id,
            "channel": channel.value,
            "now": now,
        }
        await self._database.fetch(SUPPRESS, parameters)

    async def close_attempt(
        self, ref: MessageRef, attempt_no: int, channel: Channel, now: datetime
    ) -> Attempt:
        """End an interrupted attempt; see `AttemptStore`."""
        parameters = {
            **_key(ref, attempt_no),
            "channel": channel.value,
            "idempotency_key": idempotency_key(ref.message_id, attempt_no),
            "bounced_state": state_after(DeliveryEventKind.BOUNCED, AttemptState.UNKNOWN).value,
            "now": now,
        }
        row = await self._database.fetch_one(CLOSE, parameters)
        if row is None:
            raise NotFoundError.message(ref.message_id)
        return _attempt(row)


def _key(ref: MessageRef, attempt_no: int) -> dict[str, object]:
    return {
        "tenant_id": ref.tenant_id,
        "message_id": ref.message_id,
        "attempt_no": attempt_no,
    }


def _attempt(row: Row) -> Attempt:
    return Attempt(
        state=AttemptState(row["attempt_state"]),
        openings=row["openings"],
        tries=row["tries"],
        was_lost=row["was_lost"],
        code=row["code"],
        called_at=row["called_at"],
        given_up_at=row["given_up_at"],
        concluded_at=row["concluded_at"],
        put_off_at=row["put_off_at"],
        retry_at=row["retry_at"],
        awaits_turn=row["awaits_turn"],
        account_has_failed=row["account_has_failed"],
    )


def _health(row: Row) -> AccountHealth:
    return AccountHealth(
        account=row["account"],
        code=row["account_code"],
        failing_since=row["failing_since"],
        down_since=row["down_since"],
        refuses_settings=row["refuses_settings"],
    )
