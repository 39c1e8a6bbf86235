"""Attempts at providers, in PostgreSQL."""

from datetime import datetime

from activities.stores import Attempt, DeliveryFacts
from contracts.channels import Channel
from contracts.delivery import AttemptState
from contracts.naming import idempotency_key
from contracts.outreach import MessageRef
from persistence.database import Database, Query
from persistence.ledger_sql import SETTLE
from persistence.rows import (
    REQUEST_COLUMNS,
    REQUEST_TABLES,
    SUPPRESSIONS_OF_MESSAGE,
    Row,
    request_from,
    suppressions_from,
)

_DELIVERY_FACTS = Query(f"""
SELECT {REQUEST_COLUMNS},
       {SUPPRESSIONS_OF_MESSAGE} AS suppressions,
       a.attempt_no, a.state AS attempt_state, a.tries, a.code, a.called_at, a.concluded_at
  FROM {REQUEST_TABLES}
  LEFT JOIN attempts a ON a.message_id = m.message_id AND a.attempt_no = :attempt_no
 WHERE m.tenant_id = :tenant_id AND m.message_id = :message_id
""")  # noqa: S608 - built from constants of ours

# A message that has ended is never opened, whoever asks: a delivery that slept through the
# cancel of its outreach stops here. So does one that was overtaken: a worker that was only
# slow, and was taken for dead, must not call beside the run that took its place.
_OPEN = Query("""
WITH sending AS (
    UPDATE messages SET state = 'sending'
     WHERE tenant_id = :tenant_id AND message_id = :message_id
       AND state IN ('scheduled', 'sending')
    RETURNING message_id, tenant_id
)
INSERT INTO attempts AS a (message_id, attempt_no, tenant_id, channel, provider, idempotency_key,
                           state, tries, called_at)
SELECT message_id, :attempt_no, tenant_id, :channel, :provider, :idempotency_key,
       'sending', 1, CAST(:now AS timestamptz)
  FROM sending
    ON CONFLICT (message_id, attempt_no) DO UPDATE
   SET state = 'sending', tries = a.tries + 1, called_at = excluded.called_at
 WHERE a.state IN ('sending', 'not_sent') AND a.tries = :tries_before
RETURNING a.attempt_no
""")

# A message's end takes turns at its row: whoever books one locks it before anything else.
_LOCKED_MESSAGE = """
message AS (
    SELECT message_id, tenant_id FROM messages
     WHERE tenant_id = :tenant_id AND message_id = :message_id
       FOR NO KEY UPDATE
)
"""

# What a provider has taken, or may have, is spent and sent from the same instant.
_BOOK_CONCLUDED = f"""
taken AS (
    SELECT message_id, attempt_no,
           CASE state WHEN 'unknown' THEN 'unknown' ELSE 'sent' END AS end_state
      FROM concluded WHERE state IN ('accepted', 'bounced', 'unknown')
), {SETTLE}
"""  # noqa: S608 - built from constants of ours

# The row is written even where no provider was called, so that none can be any more.
_CLOSE = Query(f"""
WITH {_LOCKED_MESSAGE}, concluded AS (
    INSERT INTO attempts AS a (message_id, attempt_no, tenant_id, channel, provider,
                               idempotency_key, state, tries, code, concluded_at)
    SELECT message_id, CAST(:attempt_no AS integer), tenant_id, :channel, '', :idempotency_key,
           'refused', 0, 'cancelled', CAST(:now AS timestamptz)
      FROM message
        ON CONFLICT (message_id, attempt_no) DO UPDATE
       SET state = CASE WHEN a.state = 'sending' AND a.bounced THEN 'bounced'
                        WHEN a.state = 'sending' THEN 'unknown'
                        WHEN a.state = 'not_sent' THEN 'refused' ELSE a.state END,
           code = CASE WHEN a.state = 'not_sent' THEN 'cancelled' ELSE a.code END,
           concluded_at = coalesce(a.concluded_at, excluded.concluded_at)
    RETURNING a.message_id, a.attempt_no, a.state, a.tries, a.code, a.called_at, a.concluded_at
), {_BOOK_CONCLUDED}
SELECT state AS attempt_state, tries, code, called_at, concluded_at FROM concluded
""")  # noqa: S608 - built from constants of ours

