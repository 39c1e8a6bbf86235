"""Attempts at providers, in PostgreSQL."""

from dataclasses import asdict
from datetime import datetime

from madan_sara.activities.attempt_store import Attempt, DeliveryFacts, Postponement
from madan_sara.activities.provider_accounts import AccountHealth
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import AttemptState
from madan_sara.contracts.errors import NotFoundError
from madan_sara.contracts.naming import idempotency_key
from madan_sara.contracts.outreach import MessageRef
from madan_sara.persistence.database import Database, Query
from madan_sara.persistence.ledger_sql import SETTLE
from madan_sara.persistence.rows import (
    REQUEST_COLUMNS,
    REQUEST_TABLES,
    SUPPRESSIONS_OF_MESSAGE,
    Row,
    request_from,
    suppressions_from,
)
from madan_sara.policy.attempts import LATE_FOR_A_RETRY

_ATTEMPT_COLUMNS = """
    a.state AS attempt_state, a.openings, a.tries, a.was_lost, a.code, a.called_at,
    a.given_up_at, a.concluded_at, a.put_off_at, a.retry_at
"""

_DELIVERY_FACTS = Query(f"""
SELECT {REQUEST_COLUMNS},
       {SUPPRESSIONS_OF_MESSAGE} AS suppressions,
       a.attempt_no, {_ATTEMPT_COLUMNS},
       a.waiting_since,
       (SELECT coalesce(sum(w.waited), '0') FROM attempts w
         WHERE (w.tenant_id, w.message_id) = (m.tenant_id, m.message_id)
           AND w.channel = :channel) AS waited,
       p.account, p.code AS account_code, p.failing_since, p.down_since
  FROM {REQUEST_TABLES}
  LEFT JOIN attempts a
    ON (a.tenant_id, a.message_id) = (m.tenant_id, m.message_id) AND a.attempt_no = :attempt_no
  LEFT JOIN provider_accounts p ON p.account = :account
 WHERE m.tenant_id = :tenant_id AND m.message_id = :message_id
""")  # noqa: S608 - built from constants of ours

# A message's end takes turns at its row: whoever books one locks it before anything else.
_LOCKED_MESSAGE = """
message AS (
    SELECT message_id, tenant_id, campaign_id FROM messages
     WHERE tenant_id = :tenant_id AND message_id = :message_id
       FOR NO KEY UPDATE
)
"""

# An attempt without an open hold was replaced: nothing is sent for it. A message that has ended
# is never opened, whoever asks: a delivery that slept through the
# cancel of its outreach stops here. So does one that was overtaken: a worker that was only
# slow, and was taken for dead, must not call beside the run that took its place.
_OPEN = Query("""
WITH sending AS (
    UPDATE messages m SET state = 'sending'
     WHERE tenant_id = :tenant_id AND message_id = :message_id
       AND state IN ('scheduled', 'sending')
       AND EXISTS (SELECT FROM budget_entries h
                    WHERE (h.tenant_id, h.message_id, h.attempt_no, h.kind)
                        = (m.tenant_id, m.message_id, CAST(:attempt_no AS integer), 'hold'))
       AND NOT EXISTS (SELECT FROM budget_entries e
                        WHERE (e.tenant_id, e.message_id, e.attempt_no)
                            = (m.tenant_id, m.message_id, CAST(:attempt_no AS integer))
                          AND e.kind IN ('settle', 'release'))
    RETURNING message_id, tenant_id
)
INSERT INTO attempts AS a (message_id, attempt_no, tenant_id, channel, provider, idempotency_key,
                           state, openings, called_at)
SELECT message_id, CAST(:attempt_no AS integer), tenant_id, :channel, :provider, :idempotency_key,
       'sending', 1, CAST(:now AS timestamptz)
  FROM sending
    ON CONFLICT (tenant_id, message_id, attempt_no) DO UPDATE
   SET state = 'sending', openings = a.openings + 1, provider = excluded.provider,
       called_at = excluded.called_at, given_up_at = NULL
 WHERE a.state IN ('sending', 'not_sent') AND a.openings = :openings_before
RETURNING a.attempt_no
""")

