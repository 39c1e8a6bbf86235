"""Attempts, as the statements of `persistence/attempt_sql.py` keep them."""

from dataclasses import replace
from datetime import datetime, timedelta

from madan_sara.activities.attempt_store import Attempt, DeliveryFacts, Postponement
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import AttemptState, DeliveryEventKind
from madan_sara.contracts.errors import NotFoundError
from madan_sara.contracts.outreach import HeldAttempt, MessageRef, OutreachState
from madan_sara.policy.attempts import LATE_FOR_A_RETRY
from madan_sara.policy.ledger import EntryKind
from madan_sara.policy.receipts import state_after
from madan_sara.policy.selector import Engagement
from tests.simulation.stores.claims import request_of
from tests.simulation.stores.ledger import book, ended
from tests.simulation.stores.provider_accounts import MemoryProviderAccounts
from tests.simulation.stores.statements import Statements
from tests.simulation.tables import (
    OPEN_ATTEMPTS,
    AttemptRow,
    ConstraintError,
    MessageRow,
    SuppressionRow,
    Tables,
)

_TAKEN = (AttemptState.ACCEPTED, AttemptState.BOUNCED, AttemptState.UNKNOWN)


class MemoryAttempts:
    """`AttemptStore` in memory.

    Args:
        tables: the rows.
        accounts: the accounts that do not work.
        network: the way to them.
    """

    def __init__(
        self, tables: Tables, accounts: MemoryProviderAccounts, network: Statements
    ) -> None:
        self._tables = tables
        self._accounts = accounts
        self._network = network

    async def delivery_facts(
        self, ref: MessageRef, attempt_no: int, channel: Channel, account: str
    ) -> DeliveryFacts:
        return await self._network.call(
            "read what the delivery depends on",
            lambda: self._facts(ref, attempt_no, channel, account),
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
        return await self._network.call(
            "open the attempt", lambda: self._open(ref, attempt_no, channel, now, openings_before)
        )

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
        def commit() -> Attempt | None:
            row = self._put_off(ref, attempt_no, channel, now, postponement, openings, tries)
            return None if row is None else self._told(row, called_account)

        return await self._network.call("put off", commit)

    async def resume_attempt(self, ref: MessageRef, attempt_no: int) -> None:
        def commit() -> None:
            row = self._tables.attempts.get((ref.message_id, attempt_no))
            if row is not None:
                row.attempt = replace(row.attempt, retry_at=None)

        await self._network.call("stop waiting", commit)

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
        def commit() -> Attempt:
            row = self._record(ref, attempt_no, state, now, openings, tries, code)
            return self._told(row, called_account)

        return await self._network.call(f"record {state}", commit)

    async def suppress_address(self, ref: MessageRef, channel: Channel, now: datetime) -> None:
        def commit() -> None:
            message = self._tables.messages.get(ref.message_id)
            if message is not None and (address := message.addresses.get(channel)) is not None:
                self._tables.suppress(
                    SuppressionRow("address", address, channel, "bounced", now, ref.message_id)
                )

        await self._network.call("suppress the address", commit)

    async def close_attempt(
        self, ref: MessageRef, attempt_no: int, channel: Channel, now: datetime
    ) -> Attempt:
        return await self._network.call(
            "close the attempt", lambda: self._close(ref, attempt_no, channel, now).attempt
        )

    # The statements

    def _facts(
        self, ref: MessageRef, attempt_no: int, channel: Channel, account: str
    ) -> DeliveryFacts:
        tables = self._tables
        message = tables.messages.get(ref.message_id)
        if message is None:
            raise NotFoundError.message(ref.message_id)
        row = tables.attempts.get((ref.message_id, attempt_no))
        health = self._accounts.health(account)
        waits = (r.waited for _, r in tables.attempts_of(ref.message_id) if r.channel is channel)
        return DeliveryFacts(
            held=self._held(message),
            request=request_of(tables, message),
            suppressions=tables.suppressions_of(message),
            attempt=None
            if row is None
            else replace(row.attempt, account_has_failed=health is not None),
            waited=sum(waits, timedelta(0)),
            waiting_since=row.waiting_since if row else None,
            account=health,
        )

    def _held(self, message: MessageRow) -> HeldAttempt | None:
        tables = self._tables
        held = [
            no
            for owner, no in tables.holds
            if owner == message.message_id and tables.open_hold(owner, no) is not None
        ]
        if not held or message.plan is None:
            return None
        return HeldAttempt(attempt_no=max(held), plan=message.plan)

    def _open(
        self,
        ref: MessageRef,
        attempt_no: int,
        channel: Channel,
        now: datetime,
        openings_before: int,
    ) -> bool:
        tables, message = self._tables, self._tables.messages.get(ref.message_id)
        if message is None or message.state not in (OutreachState.SCHEDULED, OutreachState.SENDING):
            return False
        if tables.open_hold(ref.message_id, attempt_no) is None:
            return False
        message.state = OutreachState.SENDING
        key = (ref.message_id, attempt_no)
        row = tables.attempts.get(key)
        if row is None:
            opened = Attempt(state=AttemptState.SENDING, openings=1, called_at=now)
            tables.attempts[key] = AttemptRow(channel=channel, attempt=opened)
            return True
        before = row.attempt
        if before.state not in OPEN_ATTEMPTS or before.openings != openings_before:
            return False
        row.attempt = replace(
            before,
            state=AttemptState.SENDING,
            openings=before.openings + 1,
            called_at=now,
            given_up_at=None,
        )
        return True

    def _put_off(
        self,
        ref: MessageRef,
        attempt_no: int,
        channel: Channel,
        now: datetime,
        postponement: Postponement,
        openings: int,
        tries: int,
    ) -> AttemptRow | None:
        tables, message = self._tables, self._tables.messages.get(ref.message_id)
        if message is None:
            return None
        key = (ref.message_id, attempt_no)
        row = tables.attempts.get(key)
        if row is None:
            waiting = Attempt(
                state=AttemptState.NOT_SENT,
                code=postponement.code,
                put_off_at=now,
                retry_at=postponement.until,
                awaits_turn=postponement.awaits_turn,
            )
            since = None if postponement.awaits_turn else now
            row = AttemptRow(channel, waiting, waiting_since=since, account=postponement.account)
            tables.attempts[key] = row
        elif row.attempt.state in OPEN_ATTEMPTS and row.attempt.openings == openings:
            _wait_on(row, now, postponement, tries)
        else:
            return None
        asleep = row.attempt.state is AttemptState.NOT_SENT
        if asleep and message.state is OutreachState.SENDING:
            message.state = OutreachState.SCHEDULED
        return row

    def _record(
        self,
        ref: MessageRef,
        attempt_no: int,
        state: AttemptState,
        now: datetime,
        openings: int,
        tries: int,
        code: str | None,
    ) -> AttemptRow:
        row = self._tables.attempts.get((ref.message_id, attempt_no))
        if row is None:
            raise NotFoundError(f"message {ref.message_id} has no attempt {attempt_no}")
        message = self._tables.messages[ref.message_id]
        if not _counts(row, message, state, openings):
            return row
        was_unknown = message.state is OutreachState.UNKNOWN
        before = row.attempt
        becomes = state_after(DeliveryEventKind.BOUNCED, state) if row.bounced else state
        if becomes is AttemptState.ACCEPTED and self._has_accepted(ref):
            raise ConstraintError("one_accepted_attempt")
        row.attempt = replace(
            before,
            state=becomes,
            code=before.code if row.bounced and code is None else code,
            concluded_at=None if state is AttemptState.NOT_SENT else now,
            tries=max(before.tries, tries),
            retry_at=None,
            was_lost=before.was_lost or state is AttemptState.NOT_SENT,
        )
        if was_unknown and row.attempt.state is AttemptState.ACCEPTED:
            message.state = OutreachState.SENT
        self._book_concluded(message, attempt_no, row, now)
        return row

    def _has_accepted(self, ref: MessageRef) -> bool:
        attempts = self._tables.attempts_of(ref.message_id)
        return any(row.attempt.state is AttemptState.ACCEPTED for _, row in attempts)

    def _close(
        self, ref: MessageRef, attempt_no: int, channel: Channel, now: datetime
    ) -> AttemptRow:
        message = self._tables.messages.get(ref.message_id)
        if message is None:
            raise NotFoundError.message(ref.message_id)
        key = (ref.message_id, attempt_no)
        row = self._tables.attempts.get(key)
        if row is None:
            closed = Attempt(state=AttemptState.REFUSED, code="cancelled", concluded_at=now)
            self._tables.attempts[key] = row = AttemptRow(channel, closed)
            return row
        before = row.attempt
        state, code = before.state, before.code
        if state is AttemptState.SENDING:
            unknown = AttemptState.UNKNOWN
            state = state_after(DeliveryEventKind.BOUNCED, unknown) if row.bounced else unknown
            code = code if row.bounced else None
        elif state is AttemptState.NOT_SENT:
            state, code = AttemptState.REFUSED, "cancelled"
        row.attempt = replace(
            before, state=state, code=code, concluded_at=before.concluded_at or now, retry_at=None
        )
        self._book_concluded(message, attempt_no, row, now)
        return row

    def _book_concluded(
        self, message: MessageRow, attempt_no: int, row: AttemptRow, now: datetime
    ) -> None:
        """What a provider has taken, or may have, is spent and sent from the same instant."""
        tables, state = self._tables, row.attempt.state
        hold = tables.open_hold(message.message_id, attempt_no)
        if state not in _TAKEN or hold is None:
            return
        book(tables, ended(hold, EntryKind.SETTLE))
        is_unknown = state is AttemptState.UNKNOWN
        message.state = OutreachState.UNKNOWN if is_unknown else OutreachState.SENT
        message.reason, message.details, message.finished_at = None, {}, now
        campaign = tables.campaigns[message.campaign_id]
        campaign.last_taken_at = max(campaign.last_taken_at or now, now)
        assert message.channel is not None
        tables.count_engagement(message.recipient_id, message.channel, Engagement(1, 0, 0, 0))
        claim = tables.claims.get(message.message_id)
        if claim is not None:
            hours = tables.campaign_of(message).settings.dedup_lookback_hours
            claim.sent_at, claim.channel = now, message.channel
            claim.covers_until = now + timedelta(hours=hours)

    def _told(self, row: AttemptRow, account: str | None) -> Attempt:
        """An attempt as it is read, with what its account is like."""
        failed = account is not None and self._accounts.health(account) is not None
        return replace(row.attempt, account_has_failed=failed)


def _wait_on(row: AttemptRow, now: datetime, postponement: Postponement, tries: int) -> None:
    before = row.attempt
    counts = before.was_lost or not before.awaits_turn
    if before.retry_at and before.put_off_at and counts:
        lately = min(now, before.retry_at + LATE_FOR_A_RETRY) - before.put_off_at
        row.waited += max(lately, timedelta(0))
    if not postponement.awaits_turn:
        row.waiting_since = row.waiting_since or now
    row.account = postponement.account
    row.attempt = replace(
        before,
        state=before.state if postponement.may_be_out else AttemptState.NOT_SENT,
        tries=tries,
        was_lost=before.was_lost or postponement.was_lost,
        given_up_at=now if postponement.was_lost else before.given_up_at,
        code=postponement.code,
        put_off_at=now,
        retry_at=postponement.until,
        awaits_turn=postponement.awaits_turn,
    )


def _counts(row: AttemptRow, message: MessageRow, state: AttemptState, openings: int) -> bool:
    """Whether an answer may change what is on record."""
    knows_all = row.attempt.openings == openings
    if row.attempt.state in OPEN_ATTEMPTS:
        return state is AttemptState.ACCEPTED or knows_all
    return (
        row.attempt.state is AttemptState.UNKNOWN
        and message.state is OutreachState.UNKNOWN
        and state is AttemptState.ACCEPTED
        and knows_all
    )
