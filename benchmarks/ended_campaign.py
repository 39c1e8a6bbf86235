"""A campaign as it is when it has been carried out, stored without carrying it out."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text

from benchmarks.load import CHANNELS, make_campaign, save_campaigns
from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.persistence.database import Database

_CONTENT: Final = text("""
INSERT INTO contents (tenant_id, digest, body) VALUES (:tenant_id, 'status', '{}')
    ON CONFLICT DO NOTHING
""")

# Of a hundred, 88 are sent, 2 may have been, 6 are blocked for two reasons, 2 have failed and
# 2 were cancelled. They were sent one a tenth of a second, the last one just now.
_MESSAGES: Final = text("""
INSERT INTO messages (message_id, tenant_id, campaign_id, recipient_id, idempotency_key,
                      request_digest, profile, addresses, content_digest, force_send, state,
                      reason, channel, sent_at, created_at, finished_at)
SELECT gen_random_uuid(), :tenant_id, :campaign_id, 'p' || n, gen_random_uuid()::text, '',
       jsonb_build_object('name', 'Marie ' || n,
                          'contact_info', jsonb_build_object('phone', '+509370' || n)),
       jsonb_build_object('sms', '+509370' || n, 'whatsapp', '+509370' || n),
       'status', false, state,
       CASE state WHEN 'blocked' THEN (ARRAY['duplicate', 'suppressed'])[1 + n % 2]
                  WHEN 'failed' THEN 'no_viable_channel' WHEN 'cancelled' THEN 'cancelled' END,
       CASE WHEN state IN ('sent', 'unknown')
            THEN (CAST(:channels AS text[]))[1 + n % cardinality(CAST(:channels AS text[]))] END,
       CASE WHEN state IN ('sent', 'unknown') THEN at END, at, at
  FROM generate_series(1, CAST(:messages AS integer)) n,
       LATERAL (SELECT CAST(:now AS timestamptz) - make_interval(secs => n * 0.1) AS at,
                       CASE WHEN n % 100 < 88 THEN 'sent' WHEN n % 100 < 90 THEN 'unknown'
                            WHEN n % 100 < 96 THEN 'blocked' WHEN n % 100 < 98 THEN 'failed'
                            ELSE 'cancelled' END AS state) s
""")

_ENTRIES: Final = text("""
INSERT INTO budget_entries
SELECT message_id, 1, kind, tenant_id, campaign_id, channel, CAST(sent_at AS date), 1000, sent_at
  FROM messages, unnest(ARRAY['hold', 'settle']) kind
 WHERE campaign_id = :campaign_id AND sent_at IS NOT NULL
""")

_ACCOUNTS: Final = text("""
INSERT INTO budget_accounts AS a (tenant_id, campaign_id, scope, key, spent_micros, message_count)
SELECT tenant_id, campaign_id, scope, key, sum(amount_micros), count(*)
  FROM budget_entries e
 CROSS JOIN LATERAL (VALUES ('campaign', ''), ('channel', e.channel), ('day', e.day::text))
            AS place (scope, key)
 WHERE campaign_id = :campaign_id AND kind = 'settle'
 GROUP BY tenant_id, campaign_id, scope, key
    ON CONFLICT (tenant_id, campaign_id, scope, key) DO UPDATE
   SET spent_micros = excluded.spent_micros, message_count = excluded.message_count
""")

# Nine of ten are delivered, four of ten opened, one of ten clicked.
_RECEIPTS: Final = text("""
WITH received AS (
    INSERT INTO delivery_events
    SELECT 'benchmark', message_id || kind, tenant_id, message_id, 1, kind, NULL, sent_at, sent_at
      FROM (SELECT *, row_number() OVER () % 10 AS digit FROM messages
             WHERE campaign_id = :campaign_id AND sent_at IS NOT NULL) m
      JOIN (VALUES ('delivered', 9), ('opened', 4), ('clicked', 1)) k (kind, below)
        ON digit < below
    RETURNING tenant_id, message_id, kind
), once AS (
    INSERT INTO counted_once
    SELECT tenant_id, message_id, kind FROM received
    UNION SELECT tenant_id, message_id, 'engaged' FROM received WHERE kind <> 'delivered'
    RETURNING tenant_id, message_id, name
)
INSERT INTO campaign_tally_changes (tenant_id, campaign_id, kind, name, channel, messages)
SELECT tenant_id, campaign_id, 'receipt', name, channel, count(*)
  FROM once JOIN messages USING (tenant_id, message_id)
 GROUP BY tenant_id, campaign_id, name, channel
""")

_IDS: Final = text("SELECT message_id FROM messages WHERE campaign_id = :campaign_id")

# The kept counts against the rows, states and receipts alike.
_WRONG: Final = text("""
WITH counted AS (
    SELECT 'state' AS kind, state AS name, count(*) AS messages
      FROM messages WHERE campaign_id = :campaign_id GROUP BY state
    UNION ALL
    SELECT 'receipt', d.kind, count(DISTINCT message_id)
      FROM delivery_events d JOIN messages m USING (message_id)
     WHERE m.campaign_id = :campaign_id GROUP BY d.kind
), kept AS (
    SELECT kind, name, sum(messages) AS messages
      FROM (SELECT * FROM campaign_tallies UNION ALL SELECT * FROM campaign_tally_changes) t
     WHERE campaign_id = :campaign_id AND name <> 'engaged'
     GROUP BY kind, name HAVING sum(messages) <> 0
)
SELECT count(*) FROM counted FULL JOIN kept USING (kind, name)
 WHERE counted.messages IS DISTINCT FROM kept.messages
""")


async def store_ended(database: Database, messages: int) -> OutreachCampaign:
    """A campaign whose messages have all ended, with their money and their receipts."""
    campaign = make_campaign(f"status of {messages}", sends_at_once=True)
    await save_campaigns(database, [campaign])
    parameters = {
        "tenant_id": campaign.tenant_uuid,
        "campaign_id": campaign.id,
        "messages": messages,
        "channels": [channel.value for channel in CHANNELS],
        "now": datetime.now(UTC),
    }
    async with database.statement() as connection:
        for statement in (_CONTENT, _MESSAGES, _ENTRIES, _ACCOUNTS, _RECEIPTS):
            await connection.execute(statement, parameters)
    return campaign


async def message_ids(database: Database, campaign: OutreachCampaign) -> Sequence[UUID]:
    """Every message of a campaign."""
    async with database.statement() as connection:
        found = await connection.execute(_IDS, {"campaign_id": campaign.id})
        return found.scalars().all()


async def assert_counts_are_exact(database: Database, campaign: OutreachCampaign) -> None:
    """The kept counts equal the counted rows.

    Raises:
        AssertionError: one of them is not.
    """
    async with database.statement() as connection:
        wrong = (await connection.execute(_WRONG, {"campaign_id": campaign.id})).scalar_one()
    assert wrong == 0, f"{wrong} kept counts are not what counting comes to"
