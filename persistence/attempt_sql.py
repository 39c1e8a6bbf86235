"""The statements of attempts, each with the rules it must keep."""

from typing import Final

from madan_sara.persistence.database import Query
from madan_sara.persistence.ledger_sql import SETTLE
from madan_sara.persistence.rows import REQUEST_COLUMNS, REQUEST_TABLES, SUPPRESSIONS_OF_MESSAGE

_ATTEMPT_COLUMNS = """
    a.state AS attempt_state, a.openings, a.tries, a.was_lost, a.code, a.called_at,
    a.given_up_at, a.concluded_at, a.put_off_at, a.retry_at, a.awaits_turn
"""

# Read together with an answer, so that an account that works costs no further statement.
_ACCOUNT_HAS_FAILED = """
    EXISTS (SELECT FROM provider_accounts p WHERE p.account = CAST(:called_account AS text))
        AS account_has_failed
"""

DELIVERY_FACTS: Final = Query(f"""
SELECT {REQUEST_COLUMNS},
       {SUPPRESSIONS_OF_MESSAGE} AS suppressions,
       a.attempt_no, {_ATTEMPT_COLUMNS},
       a.waiting_since, CAST(m.routing AS text) AS routing, CAST(m.plan AS text) AS plan,
       (SELECT max(h.attempt_no) FROM budget_entries h
         WHERE (h.tenant_id, h.message_id, h.kind) = (m.tenant_id, m.message_id, 'hold')
           AND NOT EXISTS (SELECT FROM budget_entries e
                            WHERE (e.tenant_id, e.message_id, e.attempt_no)
                                = (h.tenant_id, h.message_id, h.attempt_no)
                              AND e.kind <> 'hold')) AS held_attempt_no,
       (SELECT coalesce(sum(w.waited), '0') FROM attempts w
         WHERE (w.tenant_id, w.message_id) = (m.tenant_id, m.message_id)
           AND w.channel = :channel) AS waited,
       p.account, p.code AS account_code, p.failing_since, p.down_since, p.refuses_settings,
       p.account IS NOT NULL AS account_has_failed
  FROM {REQUEST_TABLES}
  LEFT JOIN attempts a
    ON (a.tenant_id, a.message_id) = (m.tenant_id, m.message_id) AND a.attempt_no = :attempt_no
  LEFT JOIN provider_accounts p ON p.account = :account
 WHERE m.tenant_id = :tenant_id AND m.message_id = :message_id
""")  # noqa: S608 - built from constants of ours

# A booking locks the message before anything else, so that it and the message's end wait there.
_LOCKED_MESSAGE = """
message AS (
    SELECT message_id, tenant_id, campaign_id, state FROM messages
     WHERE tenant_id = :tenant_id AND message_id = :message_id
       FOR NO KEY UPDATE
)
"""