# What certainly was not taken is on nobody's way: its message is asleep again, for a cancel, a
# sweep or an order to find. What may be out stays with its provider.
_PUT_OFF = Query(f"""
WITH {_LOCKED_MESSAGE}, waiting AS (
    INSERT INTO attempts AS a (message_id, attempt_no, tenant_id, channel, provider,
                               idempotency_key, state, code, waiting_since, put_off_at, retry_at,
                               account, campaign_id)
    SELECT message_id, CAST(:attempt_no AS integer), tenant_id, :channel, '', :idempotency_key,
           'not_sent', CAST(:code AS text), CAST(:now AS timestamptz), CAST(:now AS timestamptz),
           CAST(:until AS timestamptz), CAST(:account AS text), campaign_id
      FROM message
        ON CONFLICT (tenant_id, message_id, attempt_no) DO UPDATE
       SET state = CASE WHEN CAST(:may_be_out AS boolean) THEN a.state ELSE 'not_sent' END,
           tries = CAST(:tries AS integer),
           was_lost = a.was_lost OR CAST(:was_lost AS boolean),
           given_up_at = CASE WHEN CAST(:was_lost AS boolean) THEN CAST(:now AS timestamptz)
                              ELSE a.given_up_at END,
           code = excluded.code, retry_at = excluded.retry_at, account = excluded.account,
           campaign_id = excluded.campaign_id,
           waiting_since = coalesce(a.waiting_since, excluded.waiting_since),
           waited = a.waited + greatest(
               least(excluded.put_off_at, a.retry_at + CAST(:grace AS interval)) - a.put_off_at,
               interval '0') * (a.retry_at IS NOT NULL)::int,
           put_off_at = excluded.put_off_at
     WHERE a.state IN ('sending', 'not_sent') AND a.openings = CAST(:openings AS integer)
    RETURNING a.*
), asleep AS (
    UPDATE messages m SET state = 'scheduled'
      FROM waiting
     WHERE (m.tenant_id, m.message_id) = (waiting.tenant_id, waiting.message_id)
       AND m.state = 'sending' AND waiting.state = 'not_sent'
)
SELECT {_ATTEMPT_COLUMNS} FROM waiting a
""")  # noqa: S608 - built from constants of ours

_RESUME = Query("""
UPDATE attempts SET retry_at = NULL
 WHERE tenant_id = :tenant_id AND message_id = :message_id AND attempt_no = :attempt_no
""")

# What a provider has taken, or may have, is spent and sent from the same instant.
_BOOK_CONCLUDED = f"""
taken AS (
    SELECT tenant_id, message_id, attempt_no,
           CASE state WHEN 'unknown' THEN 'unknown' ELSE 'sent' END AS end_state
      FROM concluded WHERE state IN ('accepted', 'bounced', 'unknown')
), {SETTLE}
"""  # noqa: S608 - built from constants of ours

# The row is written even where no provider was called, so that none can be any more.
_CLOSE = Query(f"""
WITH {_LOCKED_MESSAGE}, concluded AS (
    INSERT INTO attempts AS a (message_id, attempt_no, tenant_id, channel, provider,
                               idempotency_key, state, code, concluded_at)
    SELECT message_id, CAST(:attempt_no AS integer), tenant_id, :channel, '', :idempotency_key,
           'refused', 'cancelled', CAST(:now AS timestamptz)
      FROM message
        ON CONFLICT (tenant_id, message_id, attempt_no) DO UPDATE
       SET state = CASE WHEN a.state = 'sending' AND a.bounced THEN 'bounced'
                        WHEN a.state = 'sending' THEN 'unknown'
                        WHEN a.state = 'not_sent' THEN 'refused' ELSE a.state END,
           code = CASE WHEN a.state = 'not_sent' THEN 'cancelled' ELSE a.code END,
           concluded_at = coalesce(a.concluded_at, excluded.concluded_at), retry_at = NULL
    RETURNING a.*
), {_BOOK_CONCLUDED}
SELECT {_ATTEMPT_COLUMNS} FROM concluded a
""")  # noqa: S608 - built from constants of ours

