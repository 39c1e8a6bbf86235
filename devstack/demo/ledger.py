"""Whether the demo's books balance, asked of the tables themselves."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import TextClause, text

from contracts.campaign import OutreachCampaign
from contracts.channels import Channel
from contracts.money import from_micros, to_micros
from persistence.database import Database

# Every account beside the sum of the entries booked on it.
_ACCOUNTS: Final = text("""
WITH booked AS (
    SELECT e.campaign_id, place.scope, place.key,
           sum(CASE e.kind WHEN 'hold' THEN e.amount_micros WHEN 'spend' THEN 0
                           ELSE -e.amount_micros END) AS held,
           coalesce(sum(e.amount_micros) FILTER (WHERE e.kind IN ('settle', 'spend')), 0) AS spent,
           count(*) FILTER (WHERE e.kind IN ('hold', 'spend'))
             - count(*) FILTER (WHERE e.kind = 'release') AS messages
      FROM budget_entries e
     CROSS JOIN LATERAL (VALUES ('campaign', ''), ('channel', e.channel), ('day', e.day::text))
                AS place (scope, key)
     GROUP BY e.campaign_id, place.scope, place.key
)
SELECT campaign_id, scope, key,
       coalesce(a.held_micros, 0) AS held, coalesce(a.spent_micros, 0) AS spent,
       coalesce(a.message_count, 0) AS messages,
       coalesce(b.held, 0) AS held_in_entries, coalesce(b.spent, 0) AS spent_in_entries,
       coalesce(b.messages, 0) AS messages_in_entries
  FROM budget_accounts a FULL JOIN booked b USING (campaign_id, scope, key)
""")

_ASLEEP: Final = text("""
SELECT campaign_id, channel, count(*) AS messages
  FROM messages WHERE state = 'scheduled' GROUP BY campaign_id, channel
""")

# What a provider took is paid for, whatever became of it afterwards.
_SENT: Final = text("""
SELECT m.campaign_id, a.channel, count(*) AS messages
  FROM attempts a JOIN messages m USING (message_id)
 WHERE a.state IN ('accepted', 'bounced', 'unknown') GROUP BY m.campaign_id, a.channel
""")

_ENDED_UNSENT: Final = text("""
SELECT m.recipient_id, m.state,
       EXISTS (SELECT FROM budget_entries hold
                WHERE hold.message_id = m.message_id AND hold.kind = 'hold'
                  AND NOT EXISTS (SELECT FROM budget_entries done
                                   WHERE (done.message_id, done.attempt_no)
                                       = (hold.message_id, hold.attempt_no)
                                     AND done.kind IN ('settle', 'release'))) AS has_hold,
       EXISTS (SELECT FROM recipient_claims r
                WHERE r.message_id = m.message_id AND r.released_at IS NULL) AS has_claim
  FROM messages m
 WHERE m.state IN ('blocked', 'failed', 'cancelled')
""")


@dataclass(frozen=True)
class Verdict:
    """One promise of the system, looked at."""

    #: What holds, or should.
    promise: str
    #: Where it does not; empty when it does.
    faults: list[str]


async def check_ledger(database: Database, campaigns: Iterable[OutreachCampaign]) -> Verdict:
    """Compare accounts with entries, and both with what is asleep and what was sent."""
    held = await _priced(database, _ASLEEP, campaigns)
    spent = await _priced(database, _SENT, campaigns)
    names = {campaign.id: campaign.name for campaign in campaigns}
    async with database.statement() as connection:
        rows = (await connection.execute(_ACCOUNTS)).mappings().all()
    faults = []
    for row in rows:
        place = f"{names[row['campaign_id']]}, {row['scope']} {row['key']}".rstrip()
        for figure in ("held", "spent", "messages"):
            if row[figure] != row[f"{figure}_in_entries"]:
                entries = row[f"{figure}_in_entries"]
                faults.append(f"{place}: {figure} {row[figure]}, its entries say {entries}")
        if row["scope"] == "campaign":
            for figure, due in (("held", held), ("spent", spent)):
                if row[figure] != due[row["campaign_id"]]:
                    prices = due[row["campaign_id"]]
                    faults.append(f"{place}: {figure} {row[figure]}, the prices sum to {prices}")
    total_held, total_spent = from_micros(held.total()), from_micros(spent.total())
    promise = (
        f"the ledger balances: {total_spent:f} spent on what was sent, "
        f"{total_held:f} held for what is asleep, in {len(rows)} accounts"
    )
    return Verdict(promise, faults)


async def check_nothing_left(database: Database) -> Verdict:
    """No message that ended unsent may hold money or the right to contact somebody."""
    async with database.statement() as connection:
        rows = (await connection.execute(_ENDED_UNSENT)).mappings().all()
    faults = [
        f"{row['recipient_id']} is {row['state']} and still has a {thing}"
        for row in rows
        for thing in ("hold", "claim")
        if row[f"has_{thing}"]
    ]
    return Verdict(f"no hold and no claim is left of the {len(rows)} that ended unsent", faults)


async def _priced(
    database: Database, counts: TextClause, campaigns: Iterable[OutreachCampaign]
) -> Counter[UUID]:
    """What counted messages cost by the price lists, in micro-units by campaign."""
    settings = {campaign.id: campaign.effective_settings() for campaign in campaigns}
    async with database.statement() as connection:
        rows = (await connection.execute(counts)).mappings().all()
    cost: Counter[UUID] = Counter()
    for row in rows:
        price = settings[row["campaign_id"]].price_of(Channel(row["channel"]))
        cost[row["campaign_id"]] += row["messages"] * to_micros(price)
    return cost
