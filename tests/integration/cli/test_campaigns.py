"""`madan-sara campaign`."""

import json
from decimal import Decimal
from uuid import UUID

from madan_sara.contracts.campaign import DEFAULT_TENANT, CampaignStatus
from madan_sara.contracts.naming import campaign_workflow_id
from tests.integration.cli.cli import run_on_terminal
from tests.makers import zone_at_noon
from tests.waiting import eventually


async def test_a_campaign_is_saved_paused_and_resumed(madan_sara, orchestrator, campaign):
    campaign |= {"budget_total": "5.25", "daily_limit": 10, "start_date": "2092-01-05T15:00:00Z"}
    saved = await madan_sara("campaign", "save", "-", "--json", stdin=campaign)
    assert (saved.code, saved.err) == (0, "")
    assert saved.document == {
        "campaign_id": campaign["id"],
        "campaign_status": "active",
        "limits_changed": {},
        "closed_behind_end": 0,
        "texts_renewed": 0,
        "texts_kept": 0,
        "texts_kept_because": [],
        "warnings": [],
    }

    paused = await madan_sara("campaign", "pause", campaign["id"])
    assert paused.code == 0
    # A changed limit must not start it again, nor move its start.
    del campaign["start_date"]
    saved = await madan_sara("campaign", "save", "-", "--json", stdin=campaign)
    assert saved.document["campaign_status"] == "paused"
    stored = await orchestrator.get_campaign(UUID(campaign["id"]))
    assert stored.start_date.year == 2092

    await madan_sara("campaign", "resume", campaign["id"])
    status = await madan_sara("campaign", "status", campaign["id"], "--json")
    assert (status.code, status.err) == (0, "")
    assert status.document["campaign_status"] == "active"
    assert '"budget_total": 5.25,' in status.out
    assert '"budget_utilization_pct": 0.0' in status.out

    await madan_sara("campaign", "cancel", campaign["id"])
    stored = await orchestrator.get_campaign(UUID(campaign["id"]))
    assert stored.status is CampaignStatus.CANCELLED


async def test_a_command_that_cannot_be_undone_asks_on_a_terminal_only(
    settings, madan_sara, orchestrator, campaign
):
    name = campaign["id"]
    campaign |= {"budget_total": 100, "daily_limit": 10}
    await madan_sara("campaign", "save", "-", stdin=campaign)

    async def typing(typed: str, *arguments: str):
        return await run_on_terminal("campaign", *arguments, settings=settings, typed=typed)

    async def limits():
        saved = await orchestrator.get_campaign(UUID(name))
        return saved.daily_limit, saved.budget_total, saved.status

    no = await typing("n\n", "set", name, "--daily-limit", "9", "--budget", "200")
    assert (no.code, no.out) == (1, "")
    assert "Campaign Spring fair: its daily limit, 10 so far, becomes 9. Go on? [y/N]" in no.err
    assert no.err.endswith("error: nothing was changed\n")
    end_of_input = await typing("\x04", "cancel", name)
    assert end_of_input.code == 1
    assert f"Campaign Spring fair ({name}) is about to be cancelled for good: 0 of 0 mes" in (
        end_of_input.err
    )
    assert await limits() == (10, 100, CampaignStatus.ACTIVE)

    raised = await typing("", "set", name, "--daily-limit", "11")
    assert (raised.code, raised.err) == (0, "")
    lowered = await typing("y\n", "set", name, "--budget", "50")
    assert lowered.code == 0
    meant = await typing("", "set", name, "--budget", "40", "--yes")
    assert (meant.code, meant.err) == (0, "")
    script = await madan_sara("campaign", "set", name, "--budget", "30")
    assert (script.code, script.err) == (0, "")
    assert await limits() == (11, 30, CampaignStatus.ACTIVE)
    cancelled = await typing("yes\n", "cancel", name)
    assert cancelled.code == 0
    assert (await limits())[2] is CampaignStatus.CANCELLED


async def test_a_save_names_the_limits_it_changes_and_asks_on_a_terminal(
    settings, madan_sara, orchestrator, campaign, tmp_path
):
    name = campaign["id"]
    campaign |= {"budget_total": 5, "daily_limit": 10}
    file = tmp_path / "campaign.json"
    file.write_text(json.dumps(campaign))
    save = ("campaign", "save", str(file))
    await madan_sara(*save)
    await madan_sara("campaign", "set", name, "--daily-limit", "500", "--budget", "100")
    text = "daily_limit 500 -> 10; budget_total 100 -> 5"

    no = await run_on_terminal(*save, settings=settings, typed="n\n")
    assert (no.code, no.out) == (1, "")
    assert f"Campaign Spring fair gets other limits: {text}. Go on? [y/N]" in no.err
    assert (await orchestrator.get_campaign(UUID(name))).daily_limit == 500
    script = await madan_sara(*save)
    assert (script.code, script.err) == (0, "")
    assert f"Changed limits: {text}." in script.out
    again = await run_on_terminal(*save, "--json", settings=settings, typed="")
    assert (again.code, again.err, again.document["limits_changed"]) == (0, "", {})
    status = (await madan_sara("campaign", "status", name, "--json")).document
    (event, *_) = status["last_events"]
    assert event["kind"] == "limits_saved"
    assert event["details"] == {"daily_limit": "500 -> 10", "budget_total": "100 -> 5"}

    campaign["budget_total"] = 7
    file.write_text(json.dumps(campaign))
    meant = await run_on_terminal(*save, "--yes", "--json", settings=settings, typed="")
    changed = {"budget_total": {"before": 5, "after": 7}}
    assert (meant.code, meant.err, meant.document["limits_changed"]) == (0, "", changed)