# What is final stays final: an answer that arrives after the attempt was concluded
# otherwise must not rewrite it. A no of one call says nothing of a call made since, by a run
# that took this one's place: that call may be taken. `not_sent` is what a look-up says of a
# call whose answer was lost. The code of an earlier wait says nothing of what was taken.
_RECORD = Query(f"""
WITH {_LOCKED_MESSAGE}, concluded AS (
    UPDATE attempts a
       SET state = CASE WHEN CAST(:state AS text) IN ('accepted', 'unknown') AND a.bounced
                        THEN 'bounced'
                        ELSE CAST(:state AS text) END,
           code = CASE WHEN CAST(:state AS text) = 'accepted' AND NOT a.bounced THEN :code
                       ELSE coalesce(:code, a.code) END,
           provider_message_id = coalesce(:provider_message_id, a.provider_message_id),
           concluded_at = CASE WHEN CAST(:state AS text) = 'not_sent' THEN NULL
                               ELSE CAST(:now AS timestamptz) END,
           tries = greatest(a.tries, CAST(:tries AS integer)), retry_at = NULL,
           was_lost = a.was_lost OR CAST(:state AS text) = 'not_sent'
      FROM message
     WHERE (a.tenant_id, a.message_id) = (message.tenant_id, message.message_id)
       AND a.attempt_no = CAST(:attempt_no AS integer)
       AND a.state IN ('sending', 'not_sent')
       AND (CAST(:state AS text) = 'accepted' OR a.openings = CAST(:openings AS integer))
    RETURNING a.*
), {_BOOK_CONCLUDED}
SELECT {_ATTEMPT_COLUMNS} FROM concluded a
""")  # noqa: S608 - built from constants of ours

# As a bounce for good does, which says the same later.
_SUPPRESS = Query("""
INSERT INTO suppressions (tenant_id, subject_kind, subject, channel, reason, created_at, wish_id)
SELECT tenant_id, 'address', addresses ->> CAST(:channel AS text), CAST(:channel AS text),
       'bounced', CAST(:now AS timestamptz), message_id
  FROM messages
 WHERE tenant_id = :tenant_id AND message_id = :message_id
   AND addresses ->> CAST(:channel AS text) IS NOT NULL
    ON CONFLICT DO NOTHING
""")

_ATTEMPT = Query(f"""
SELECT {_ATTEMPT_COLUMNS} FROM attempts a
 WHERE tenant_id = :tenant_id AND message_id = :message_id AND attempt_no = :attempt_no
""")  # noqa: S608 - built from constants of ours


class PostgresAttemptStore:
    """`AttemptStore` on PostgreSQL; whatever a method changes is one committed statement."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def delivery_facts(
        self, ref: MessageRef, attempt_no: int, channel: Channel, account: str
    ) -> DeliveryFacts:
        """What handing the message over depends on; see `AttemptStore`."""
        parameters = {**_key(ref, attempt_no), "channel": channel.value, "account": account}
        row = await self._database.fetch_one(_DELIVERY_FACTS, parameters)
        if row is None:
            raise NotFoundError.message(ref.message_id)
        return DeliveryFacts(
            request=request_from(row),
            suppressions=suppressions_from(row["suppressions"]),
            attempt=_attempt(row) if row["attempt_no"] is not None else None,
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
        return await self._database.fetch_one(_OPEN, parameters) is not None

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
            "grace": LATE_FOR_A_RETRY,
        }
        row = await self._database.fetch_one(_PUT_OFF, parameters)
        return None if row is None else _attempt(row)

    async def resume_attempt(self, ref: MessageRef, attempt_no: int) -> None:
        """Record that an attempt does not wait any more; see `AttemptStore`."""
        await self._database.fetch(_RESUME, _key(ref, attempt_no))

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
    ) -> Attempt:
        """Record what came of a call, and book what was taken; see `AttemptStore`."""
        parameters = {
            **_key(ref, attempt_no),
            "state": state.value,
            "openings": openings,
            "tries": tries,
            "code": code,
            "provider_message_id": provider_message_id,
            "now": now,
        }
        row = await self._database.fetch_one(_RECORD, parameters)
        row = row or await self._database.fetch_one(_ATTEMPT, parameters)
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
        await self._database.fetch(_SUPPRESS, parameters)

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
        row = await self._database.fetch_one(_CLOSE, parameters)
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
    )


def _health(row: Row) -> AccountHealth:
    return AccountHealth(
        account=row["account"],
        code=row["account_code"],
        failing_since=row["failing_since"],
        down_since=row["down_since"],
    )
