"""Budget accounts and their ledger, in PostgreSQL."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from uuid import UUID

import asyncpg
from sqlalchemy import RowMapping, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from activities.errors import OverLimitError
from contracts.campaign import OutreachCampaign
from contracts.channels import Channel
from contracts.outreach import (
    Block,
    ExitReason,
    ReleaseInput,
    ReserveInput,
    ReserveResult,
    SettleInput,
)
from persistence.database import Database, Query
from persistence.ledger_sql import BOOK_ENTRIES
from policy.budget import Account, AccountScope, judge_reservation

_OPEN_DAY = text("""
INSERT INTO budget_accounts (tenant_id, campaign_id, scope, key, limit_micros, message_limit)
SELECT tenant_id, campaign_id, 'day', CAST(:day AS text),
       CAST((config ->> 'daily_spend_limit')::numeric * 1000000 AS bigint),
       (config ->> 'daily_limit')::bigint
  FROM campaigns
 WHERE tenant_id = :tenant_id AND campaign_id = :campaign_id
    ON CONFLICT DO NOTHING
""")

_ACCOUNT_COLUMNS = """
    a.scope, a.key, a.limit_micros, a.held_micros, a.spent_micros, a.message_limit, a.message_count
"""

_ACCOUNTS = text(f"""
SELECT {_ACCOUNT_COLUMNS}
  FROM budget_accounts a
 WHERE a.tenant_id = :tenant_id AND a.campaign_id = :campaign_id
   AND (a.scope, a.key) IN (('campaign', ''), ('channel', CAST(:channel AS text)),
                            ('day', CAST(:day AS text)))
 ORDER BY a.scope, a.key
""")  # noqa: S608 - built from constants of ours

# Locks the accounts of the send, and those of the hold it replaces, in the one order
# everything locks in.
_LOCKED_ACCOUNTS = text(f"""
WITH message AS (
    SELECT tenant_id, campaign_id FROM messages
     WHERE tenant_id = :tenant_id AND message_id = :message_id
), replaced AS (
    SELECT channel, day::text AS day, amount_micros FROM budget_entries
     WHERE message_id = :message_id AND attempt_no = CAST(:replaced AS integer) AND kind = 'hold'
)
SELECT a.campaign_id, {_ACCOUNT_COLUMNS},
       (SELECT amount_micros FROM budget_entries
         WHERE message_id = :message_id AND attempt_no = CAST(:attempt_no AS integer)
           AND kind = 'hold') AS held_already,
       replaced.amount_micros AS given_back
  FROM budget_accounts a
  JOIN message USING (tenant_id, campaign_id)
  LEFT JOIN replaced ON (a.scope, a.key) IN
            (('campaign', ''), ('channel', replaced.channel), ('day', replaced.day))
 WHERE (a.scope, a.key) IN (('campaign', ''), ('channel', CAST(:channel AS text)),
                            ('day', CAST(:day AS text)))
    OR replaced.amount_micros IS NOT NULL
 ORDER BY a.scope, a.key
   FOR UPDATE OF a
