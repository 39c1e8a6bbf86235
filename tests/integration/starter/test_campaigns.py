"""`madan-sara campaign`."""

from uuid import UUID

from contracts.campaign import CampaignStatus


async def test_a_campaign_is_saved_paused_and_resumed(madan_sara, orchestrator, campaign):
    campaign |= {"budget_total": "5.25", "daily_limit": 10, "start_date": "2030-01-05T15:00:00Z"}
    saved = await madan_sara("campaign", "save", "-", "--json", stdin=campaign)
    assert (saved.code, saved.err) == (0, "")
    assert saved.document == {"campaign_id": campaign["id"], "campaign_status": "active"}

    paused = await madan_sara("campaign", "pause", campaign["id"])
    assert paused.code == 0
    # A changed limit must not start it again, nor move its start.
    del campaign["start_date"]
    saved = await madan_sara("campaign", "save", "-", "--json", stdin=campaign)
    assert saved.document["campaign_status"] == "paused"
    stored = await orchestrator.get_campaign(UUID(campaign["id"]))
    assert stored.start_date.year == 2030

    await madan_sara("campaign", "resume", campaign["id"])
    status = await madan_sara("campaign", "status", campaign["id"], "--json")
    assert (status.code, status.err) == (0, "")
    assert status.document["campaign_status"] == "active"
    assert '"budget_total": 5.25,' in status.out
    assert '"budget_utilization_pct": 0.00' in status.out

    await madan_sara("campaign", "cancel", campaign["id"])
    stored = await orchestrator.get_campaign(UUID(campaign["id"]))
    assert stored.status is CampaignStatus.CANCELLED
