"""Holding the price of an attempt, in PostgreSQL."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Final

import asyncpg
from sqlalchemy import RowMapping, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from madan_sara.contracts.errors import NotFoundError
from madan_sara.contracts.outreach import (
    UNSENT_STATES,
    Block,
    ExitReason,
    HeldAttempt,
    ReserveInput,
    ReserveResult,
)
from madan_sara.persistence.accounts import ACCOUNT_COLUMNS, account_from, open_day
from madan_sara.persistence.database import Database, Query
from madan_sara.persistence.ledger_sql import BOOK_ENTRIES
from madan_sara.persistence.rows import Row, decision_from
from madan_sara.policy.budget import Account, AccountScope, decide_due

# Locks the message, then the accounts of the send and those of the hold it replaces, in the
# one order everything locks in.
_LOCKED_ACCOUNTS = text(f"""
WITH message AS (
    SELECT tenant_id, campaign_id, state, generation, routing, plan FROM messages
     WHERE tenant_id = :tenant_id AND message_id = :message_id
       FOR NO KEY UPDATE
), replaced AS (
    SELECT channel, day::text AS day, amount_micros FROM budget_entries
     WHERE tenant_id = :tenant_id AND message_id = :message_id
       AND attempt_no = CAST(:replaced AS integer) AND kind = 'hold'
       AND NOT EXISTS (SELECT FROM budget_entries e
                        WHERE e.tenant_id = :tenant_id AND e.message_id = :message_id
                          AND e.attempt_no = CAST(:replaced AS integer) AND e.kind <> 'hold')
)
SELECT a.campaign_id, {ACCOUNT_COLUMNS}, a.ends_at,
       (SELECT max(attempt_no) FROM budget_entries
         WHERE tenant_id = :tenant_id AND message_id = :message_id AND kind = 'hold'
        HAVING bool_or(attempt_no = CAST(:attempt_no AS integer))) AS held_already,
       message.state, message.generation,
       CAST(message.routing AS text) AS routing, CAST(message.plan AS text) AS plan,
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

