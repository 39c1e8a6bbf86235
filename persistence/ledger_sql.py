"""The one way entries reach the accounts.

Every statement that books money inserts its entries in a step named `entry` and
appends `BOOK_ENTRIES`: the accounts move by exactly what the ledger says, in the
same statement, and are locked in one order everywhere, so that no two bookings can
wait for each other.
"""

from typing import Final

BOOK_ENTRIES: Final = """
moved AS (
    SELECT e.tenant_id, e.campaign_id, place.scope, place.key,
           sum(CASE e.kind WHEN 'hold' THEN e.amount_micros
                           WHEN 'spend' THEN 0 ELSE -e.amount_micros END) AS held,
           sum(CASE WHEN e.kind IN ('settle', 'spend') THEN e.amount_micros ELSE 0 END) AS spent,
           sum(CASE e.kind WHEN 'release' THEN -1 WHEN 'settle' THEN 0 ELSE 1 END) AS messages
      FROM entry e
     CROSS JOIN LATERAL (VALUES ('campaign', ''), ('channel', e.channel), ('day', e.day::text))
                AS place (scope, key)
     GROUP BY e.tenant_id, e.campaign_id, place.scope, place.key
), locked AS MATERIALIZED (
    SELECT a.tenant_id, a.campaign_id, a.scope, a.key, moved.held, moved.spent, moved.messages
      FROM budget_accounts a JOIN moved USING (tenant_id, campaign_id, scope, key)
     ORDER BY a.tenant_id, a.campaign_id, a.scope, a.key
       FOR UPDATE OF a
), booked AS (
    UPDATE budget_accounts a
       SET held_micros = a.held_micros + locked.held,
           spent_micros = a.spent_micros + locked.spent,
           message_count = a.message_count + locked.messages
      FROM locked
     WHERE (a.tenant_id, a.campaign_id, a.scope, a.key)
         = (locked.tenant_id, locked.campaign_id, locked.scope, locked.key)
    RETURNING a.scope
)
"""
