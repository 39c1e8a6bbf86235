"""A campaign's status reads kept counts, and no final status is ever left."""

import copy
import json
import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from madan_sara.contracts.campaign import FINAL_STATUSES, Campaign, CampaignStatus
from madan_sara.contracts.campaign_run import CampaignRef
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.persistence.campaign_runs import PostgresCampaignRuns
from madan_sara.persistence.campaign_status import SNAPSHOT, PostgresCampaignStatus
from madan_sara.policy.budget import AccountScope
from madan_sara.policy.forecast import prospects
from madan_sara.starter.campaigns import Campaigns
from tests.integration.persistence.shop import NOW, TODAY, Shop

_NOTE = text("""
INSERT INTO campaign_events (tenant_id, campaign_id, kind, details, occurred_at)
SELECT :tenant_id, :campaign_id, 'note', json_build_object('number', number), :now
  FROM generate_series(1, 7) number
""")


def relations(plan: Any) -> Iterator[str]:
    """Every table a plan touches."""
    if isinstance(plan, dict):
        if "Relation Name" in plan:
            yield plan["Relation Name"]
        plan = list(plan.values())
    if isinstance(plan, list):
        for part in plan:
            yield from relations(part)


async def test_it_touches_no_receipts_and_of_messages_only_those_that_wait(database):
    explain = copy.copy(SNAPSHOT)
    explain.sql = f"EXPLAIN (FORMAT JSON) {SNAPSHOT.sql}"
    unknown = {"tenant_id": uuid.uuid4(), "campaign_id": uuid.uuid4()}
    row = await database.fetch_one(
        explain, {**unknown, "since": NOW, "first_day": TODAY.isoformat()}
    )
    assert set(relations(row["QUERY PLAN"])) == {
        "campaigns",
        "budget_accounts",
        "budget_entries",
        "campaign_events",
        "campaign_tallies",
        "campaign_tally_changes",
        "attempts",
        "messages",
        "provider_accounts",
    }
    plan = json.dumps(row["QUERY PLAN"])
    assert plan.count('"attempts_waiting"') == 1
    assert "Seq Scan" not in plan


async def test_it_reads_only_the_last_sends(shop, database):
    """The rate is what could grow with the audience: entries beyond the sample are not read."""
    campaign = await shop.campaign()
    book = text("""
    INSERT INTO budget_entries
    SELECT gen_random_uuid(), 1, kind, :tenant_id, :campaign_id, 'chat', :today, 0,
           CAST(:now AS timestamptz) - make_interval(secs => number * 0.01)
      FROM generate_series(1, 3000) number, unnest(ARRAY['hold', 'settle']) kind
    """)
    key = {"tenant_id": shop.tenant_id, "campaign_id": campaign.id}
    async with database.statement() as connection:
        await connection.execute(book, {**key, "today": TODAY, "now": NOW})
    snapshot = await PostgresCampaignStatus(database).snapshot(**key, now=NOW)
    assert snapshot.recent.count == 1000
    assert snapshot.recent.since == NOW - timedelta(seconds=10)
    assert snapshot.recent.first_ever == NOW - timedelta(seconds=30)

    explain = copy.copy(SNAPSHOT)
    explain.sql = f"EXPLAIN (ANALYZE, FORMAT JSON) {SNAPSHOT.sql}"
    since, first_day = NOW - timedelta(minutes=5), TODAY.isoformat()
    row = await database.fetch_one(explain, {**key, "since": since, "first_day": first_day})
    assert sum(rows_of_entries(row["QUERY PLAN"])) == 1001


def rows_of_entries(plan: Any) -> Iterator[int]:
    """Rows each scan of the ledger has read, those it passed over included."""
    if isinstance(plan, dict):
        if plan.get("Relation Name") == "budget_entries":
            yield int(plan["Actual Rows"]) + int(plan.get("Rows Removed by Filter", 0))
        plan = list(plan.values())
    if isinstance(plan, list):
        for part in plan:
            yield from rows_of_entries(part)


async def test_the_last_five_events_are_reported_the_newest_first(shop, database, tenant_id):
    campaign = await shop.campaign()
    key = {"tenant_id": tenant_id, "campaign_id": campaign.id}
    async with database.statement() as connection:
        await connection.execute(_NOTE, {**key, "now": NOW})
    campaigns = Campaigns(database, tenant_id, OrchestratorSettings())
    status = await campaigns.status(campaign.id)
    assert [event["details"]["number"] for event in status["last_events"]] == [7, 6, 5, 4, 3]
    assert {event["kind"] for event in status["last_events"]} == {"note"}


async def test_a_campaign_that_is_not_saved_has_no_status(database, tenant_id):
    unknown = uuid.uuid4()
    with pytest.raises(LookupError, match=str(unknown)):
        await Campaigns(database, tenant_id, OrchestratorSettings()).status(unknown)


async def order(shop: Shop, campaign: Campaign, status: CampaignStatus) -> CampaignStatus:
    """Ask for another status; the one it has then."""
    return await shop.campaigns.change(
        shop.tenant_id,
        campaign.id,
        lambda present: present.model_copy(update={"status": status}),
        NOW,
        kind="ordered",
        details="{}",
    )


@pytest.mark.parametrize("final", sorted(FINAL_STATUSES))
async def test_a_final_status_is_never_left(final, shop):
    campaign = await shop.campaign()
    assert await order(shop, campaign, final) is final
    for other in CampaignStatus:
        assert await order(shop, campaign, other) is final
        changed = campaign.model_copy(update={"status": other, "name": other})
        await shop.save(changed)
        stored = (await shop.campaigns.load(shop.tenant_id, campaign.id)).campaign
        # What else was changed is stored.
        assert (stored.status, stored.name) == (final, other)


@pytest.mark.parametrize("present", sorted(set(CampaignStatus) - FINAL_STATUSES))
async def test_any_other_status_can_be_left(present, shop):
    campaign = await shop.campaign(status=present)
    for other in (CampaignStatus.DRAFT, CampaignStatus.PAUSED, CampaignStatus.ACTIVE):
        assert await order(shop, campaign, other) is other


async def test_the_days_know_when_their_last_send_is_due(shop, database):
    """Counts alone would let a forecast end before sends that are planned already."""
    campaign = await shop.campaign()
    tomorrow = TODAY + timedelta(days=1)
    first, second = [await shop.message(campaign, name) for name in ("ana", "joe")]
    await shop.reserve(first, day=tomorrow)
    await shop.reserve(second)
    snapshot = await PostgresCampaignStatus(database).snapshot(shop.tenant_id, campaign.id, NOW)
    due = {a.key: a.last_due_at for a in snapshot.accounts if a.scope is AccountScope.DAY}
    later = NOW + timedelta(days=1)
    assert due == {TODAY.isoformat(): NOW, tomorrow.isoformat(): later}
    facts = await PostgresCampaignRuns(database).facts(
        CampaignRef(tenant_id=shop.tenant_id, campaign_id=campaign.id), NOW
    )
    assert facts.days_ahead[tomorrow].last_due_at == later
    assert prospects(facts, 600.0, NOW).finish_at == later