# A reservation as a rule: one statement, shared by all reservations of the moment; the accounts'
# own constraints decide. It does nothing where it cannot decide: the day has no account yet, or
# it ran before. Messages come in one order everywhere, and all of them before any account, so
# that no two statements wait for each other.
_HOLD: Final = f"""
WITH asked AS (
    SELECT asked.*, m.campaign_id, m.state, m.generation,
           CASE WHEN known.message_id IS NOT NULL THEN (
               SELECT max(e.attempt_no) FROM budget_entries e
                WHERE (e.tenant_id, e.message_id, e.kind)
                    = (m.tenant_id, m.message_id, 'hold')) END AS held_already,
           CASE WHEN known.message_id IS NOT NULL THEN CAST(m.routing AS text) END AS held_routing,
           CASE WHEN known.message_id IS NOT NULL THEN CAST(m.plan AS text) END AS held_plan,
           known.message_id IS NULL AND NOT EXISTS (
               SELECT FROM attempts a
                WHERE (a.tenant_id, a.message_id, a.attempt_no)
                    = (m.tenant_id, m.message_id, asked.replaced) AND a.state = 'sending')
           AND EXISTS (
               SELECT FROM budget_accounts a
                WHERE (a.tenant_id, a.campaign_id, a.scope, a.key)
                    = (m.tenant_id, m.campaign_id, 'day', asked.day)
               OFFSET 0) AS can_be_held
      FROM unnest(CAST(:tenant_id AS uuid[]), CAST(:message_id AS uuid[]),
                  CAST(:attempt_no AS integer[]), CAST(:replaced AS integer[]),
                  CAST(:channel AS text[]), CAST(:scheduled_at AS timestamptz[]),
                  CAST(:day AS text[]), CAST(:amount_micros AS bigint[]),
                  CAST(:routing AS text[]), CAST(:plan AS text[]), CAST(:now AS timestamptz[]),
                  CAST(:decided_in AS integer[]))
           WITH ORDINALITY AS asked (tenant_id, message_id, attempt_no, replaced, channel,
                                     scheduled_at, day, amount_micros, routing, plan, now,
                                     decided_in, nth)
      JOIN messages m USING (tenant_id, message_id)
      LEFT JOIN LATERAL (
           SELECT message_id FROM budget_entries
            WHERE (tenant_id, message_id, attempt_no, kind)
                = (asked.tenant_id, asked.message_id, asked.attempt_no, 'hold')
           OFFSET 0) known ON true
     ORDER BY asked.tenant_id, asked.message_id
), scheduled AS (
    UPDATE messages m
       SET state = 'scheduled', channel = asked.channel, scheduled_at = asked.scheduled_at,
           routing = CAST(asked.routing AS jsonb), plan = CAST(asked.plan AS jsonb)
      FROM asked
     WHERE asked.can_be_held
       AND (m.tenant_id, m.message_id) = (asked.tenant_id, asked.message_id)
       AND m.state IN ('deciding', 'scheduled', 'sending')
       AND m.generation = coalesce(asked.decided_in, m.generation)
    RETURNING asked.*
), claimed AS (
    UPDATE recipient_claims r SET channel = scheduled.channel
      FROM scheduled
     WHERE (r.tenant_id, r.message_id) = (scheduled.tenant_id, scheduled.message_id)
), entry AS (
    INSERT INTO budget_entries
    SELECT e.message_id, e.attempt_no, 'release', e.tenant_id, e.campaign_id, e.channel, e.day,
           e.amount_micros, scheduled.now, NULL
      FROM scheduled CROSS JOIN LATERAL (
           SELECT h.* FROM budget_entries h
            WHERE (h.tenant_id, h.message_id, h.attempt_no, h.kind)
                = (scheduled.tenant_id, scheduled.message_id, scheduled.replaced, 'hold')
              AND NOT EXISTS (
                      SELECT FROM budget_entries gone
                       WHERE (gone.tenant_id, gone.message_id, gone.attempt_no)
                           = (h.tenant_id, h.message_id, h.attempt_no) AND gone.kind <> 'hold')
           OFFSET 0) e
    UNION ALL
    SELECT message_id, attempt_no, 'hold', tenant_id, campaign_id, channel, CAST(day AS date),
           amount_micros, now, scheduled_at
      FROM scheduled
    RETURNING *
), {BOOK_ENTRIES}
SELECT nth, asked.state, asked.generation, asked.held_already, asked.held_routing AS routing,
       asked.held_plan AS plan, scheduled.nth IS NOT NULL AS is_held
  FROM asked LEFT JOIN scheduled USING (nth)
"""  # noqa: S608 - built from constants of ours

_HOLD_TOGETHER = Query(_HOLD)
_HOLD_DECIDED = text(_HOLD)

_HELD = text("""
SELECT (SELECT max(attempt_no) FROM budget_entries
         WHERE tenant_id = :tenant_id AND message_id = :message_id AND kind = 'hold'
        HAVING bool_or(attempt_no = CAST(:attempt_no AS integer))) AS held_already,
       m.state, m.generation, CAST(m.routing AS text) AS routing, CAST(m.plan AS text) AS plan
  FROM messages m
 WHERE m.tenant_id = :tenant_id AND m.message_id = :message_id
""")

#: The answer to a reservation that outlived its message, or the hold it replaces.
_HAS_ENDED: Final = Block(reason=ExitReason.CANCELLED, details={"message": "has ended"})


