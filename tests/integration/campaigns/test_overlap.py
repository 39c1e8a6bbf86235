"""Campaigns whose audiences overlap, running at the same time."""

import asyncio
from collections import Counter
from uuid import UUID

from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.starter.campaign_control import CampaignControl
from madan_sara.starter.orchestrator import OutreachOrchestrator
from tests.audience import queue
from tests.ledger import assert_nothing_left_behind
from tests.makers import make_campaign, make_profile

#: Nothing in common that the near-duplicate rule could mistake for the same text.
_TEXTS = (
    "Fresh bread every morning at six",
    "Our mangoes have arrived from Gonaives",
    "Learn to sew in four weekends",
    "Phone repair while you wait",
    "New dresses for the carnival",
)


async def test_the_daily_cap_holds_across_campaigns(orchestrator, database, tenant_id, sandbox):
    people = _people(tenant_id, 20)
    campaigns = [_campaign(tenant_id, text) for text in _TEXTS]

    results = await _run_all(orchestrator, database, campaigns, people)

    assert sum((Counter(r.by_state) for r in results), Counter()) == {"sent": 60, "blocked": 40}
    got = Counter(r.to for r in sandbox.taken() if r.to.startswith(str(tenant_id)))
    assert set(got.values()) == {3}
    assert len(got) == 20
    statuses = [await orchestrator.get_orchestration_status(c.id) for c in campaigns]
    assert sum(s["by_state"].get("blocked", 0) for s in statuses) == 40
    await assert_nothing_left_behind(database, tenant_id)


async def test_the_same_text_reaches_a_person_once_from_any_campaign(
    orchestrator, database, tenant_id, sandbox
):
    people = _people(tenant_id, 25)
    campaigns = [_campaign(tenant_id, _TEXTS[0]), _campaign(tenant_id, f"{_TEXTS[0]}!")]

    results = await _run_all(orchestrator, database, campaigns, people)

    assert sum((Counter(r.by_state) for r in results), Counter()) == {"sent": 25, "blocked": 25}
    got = [r.to for r in sandbox.taken() if r.to.startswith(str(tenant_id))]
    assert len(got) == len(set(got)) == 25


async def test_the_look_back_holds_for_single_sends_beside_a_campaign(
    orchestrator, database, tenant_id, sandbox
):
    campaign = _campaign(tenant_id, _TEXTS[0])
    people = _people(tenant_id, 10)
    await orchestrator.save_campaign(campaign)
    first = people[0]
    single = await orchestrator.send_outreach(
        campaign,
        str(first["id"]),
        make_profile(contact_info=first["contact_info"]),
        {"chat": _TEXTS[1]},
    )
    assert single["status"] == "scheduled"

    (result,) = await _run_all(orchestrator, database, [campaign], people)

    assert result.by_state == {"sent": 10, "blocked": 1}
    got = [r.to for r in sandbox.taken() if r.to.startswith(str(tenant_id))]
    assert len(got) == len(set(got)) == 10


async def _run_all(
    orchestrator: OutreachOrchestrator,
    database,
    campaigns: list[OutreachCampaign],
    people: list[dict[str, object]],
):
    for campaign in campaigns:
        await orchestrator.save_campaign(campaign)
        await queue(database, campaign, people)
    controls: list[CampaignControl] = [orchestrator.campaign(c.id) for c in campaigns]
    await asyncio.gather(*(control.start() for control in controls))
    return await asyncio.gather(*(control.result() for control in controls))


def _campaign(tenant_id: UUID, words: str) -> OutreachCampaign:
    return make_campaign(tenant_id, name=words, channels=["chat"], templates={"chat": words})


def _people(tenant_id: UUID, count: int) -> list[dict[str, object]]:
    return [
        {"id": f"person-{n}", "contact_info": {"user_id": f"{tenant_id}-{n}"}} for n in range(count)
    ]