""")  # noqa: S608 - built from constants of ours

_HOLD = f"""
scheduled AS (
    UPDATE messages
       SET state = 'scheduled', channel = CAST(:channel AS text),
           scheduled_at = CAST(:scheduled_at AS timestamptz),
           routing = CAST(:routing AS jsonb), plan = CAST(:plan AS jsonb)
     WHERE tenant_id = :tenant_id AND message_id = :message_id
       AND state IN ('deciding', 'scheduled', 'sending') {{condition}}
    RETURNING tenant_id, message_id, campaign_id
), claimed AS (
    UPDATE recipient_claims r SET channel = CAST(:channel AS text)
      FROM scheduled WHERE r.message_id = scheduled.message_id
), entry AS (
    INSERT INTO budget_entries
    SELECT message_id, attempt_no, 'release', tenant_id, campaign_id, channel, day, amount_micros,
           CAST(:now AS timestamptz)
      FROM budget_entries JOIN scheduled USING (message_id, tenant_id, campaign_id)
     WHERE attempt_no = CAST(:replaced AS integer) AND kind = 'hold'
    UNION ALL
    SELECT message_id, CAST(:attempt_no AS integer), 'hold', tenant_id, campaign_id,
           CAST(:channel AS text), CAST(CAST(:day AS text) AS date), CAST(:amount_micros AS bigint),
           CAST(:now AS timestamptz)
      FROM scheduled
    RETURNING *
), {BOOK_ENTRIES}
"""  # noqa: S608 - built from constants of ours

# The accounts are judged already, under the lock this transaction holds.
_HOLD_JUDGED = text(f"WITH {_HOLD.format(condition='')} SELECT count(*) FROM booked")  # noqa: S608

# What nearly every reservation takes: one statement, and the accounts' own constraints for a
# judge. It does nothing where it cannot tell: the day has no account yet, or it ran before.
_HOLD_AT_ONCE = Query(f"""
WITH known AS (
    SELECT amount_micros FROM budget_entries
     WHERE message_id = :message_id AND attempt_no = CAST(:attempt_no AS integer)
       AND kind = 'hold'
), day AS (
    SELECT FROM budget_accounts a JOIN messages m USING (tenant_id, campaign_id)
     WHERE m.message_id = :message_id AND (a.scope, a.key) = ('day', CAST(:day AS text))
), {_HOLD.format(condition="AND NOT EXISTS (SELECT FROM known) AND EXISTS (SELECT FROM day)")}
SELECT (SELECT amount_micros FROM known) AS held_already,
       EXISTS (SELECT FROM scheduled) AS is_held
""")  # noqa: S608 - built from constants of ours

_HELD_AMOUNT = text("""
SELECT amount_micros FROM budget_entries
 WHERE message_id = :message_id AND attempt_no = CAST(:attempt_no AS integer) AND kind = 'hold'