# An attempt without an open hold was replaced: nothing is sent for it. A message that has ended
# is never opened: a delivery that slept through the cancel of its outreach stops here. So does one
# that was overtaken: a worker that was only slow, but was taken for dead, must not call beside the
# run that replaced it.
OPEN: Final = Query("""
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

# A message that certainly was not taken is asleep again, for a cancel, a sweep or a command to
# find. One that may have been taken stays on its way.
PUT_OFF: Final = Query(f"""
WITH {_LOCKED_MESSAGE}, waiting AS (
    INSERT INTO attempts AS a (message_id, attempt_no, tenant_id, channel, provider,
                               idempotency_key, state, code, waiting_since, put_off_at, retry_at,
                               account, awaits_turn, campaign_id)
    SELECT message_id, CAST(:attempt_no AS integer), tenant_id, :channel, '', :idempotency_key,
           'not_sent', CAST(:code AS text),
           CASE WHEN NOT CAST(:awaits_turn AS boolean) THEN CAST(:now AS timestamptz) END,
           CAST(:now AS timestamptz), CAST(:until AS timestamptz), CAST(:account AS text),
           CAST(:awaits_turn AS boolean), campaign_id
      FROM message
        ON CONFLICT (tenant_id, message_id, attempt_no) DO UPDATE
       SET state = CASE WHEN CAST(:may_be_out AS boolean) THEN a.state ELSE 'not_sent' END,
           tries = CAST(:tries AS integer),
           was_lost = a.was_lost OR CAST(:was_lost AS boolean),
           given_up_at = CASE WHEN CAST(:was_lost AS boolean) THEN CAST(:now AS timestamptz)
                              ELSE a.given_up_at END,
           code = excluded.code, retry_at = excluded.retry_at, account = excluded.account,
           awaits_turn = excluded.awaits_turn, campaign_id = excluded.campaign_id,
           waiting_since = coalesce(a.waiting_since, excluded.waiting_since),
           waited = a.waited + greatest(
               least(excluded.put_off_at, a.retry_at + CAST(:grace AS interval)) - a.put_off_at,
               interval '0')
               * (a.retry_at IS NOT NULL AND (a.was_lost OR NOT a.awaits_turn))::int,
           put_off_at = excluded.put_off_at
     WHERE a.state IN ('sending', 'not_sent') AND a.openings = CAST(:openings AS integer)
    RETURNING a.*
), asleep AS (
    UPDATE messages m SET state = 'scheduled'
      FROM waiting
     WHERE (m.tenant_id, m.message_id) = (waiting.tenant_id, waiting.message_id)
       AND m.state = 'sending' AND waiting.state = 'not_sent'
)
SELECT {_ATTEMPT_COLUMNS}, {_ACCOUNT_HAS_FAILED} FROM waiting a
""")  # noqa: S608 - built from constants of ours

RESUME: Final = Query("""
UPDATE attempts SET retry_at = NULL
 WHERE tenant_id = :tenant_id AND message_id = :message_id AND attempt_no = :attempt_no
""")

# A message that a provider has taken, or may have, is spent and sent from the same instant.
_BOOK_CONCLUDED = f"""
taken AS (
    SELECT tenant_id, message_id, attempt_no,
           CASE state WHEN 'unknown' THEN 'unknown' ELSE 'sent' END AS end_state
      FROM concluded WHERE state IN ('accepted', 'bounced', 'unknown')
), {SETTLE}
"""  # noqa: S608 - built from constants of ours

# The row is written even if no provider was called, so that none can be called any more.
CLOSE: Final = Query(f"""
WITH {_LOCKED_MESSAGE}, concluded AS (
    INSERT INTO attempts AS a (message_id, attempt_no, tenant_id, channel, provider,
                               idempotency_key, state, code, concluded_at)
    SELECT message_id, CAST(:attempt_no AS integer), tenant_id, :channel, '', :idempotency_key,
           'refused', 'cancelled', CAST(:now AS timestamptz)
      FROM message
        ON CONFLICT (tenant_id, message_id, attempt_no) DO UPDATE
       SET state = CASE WHEN a.state = 'sending' AND a.bounced THEN CAST(:bounced_state AS text)
                        WHEN a.state = 'sending' THEN 'unknown'
                        WHEN a.state = 'not_sent' THEN 'refused' ELSE a.state END,
           code = CASE WHEN a.state = 'not_sent' THEN 'cancelled'
                       WHEN a.state = 'sending' AND NOT a.bounced THEN NULL ELSE a.code END,
           concluded_at = coalesce(a.concluded_at, excluded.concluded_at), retry_at = NULL
    RETURNING a.*
), {_BOOK_CONCLUDED}
SELECT {_ATTEMPT_COLUMNS}, false AS account_has_failed FROM concluded a
""")  # noqa: S608 - built from constants of ours

# A final state stays: an answer that arrives after the attempt was concluded otherwise must not
# rewrite it. Only `unknown` gives way to the acceptance of its last call: the money is spent and
# the contact kept already. A refusal of one call says nothing of a later call by a run that
# replaced this one: that call may be taken. `not_sent` comes from a look-up after a lost answer.
# The code of an earlier wait says nothing of the last call. The message's state is read with its
# lock, so it is newer than everything else the statement sees.
RECORD: Final = Query(f"""
WITH {_LOCKED_MESSAGE}, concluded AS (
    UPDATE attempts a
       SET state = CASE WHEN a.bounced THEN CAST(:bounced_state AS text)
                        ELSE CAST(:state AS text) END,
           code = CASE WHEN a.bounced THEN coalesce(:code, a.code)
                       ELSE CAST(:code AS text) END,
           provider_message_id = coalesce(:provider_message_id, a.provider_message_id),
           concluded_at = CASE WHEN CAST(:state AS text) = 'not_sent' THEN NULL
                               ELSE CAST(:now AS timestamptz) END,
           tries = greatest(a.tries, CAST(:tries AS integer)), retry_at = NULL,
           was_lost = a.was_lost OR CAST(:state AS text) = 'not_sent'
      FROM message
     WHERE (a.tenant_id, a.message_id) = (message.tenant_id, message.message_id)
       AND a.attempt_no = CAST(:attempt_no AS integer)
       AND CASE WHEN a.state IN ('sending', 'not_sent')
                THEN CAST(:state AS text) = 'accepted'
                     OR a.openings = CAST(:openings AS integer)
                ELSE a.state = 'unknown' AND message.state = 'unknown'
                     AND CAST(:state AS text) = 'accepted'
                     AND a.openings = CAST(:openings AS integer) END
    RETURNING a.*
), known_after_all AS (
    UPDATE messages m SET state = 'sent'
      FROM concluded JOIN message USING (tenant_id, message_id)
     WHERE (m.tenant_id, m.message_id) = (message.tenant_id, message.message_id)
       AND message.state = 'unknown' AND concluded.state = 'accepted'
), {_BOOK_CONCLUDED}
SELECT {_ATTEMPT_COLUMNS}, {_ACCOUNT_HAS_FAILED} FROM concluded a
""")  # noqa: S608 - built from constants of ours

# As a permanent bounce does, which says the same later.
SUPPRESS: Final = Query("""
INSERT INTO suppressions (tenant_id, subject_kind, subject, channel, reason, created_at, request_id)
SELECT tenant_id, 'address', addresses ->> CAST(:channel AS text), CAST(:channel AS text),
       'bounced', CAST(:now AS timestamptz), message_id
  FROM messages
 WHERE tenant_id = :tenant_id AND message_id = :message_id
   AND addresses ->> CAST(:channel AS text) IS NOT NULL
    ON CONFLICT DO NOTHING
""")

ATTEMPT: Final = Query(f"""
SELECT {_ATTEMPT_COLUMNS}, {_ACCOUNT_HAS_FAILED} FROM attempts a
 WHERE tenant_id = :tenant_id AND message_id = :message_id AND attempt_no = :attempt_no
""")  # noqa: S608 - built from constants of ours
