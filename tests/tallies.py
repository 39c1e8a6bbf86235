"""The counts of a tenant's campaigns, counted anew from every message, receipt and conversion."""

from collections import Counter
from typing import Any
from uuid import UUID

from sqlalchemy import text

from madan_sara.persistence.database import Database

_KEPT = """
SELECT campaign_id, kind, name, reason, channel, CAST(sum(messages) AS bigint),
       CAST(sum(amount_micros) AS bigint)
  FROM (SELECT * FROM campaign_tallies UNION ALL SELECT * FROM campaign_tally_changes) t
 WHERE tenant_id = :tenant_id
 GROUP BY campaign_id, kind, name, reason, channel
"""

_COUNTED = """
SELECT campaign_id, 'state', state, coalesce(reason, ''), coalesce(channel, ''), count(*), 0
  FROM messages WHERE tenant_id = :tenant_id
 GROUP BY campaign_id, state, reason, channel
UNION ALL
SELECT m.campaign_id, 'conversion', 'conversion', '', m.channel, count(*), sum(c.value_micros)
  FROM conversions c JOIN messages m USING (message_id) WHERE c.tenant_id = :tenant_id
 GROUP BY m.campaign_id, m.channel
UNION ALL
SELECT m.campaign_id, 'receipt', d.kind, '', '', count(DISTINCT message_id), 0
  FROM delivery_events d JOIN messages m USING (message_id) WHERE d.tenant_id = :tenant_id
 GROUP BY m.campaign_id, d.kind
UNION ALL
SELECT m.campaign_id, 'receipt', 'engaged', '', '', count(DISTINCT message_id), 0
  FROM delivery_events d JOIN messages m USING (message_id)
 WHERE d.tenant_id = :tenant_id AND d.kind IN ('opened', 'clicked', 'replied')
 GROUP BY m.campaign_id
"""

#: Campaign, kind, name, reason, channel; then the number and the value.
Counts = Counter[tuple[Any, ...]]


async def kept_counts(database: Database, tenant_id: UUID) -> Counts:
    """The counts as they are kept; a receipt's without its channel."""
    return await _counts(database, tenant_id, _KEPT)


async def assert_tallies_are_exact(database: Database, tenant_id: UUID) -> None:
    """Every kept count equals the counted rows. Call it while no change is under way."""
    counted = await _counts(database, tenant_id, _COUNTED)
    assert await kept_counts(database, tenant_id) == counted


async def _counts(database: Database, tenant_id: UUID, statement: str) -> Counts:
    async with database.statement() as connection:
        rows = (await connection.execute(text(statement), {"tenant_id": tenant_id})).all()
    counts: Counts = Counter()
    for campaign, kind, name, reason, channel, messages, micros in rows:
        # Of two receipts that race, either may be the one whose channel counts.
        count = (campaign, kind, name, reason, "" if kind == "receipt" else channel)
        counts[*count, "messages"] += messages
        counts[*count, "micros"] += int(micros)
    return Counter({key: count for key, count in counts.items() if count})