class Reservations:
    """Takes holds: at once where the limits allow it, under lock where they may not.

    Args:
        database: where accounts and entries are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._holds = database.batcher(_HOLD_TOGETHER)

    async def reserve(
        self,
        reservation: ReserveInput,
        day: date,
        decide: Callable[[Sequence[Account], int], Block | None],
    ) -> ReserveResult:
        """Hold at once where the limits allow it, else decide under lock; see `BudgetLedger`."""
        parameters = _hold_parameters(reservation, day)
        try:
            row = await self._holds.ask(parameters)
        except (asyncpg.CheckViolationError, asyncpg.UniqueViolationError):
            row = None
        if row is not None and row["is_held"]:
            return _held(reservation)
        if row is not None and (known := _known_answer(row, reservation)) is not None:
            return known
        return await self._reserve_under_lock(reservation, parameters, decide)

    async def _reserve_under_lock(
        self,
        reservation: ReserveInput,
        parameters: dict[str, object],
        decide: Callable[[Sequence[Account], int], Block | None],
    ) -> ReserveResult:
        """Decide while no other transaction can move the accounts; hold, or say why not."""
        try:
            async with self._database.transaction() as connection:
                rows = await _lock_accounts(connection, parameters)
                if (known := _known_answer(rows[0], reservation)) is not None:
                    return known
                plan = reservation.plan
                block = _behind_end(rows, plan.scheduled_at) or decide(
                    _accounts_of_send(rows, parameters), plan.price_micros
                )
                if block is not None:
                    twin = await _held_by_a_twin(connection, parameters)
                    return twin or ReserveResult(block=block)
                alone = {name: [value] for name, value in parameters.items()}
                row = (await connection.execute(_HOLD_DECIDED, alone)).mappings().one()
                if row["is_held"]:
                    return _held(reservation)
                # A twin of this run may have held it while this one waited for the lock.
                return _known_answer(row, reservation) or ReserveResult(block=_HAS_ENDED)
        except IntegrityError:
            async with self._database.statement() as connection:
                twin = await _held_by_a_twin(connection, parameters)
            if twin is None:
                raise
            return twin


def _held(reservation: ReserveInput) -> ReserveResult:
    return ReserveResult(held=HeldAttempt(attempt_no=reservation.attempt_no, plan=reservation.plan))


def _known_answer(row: Row, reservation: ReserveInput) -> ReserveResult | None:
    """The answer that needs no decision: held already, or too late to be held."""
    if row["state"] in UNSENT_STATES:
        return ReserveResult(block=_HAS_ENDED)
    if (found := _found_again(row)) is not None:
        return found
    if reservation.generation not in (None, row["generation"]):
        return ReserveResult(is_outdated=True)
    return None


def _found_again(row: Row) -> ReserveResult | None:
    """What an earlier run of a reservation has held, whatever this one asks for."""
    found = decision_from(row["held_already"], row["routing"], row["plan"])
    return None if found is None else ReserveResult(held=found.held, routing=found.routing)


async def _held_by_a_twin(
    connection: AsyncConnection, parameters: dict[str, object]
) -> ReserveResult | None:
    """What a run of the same reservation beside this one has held, if there is one.

    The statement that waited for the lock does not see it: it reads as of before it waited.
    """
    row = (await connection.execute(_HELD, parameters)).mappings().one_or_none()
    return None if row is None else _found_again(row)


async def _lock_accounts(
    connection: AsyncConnection, parameters: dict[str, object]
) -> Sequence[RowMapping]:
    """Lock a send's accounts; the first send of a day opens the day's account."""
    rows = (await connection.execute(_LOCKED_ACCOUNTS, parameters)).mappings().all()
    if not rows:
        raise NotFoundError(f"there is no message {parameters['message_id']}")
    if not any((row["scope"], row["key"]) == ("day", parameters["day"]) for row in rows):
        await open_day(connection, {**parameters, "campaign_id": rows[0]["campaign_id"]})
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
        "decided_in": reservation.generation,
    }


def _behind_end(rows: Sequence[RowMapping], due_at: datetime | None) -> Block | None:
    """The campaign's end, where it was moved before a send that was planned meanwhile."""
    ends_at = next(row["ends_at"] for row in rows if row["scope"] == AccountScope.CAMPAIGN)
    return None if due_at is None else decide_due(ends_at, due_at)


def _accounts_of_send(
    rows: Sequence[RowMapping], parameters: dict[str, object]
) -> Sequence[Account]:
    """The accounts the send is booked on, as they would be without the hold it replaces."""
    booked = {("campaign", ""), ("channel", parameters["channel"]), ("day", parameters["day"])}
    return [
        account_from(row, given_back=row["given_back"])
        for row in rows
        if (row["scope"], row["key"]) in booked
    ]