""")

# The ends of a message take turns at its row: each locks it before any account.
_LOCKED_MESSAGE = """
message AS (SELECT message_id FROM messages WHERE message_id = :message_id FOR NO KEY UPDATE)
"""

# The claim closes one look-back window after the send; the person's own statistics
# count the message, so that a channel tried and never answered is known as one.
_SETTLE = Query(f"""
WITH {_LOCKED_MESSAGE}, entry AS (
    INSERT INTO budget_entries
    SELECT message_id, attempt_no, 'settle', tenant_id, campaign_id, channel, day, amount_micros,
           CAST(:now AS timestamptz)
      FROM message JOIN budget_entries USING (message_id)
     WHERE attempt_no = CAST(:attempt_no AS integer) AND kind = 'hold'
        ON CONFLICT DO NOTHING
    RETURNING *
), sent AS (
    UPDATE messages m
       SET state = CAST(:state AS text), reason = NULL, details = '{{}}',
           sent_at = CAST(:now AS timestamptz), finished_at = CAST(:now AS timestamptz)
      FROM entry WHERE m.message_id = entry.message_id
    RETURNING m.message_id, m.tenant_id, m.campaign_id, m.recipient_id, m.channel
), claim AS (
    UPDATE recipient_claims r
       SET sent_at = CAST(:now AS timestamptz), channel = sent.channel,
           covers = tstzrange(lower(r.covers), CAST(:now AS timestamptz) + make_interval(
                        hours => (c.config #>> '{{settings,dedup_lookback_hours}}')::int))
      FROM sent JOIN campaigns c USING (tenant_id, campaign_id)
     WHERE r.message_id = sent.message_id
), counted AS (
    INSERT INTO engagement_stats AS e (tenant_id, recipient_id, channel, messages)
    SELECT tenant_id, recipient_id, channel, 1 FROM sent
        ON CONFLICT (tenant_id, recipient_id, channel) DO UPDATE SET messages = e.messages + 1
), {BOOK_ENTRIES}
SELECT count(*) FROM booked
""")  # noqa: S608 - built from constants of ours

_RELEASE = Query(f"""
WITH {_LOCKED_MESSAGE}, entry AS (
    INSERT INTO budget_entries
    SELECT message_id, attempt_no, 'release', tenant_id, campaign_id, channel, day, amount_micros,
           CAST(:now AS timestamptz)
      FROM message JOIN budget_entries USING (message_id)
     WHERE attempt_no = CAST(:attempt_no AS integer) AND kind = 'hold'
        ON CONFLICT DO NOTHING
    RETURNING *
), {BOOK_ENTRIES}
SELECT count(*) FROM booked
""")  # noqa: S608 - built from constants of ours

_SPEND = text(f"""
WITH entry AS (
    INSERT INTO budget_entries
    VALUES (:spend_id, 0, 'spend', :tenant_id, :campaign_id, CAST(:channel AS text),
            CAST(CAST(:day AS text) AS date), CAST(:amount_micros AS bigint),
            CAST(:now AS timestamptz))
        ON CONFLICT DO NOTHING
    RETURNING *
), {BOOK_ENTRIES}
SELECT count(*) FROM booked
""")  # noqa: S608 - built from constants of ours


#: The answer to a reservation that outlived its message: nothing was held.
_HAS_ENDED = Block(reason=ExitReason.CANCELLED, details={"message": "has ended"})


class PostgresBudgetLedger:
    """`BudgetLedger` on PostgreSQL: locked accounts, append-only entries, constraints behind."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reserve(
        self,
        reservation: ReserveInput,
        day: date,
        judge: Callable[[Sequence[Account], int], Block | None],
    ) -> ReserveResult:
        """Hold at once where the limits allow it, else judge under lock; see `BudgetLedger`."""
        parameters = _hold_parameters(reservation, day)
        price_micros = reservation.plan.price_micros
        try:
            row = await self._database.fetch_one(_HOLD_AT_ONCE, parameters)
        except (asyncpg.CheckViolationError, asyncpg.UniqueViolationError):
            row = None
        if row is not None and row["held_already"] is not None:
            return ReserveResult(price_micros=row["held_already"])
        if row is not None and row["is_held"]:
            return ReserveResult(price_micros=price_micros)
        return await self._reserve_under_lock(parameters, price_micros, judge)

    async def _reserve_under_lock(
        self,
        parameters: dict[str, object],
        price_micros: int,
        judge: Callable[[Sequence[Account], int], Block | None],
    ) -> ReserveResult:
        """Judge the accounts while nobody else can move them, and hold or say why not."""
        try:
            async with self._database.transaction() as connection:
                rows = await _lock_accounts(connection, parameters)
                held_already = rows[0]["held_already"]
                if held_already is not None:
                    return ReserveResult(price_micros=held_already)
                block = judge(_accounts_of_send(rows, parameters), price_micros)
                if block is None:
                    booked = (await connection.execute(_HOLD_JUDGED, parameters)).scalar_one()
                    block = None if booked else _HAS_ENDED
                elif (held := await _held_by_a_twin(connection, parameters)) is not None:
                    return ReserveResult(price_micros=held)
                return ReserveResult(block=block, price_micros=price_micros)
        except IntegrityError:
            async with self._database.statement() as connection:
                held = await _held_by_a_twin(connection, parameters)
            if held is None:
                raise
            return ReserveResult(price_micros=held)

    async def settle(self, settlement: SettleInput) -> None:
        """Turn a hold into spend; see `BudgetLedger`."""
        await self._book(_SETTLE, settlement, state=settlement.state.value)

    async def release(self, release: ReleaseInput) -> None:
        """Give a hold back; see `BudgetLedger`."""
        await self._book(_RELEASE, release)

    async def accounts(
        self, campaign: OutreachCampaign, channel: Channel, day: date
    ) -> Sequence[Account]:
        """The accounts of a send as they stand; a day without one is opened."""
        key = _account_key(campaign, channel, day)
        async with self._database.statement() as connection:
            await connection.execute(_OPEN_DAY, key)
            rows = (await connection.execute(_ACCOUNTS, key)).mappings().all()
        return [_account(row) for row in rows]

    async def spend(
        self,
        campaign: OutreachCampaign,
        channel: Channel,
        day: date,
        amount_micros: int,
        spend_id: UUID,
        now: datetime,
    ) -> None:
        """Book money spent outside any attempt; see `BudgetLedger`."""
        key = _account_key(campaign, channel, day)
        parameters = {**key, "amount_micros": amount_micros, "spend_id": spend_id, "now": now}
        try:
            async with self._database.transaction() as connection:
                await connection.execute(_OPEN_DAY, key)
                await connection.execute(_SPEND, parameters)
        except IntegrityError:
            accounts = await self.accounts(campaign, channel, day)
            block = judge_reservation(accounts, amount_micros)
            if block is None:
                raise
            raise OverLimitError(block) from None

    async def _book(self, query: Query, booking: SettleInput | ReleaseInput, **more: str) -> None:
        parameters = {
            "message_id": booking.ref.message_id,
            "attempt_no": booking.attempt_no,
            "now": booking.now,
            **more,
        }
        await self._database.fetch(query, parameters)


async def _held_by_a_twin(connection: AsyncConnection, parameters: dict[str, object]) -> int | None:
    """What a run of the same reservation beside this one has booked, if there is one.

    The statement that waited for the lock does not see it: it reads as of before it waited.
    """
    held: int | None = (await connection.execute(_HELD_AMOUNT, parameters)).scalar()
    return held


async def _lock_accounts(
    connection: AsyncConnection, parameters: dict[str, object]
) -> Sequence[RowMapping]:
    """Lock a send's accounts; the first send of a day opens the day's account."""
    rows = (await connection.execute(_LOCKED_ACCOUNTS, parameters)).mappings().all()
    if not any((row["scope"], row["key"]) == ("day", parameters["day"]) for row in rows):
        await connection.execute(_OPEN_DAY, {**parameters, "campaign_id": rows[0]["campaign_id"]})
        rows = (await connection.execute(_LOCKED_ACCOUNTS, parameters)).mappings().all()
    return rows


def _hold_parameters(reservation: ReserveInput, day: date) -> dict[str, object]:
    return {
        "tenant_id": reservation.ref.tenant_id,
        "message_id": reservation.ref.message_id,
        "attempt_no": reservation.attempt_no,
        "replaced": reservation.replaces_attempt_no,
        "channel": reservation.plan.channel.value,
        "scheduled_at": reservation.plan.scheduled_at,
        "day": day.isoformat(),
        "amount_micros": reservation.plan.price_micros,
        "routing": reservation.routing.model_dump_json(),
        "plan": reservation.plan.model_dump_json(),
        "now": reservation.now,
    }


def _account_key(campaign: OutreachCampaign, channel: Channel, day: date) -> dict[str, object]:
    return {
        "tenant_id": campaign.tenant_uuid,
        "campaign_id": campaign.id,
        "channel": channel.value,
        "day": day.isoformat(),
    }


def _accounts_of_send(
    rows: Sequence[RowMapping], parameters: dict[str, object]
) -> Sequence[Account]:
    """The accounts the send is booked on, as they would be without the hold it replaces."""
    places = {("campaign", ""), ("channel", parameters["channel"]), ("day", parameters["day"])}
    return [
        _account(row, given_back=row["given_back"])
        for row in rows
        if (row["scope"], row["key"]) in places
    ]


def _account(row: RowMapping, *, given_back: int | None = None) -> Account:
    return Account(
        scope=AccountScope(row["scope"]),
        key=row["key"],
        limit_micros=row["limit_micros"],
        held_micros=row["held_micros"] - (given_back or 0),
        spent_micros=row["spent_micros"],
        message_limit=row["message_limit"],
        message_count=row["message_count"] - (given_back is not None),
    )
