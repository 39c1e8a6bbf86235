"""The one way entries reach the accounts.

Every statement that books money inserts its entries in a step named `entry` and
appends `BOOK_ENTRIES`: the accounts move by exactly what the ledger says, in the
same statement, and are locked in one order everywhere, so that no two bookings can
wait for each other.

The hold of an attempt is looked up by its key for each attempt by itself (`OFFSET 0`): a planner
that knows nothing of the tables yet would rather read all holds there are, and join.
"""

from typing import Final

from sqlalchemy import text

#: Comes first, in a statement of its own, where one that had waited for the message would not see
#: what the transaction before it did.
LOCK_MESSAGE: Final = text("""
SELECT FROM messages WHERE tenant_id = :tenant_id AND message_id = :message_id FOR NO KEY UPDATE
""")

BOOK_ENTRIES: Final = """
moved AS (
    SELECT e.tenant_id, e.campaign_id, place.scope, place.key,
           sum(CASE e.kind WHEN 'hold' THEN e.amount_micros
                           WHEN 'spend' THEN 0 ELSE -e.amount_micros END) AS held,
           sum(CASE WHEN e.kind IN ('settle', 'spend') THEN e.amount_micros ELSE 0 END) AS spent,
           sum(CASE e.kind WHEN 'hold' THEN 1 WHEN 'release' THEN -1 ELSE 0 END) AS messages,
           max(e.due_at) AS due_at
      FROM entry e
     CROSS JOIN LATERAL (VALUES ('campaign', ''), ('channel', e.channel), ('day', e.day::text))
                AS place (scope, key)
     GROUP BY e.tenant_id, e.campaign_id, place.scope, place.key
), locked AS MATERIALIZED (
    SELECT a.tenant_id, a.campaign_id, a.scope, a.key, moved.held, moved.spent, moved.messages,
           moved.due_at
      FROM budget_accounts a JOIN moved USING (tenant_id, campaign_id, scope, key)
     ORDER BY a.tenant_id, a.campaign_id, a.scope, a.key
       FOR UPDATE OF a
), booked AS (
    UPDATE budget_accounts a
       SET held_micros = a.held_micros + locked.held,
           spent_micros = a.spent_micros + locked.spent,
           message_count = a.message_count + locked.messages,
           last_due_at = greatest(a.last_due_at, locked.due_at),
           booked_due_at = locked.due_at
      FROM locked
     WHERE (a.tenant_id, a.campaign_id, a.scope, a.key)
         = (locked.tenant_id, locked.campaign_id, locked.scope, locked.key)
    RETURNING a.scope
)
"""

#: For a statement with a step named `taken` that lists the attempts a provider has taken, or may
#: have (`tenant_id`, `message_id`, `attempt_no`, and the `end_state` of its message): settles
#: their holds and ends their messages as sent, as of the parameter `now`. The claim closes one
#: look-back window later; the person's statistics count the message, so that a channel that was
#: tried and never answered is known. A hold that has ended stays as it is, and so does its message.
SETTLE: Final = f"""
entry AS (
    INSERT INTO budget_entries
    SELECT message_id, attempt_no, 'settle', tenant_id, hold.campaign_id, hold.channel,
           hold.day, hold.amount_micros, CAST(:now AS timestamptz)
      FROM taken CROSS JOIN LATERAL (
           SELECT campaign_id, channel, day, amount_micros FROM budget_entries
            WHERE (tenant_id, message_id, attempt_no, kind)
                = (taken.tenant_id, taken.message_id, taken.attempt_no, 'hold')
           OFFSET 0) hold
        ON CONFLICT DO NOTHING
    RETURNING *
), sent AS (
    UPDATE messages m
       SET state = taken.end_state, reason = NULL, details = '{{}}',
           sent_at = CAST(:now AS timestamptz), finished_at = CAST(:now AS timestamptz)
      FROM entry JOIN taken USING (tenant_id, message_id, attempt_no)
     WHERE (m.tenant_id, m.message_id) = (entry.tenant_id, entry.message_id)
    RETURNING m.message_id, m.tenant_id, m.campaign_id, m.recipient_id, m.channel
), claim AS (
    UPDATE recipient_claims r
       SET sent_at = CAST(:now AS timestamptz), channel = sent.channel,
           covers = tstzrange(lower(r.covers), CAST(:now AS timestamptz) + make_interval(
                        hours => c.dedup_lookback_hours))
      FROM sent JOIN campaigns c USING (tenant_id, campaign_id)
     WHERE (r.tenant_id, r.message_id) = (sent.tenant_id, sent.message_id)
), counted AS (
    INSERT INTO engagement_stats AS e (tenant_id, recipient_id, channel, messages)
    SELECT tenant_id, recipient_id, channel, 1 FROM sent
        ON CONFLICT (tenant_id, recipient_id, channel) DO UPDATE SET messages = e.messages + 1
), {BOOK_ENTRIES}
"""  # noqa: S608 - built from constants of ours

#: For a statement with a step named `ended` that ends messages unsent (`tenant_id`,
#: `message_id`): gives back their claims and every open hold, as of the parameter `now`.
GIVE_BACK: Final = f"""
unclaimed AS (
    UPDATE recipient_claims r SET released_at = coalesce(r.released_at, CAST(:now AS timestamptz))
      FROM ended
     WHERE (r.tenant_id, r.message_id) = (ended.tenant_id, ended.message_id)
), entry AS (
    INSERT INTO budget_entries
    SELECT hold.message_id, hold.attempt_no, 'release', hold.tenant_id, hold.campaign_id,
           hold.channel, hold.day, hold.amount_micros, CAST(:now AS timestamptz)
      FROM ended CROSS JOIN LATERAL (
           SELECT h.* FROM budget_entries h
            WHERE (h.tenant_id, h.message_id, h.kind) = (ended.tenant_id, ended.message_id, 'hold')
              AND NOT EXISTS (
                      SELECT FROM budget_entries done
                       WHERE (done.tenant_id, done.message_id, done.attempt_no)
                           = (h.tenant_id, h.message_id, h.attempt_no)
                         AND done.kind IN ('settle', 'release'))
           OFFSET 0) hold
        ON CONFLICT DO NOTHING
    RETURNING *
), {BOOK_ENTRIES}
"""  # noqa: S608 - built from constants of ours