# What is final stays final: an answer that arrives after the attempt was concluded
# otherwise must not rewrite it. A no of one call says nothing of a call made since, by a run
# that took this one's place: that call may be taken.
_RECORD = Query(f"""
WITH {_LOCKED_MESSAGE}, concluded AS (
    UPDATE attempts a
       SET state = CASE WHEN CAST(:state AS text) IN ('accepted', 'unknown') AND a.bounced
                        THEN 'bounced'
                        ELSE CAST(:state AS text) END,
           code = coalesce(:code, a.code),
           provider_message_id = coalesce(:provider_message_id, a.provider_message_id),
           concluded_at = CASE WHEN CAST(:state AS text) = 'not_sent' THEN NULL
                               ELSE CAST(:now AS timestamptz) END
      FROM message
     WHERE a.message_id = message.message_id AND a.attempt_no = CAST(:attempt_no AS integer)
       AND a.state IN ('sending', 'not_sent')
       AND (CAST(:state AS text) = 'accepted' OR a.tries = CAST(:tries AS integer))
    RETURNING a.message_id, a.attempt_no, a.state, a.tries, a.code, a.called_at, a.concluded_at
), {_BOOK_CONCLUDED}
SELECT state AS attempt_state, tries, code, called_at, concluded_at FROM concluded
""")  # noqa: S608 - built from constants of ours

_ATTEMPT = Query("""
SELECT state AS attempt_state, tries, code, called_at, concluded_at FROM attempts
 WHERE tenant_id = :tenant_id AND message_id = :message_id AND attempt_no = :attempt_no
""")


class PostgresAttemptStore:
    """`AttemptStore` on PostgreSQL; whatever a method changes is one committed statement."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def delivery_facts(self, ref: MessageRef, attempt_no: int) -> DeliveryFacts:
        """What handing the message over depends on; see `AttemptStore`."""
        (row,) = await self._database.fetch(_DELIVERY_FACTS, _key(ref, attempt_no))
        return DeliveryFacts(
            request=request_from(row),
            suppressions=suppressions_from(row["suppressions"]),
            attempt=_attempt(row) if row["attempt_no"] is not None else None,
        )

    async def open_attempt(
        self,
        ref: MessageRef,
        attempt_no: int,
        channel: Channel,
        provider: str,
        now: datetime,
        *,
        tries_before: int,
    ) -> bool:
        """Record that the provider is about to be called; see `AttemptStore`."""
        parameters = {
            **_key(ref, attempt_no),
            "channel": channel.value,
            "provider": provider,
            "idempotency_key": idempotency_key(ref.message_id, attempt_no),
            "now": now,
            "tries_before": tries_before,
        }
        return await self._database.fetch_one(_OPEN, parameters) is not None

    async def record_attempt(
        self,
        ref: MessageRef,
        attempt_no: int,
        state: AttemptState,
        now: datetime,
        *,
        tries: int,
        code: str | None = None,
        provider_message_id: str | None = None,
    ) -> Attempt:
        """Record what came of a call, and book what was taken; see `AttemptStore`."""
        parameters = {
            **_key(ref, attempt_no),
            "state": state.value,
            "tries": tries,
            "code": code,
            "provider_message_id": provider_message_id,
            "now": now,
        }
        row = await self._database.fetch_one(_RECORD, parameters)
        if row is None:
            (row,) = await self._database.fetch(_ATTEMPT, parameters)
        return _attempt(row)

    async def close_attempt(
        self, ref: MessageRef, attempt_no: int, channel: Channel, now: datetime
    ) -> Attempt:
        """End an interrupted attempt; see `AttemptStore`."""
        parameters = {
            **_key(ref, attempt_no),
            "channel": channel.value,
            "idempotency_key": idempotency_key(ref.message_id, attempt_no),
            "now": now,
        }
        (row,) = await self._database.fetch(_CLOSE, parameters)
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
        tries=row["tries"],
        code=row["code"],
        called_at=row["called_at"],
        concluded_at=row["concluded_at"],
    )