async def test_a_save_shows_the_status_that_is_stored(madan_sara, orchestrator, campaign, tmp_path):
    name = campaign["id"]
    campaign |= {"status": "active", "templates": {"default": "Bonjou {{ name }}"}}
    await madan_sara("campaign", "save", "-", stdin=campaign)
    people = tmp_path / "people.csv"
    people.write_text(f"id,name,email\n{name},P,{name}@example.com\n")
    await madan_sara("campaign", "import", name, str(people))

    campaign |= {"status": "completed", "templates": {"default": "Orevwa {{ name }}"}}
    over = await madan_sara("campaign", "save", "-", stdin=campaign)
    assert over.code == 0
    assert over.out.endswith("is saved; it is completed, which is final.\n")
    late = await madan_sara("campaign", "save", "-", stdin=campaign | {"status": "active"})
    assert late.out.endswith("is saved; it stays completed, which is final.\n")


async def test_a_campaign_is_imported_started_steered_and_cancelled(
    madan_sara, orchestrator, campaign, tmp_path
):
    name = campaign["id"]
    campaign |= {"daily_limit": 2, "timezone": zone_at_noon()}
    campaign |= {"templates": {"default": "Bonjou {{ name }}"}}
    await madan_sara("campaign", "save", "-", stdin=campaign)
    empty = await madan_sara("campaign", "start", name)
    assert empty.code == 2
    assert "has no recipients left to start; import recipients first" in empty.err
    people = tmp_path / "people.csv"
    rows = [f"{name}-{n},P{n},{name}-{n}@example.com" for n in range(5)]
    people.write_text("\n".join(["id,name,email", *rows]))
    imported = await madan_sara("campaign", "import", name, str(people), "--json")
    assert (imported.code, imported.document["added"]) == (0, 5)

    started = await madan_sara("campaign", "start", name, "--json")
    workflow_id = campaign_workflow_id(DEFAULT_TENANT, UUID(name))
    assert started.document == {"campaign_id": name, "workflow_id": workflow_id}

    async def full() -> bool:
        text = await madan_sara("campaign", "status", name, "--json")
        return bool(text.document["waits_for"] == "next_day" and text.document["total_sent"] == 2)

    await eventually(full, "the day's two messages are sent")
    await orchestrator.campaign(UUID(name)).handle.terminate("by hand")
    lost = await madan_sara("campaign", "status", name)
    assert f"was terminated; `madan-sara campaign start {name}` goes on from here" in lost.out
    assert "waits for" not in lost.out
    await madan_sara("campaign", "start", name)
    refused = await madan_sara("campaign", "set", name, "--daily-limit", "1")
    assert refused.code == 2
    assert "daily_limit: 1 is below the 2 messages" in refused.err
    senseless = await madan_sara("campaign", "set", name)
    assert "give at least one" in senseless.err
    no_amount = await madan_sara("campaign", "set", name, "--budget", "much")
    assert no_amount.err == "error: --budget: 'much' is no amount; write it like 1000 or 99.50\n"
    halfway = await madan_sara("campaign", "set", name, "--daily-limit", "1", "--budget", "99")
    assert halfway.code == 2
    assert (await orchestrator.get_campaign(UUID(name))).budget_total is None
    changed = await madan_sara("campaign", "set", name, "--daily-limit", "3", "--budget", "9.5")
    assert (changed.code, changed.err) == (0, "")
    assert "has a daily limit of 3 and a budget of 9.5 now." in " ".join(changed.out.split())
    stored = await orchestrator.get_campaign(UUID(name))
    assert (stored.daily_limit, stored.budget_total) == (3, Decimal("9.5"))

    cancelled = await madan_sara("campaign", "cancel", name, "--reason", "rain")
    assert cancelled.code == 0
    assert (await orchestrator.campaign(UUID(name)).result()).status is CampaignStatus.CANCELLED
    text = (await madan_sara("campaign", "status", name, "--json")).document
    assert text["total_messages"] == 5
    assert [event["kind"] for event in text["last_events"]] == [
        "cancelled",
        "limits_set",
    ]
    late = await madan_sara("campaign", "set", name, "--budget", "100")
    assert late.code == 2
    assert "is cancelled, which is final; its limits stay" in late.err
    final = await madan_sara("campaign", "resume", name)
    assert "is cancelled, which is final" in final.err
