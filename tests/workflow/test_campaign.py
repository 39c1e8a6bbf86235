"""A month of a campaign, in seconds."""

from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from madan_sara.contracts.campaign import CampaignStatus, OutreachCampaign
from madan_sara.contracts.campaign_run import CampaignInput, CampaignRef, WaitReason
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.naming import CAMPAIGN_QUEUE, campaign_workflow_id
from madan_sara.persistence.database import Query
from madan_sara.policy.campaign_days import campaign_day
from madan_sara.workflows.campaign import CampaignWorkflow
from tests.audience import queue
from tests.fakes.sender import ScriptedSender
from tests.ledger import assert_nothing_left_behind
from tests.makers import make_campaign
from tests.waiting import eventually

NEW_YORK = ZoneInfo("America/New_York")
ZONES = (
    "America/New_York",
    "America/Port-au-Prince",
    "America/Los_Angeles",
    "Europe/Paris",
    "Asia/Tokyo",
    "Pacific/Auckland",
)

_SHARES = Query("""
SELECT details FROM campaign_events
 WHERE campaign_id = :campaign_id AND kind = 'daily_share_chosen'
""")

_SENT = Query("""
SELECT recipient_id, profile ->> 'timezone' AS zone, scheduled_at, sent_at FROM messages
 WHERE campaign_id = :campaign_id AND state = 'sent'
""")


async def test_a_month_of_days_each_with_its_share_across_a_change_of_clocks(
    stage, database, tenant_id
):
    change = next_change_of_clocks(NEW_YORK, await stage.now())
    await stage.sleep_until(change - timedelta(days=15))
    start = await stage.now()
    campaign = make_campaign(
        tenant_id,
        channels=["email"],
        templates={"email": "Bonjour {{ name }}"},
        timezone="America/New_York",
        start_date=start,
        end_date=start + timedelta(days=32),
        daily_limit=3,
        send_time_optimization=True,
        optimal_send_times={"email": {"weekday": "10:00", "weekend": "14:00"}},
        settings={"quiet_hours": {"start": "21:00", "end": "08:00"}},
    )
    sender = ScriptedSender()
    await stage.cast({Channel.EMAIL: sender})
    await stage.save(campaign)
    people = 84
    await queue(database, campaign, audience(people))

    result = await run(stage, campaign)

    assert result.status is CampaignStatus.COMPLETED
    assert result.by_state == {"sent": people}
    sent = await database.fetch(_SENT, {"campaign_id": campaign.id})
    assert len(sent) == len({row["recipient_id"] for row in sent}) == people
    days = Counter(campaign_day(campaign, row["sent_at"]) for row in sent)
    assert max(days.values()) <= 3
    assert len(days) >= 28
    assert min(days) < change.astimezone(NEW_YORK).date() < max(days)
    for row in sent:
        local = row["sent_at"].astimezone(ZoneInfo(row["zone"]))
        assert local.hour == (14 if local.weekday() >= 5 else 10), (row["zone"], local)
    await assert_nothing_left_behind(database, tenant_id)


async def test_left_to_choose_its_pace_it_spends_its_budget_and_not_before_its_time(
    stage, database, tenant_id
):
    start = await stage.now()
    price = Decimal("0.01")
    campaign = make_campaign(
        tenant_id,
        channels=["email"],
        templates={"email": "Bonjour {{ name }}"},
        start_date=start,
        end_date=start + timedelta(days=20),
        daily_limit=30,
        auto_pacing=True,
        budget_total=60 * price,
        send_time_optimization=True,
        optimal_send_times={"email": {"weekday": "12:00", "weekend": "12:00"}},
        settings={"prices": {"email": price}},
    )
    await stage.cast({Channel.EMAIL: ScriptedSender()})
    await stage.save(campaign)
    await queue(database, campaign, audience(90))

    result = await run(stage, campaign)

    assert result.by_state == {"sent": 60, "blocked": 30}
    assert result.status is CampaignStatus.BUDGET_EXHAUSTED
    sent = await database.fetch(_SENT, {"campaign_id": campaign.id})
    days = Counter(campaign_day(campaign, row["sent_at"]) for row in sent)
    assert len(days) >= 17, "the money was gone before its time"
    events = await database.fetch(_SHARES, {"campaign_id": campaign.id})
    assert events, "no choice was noted"
    assert all(event["details"]["reason"] for event in events)


async def test_at_its_end_whoever_is_left_is_counted(stage, database, tenant_id):
    start = await stage.now()
    campaign = make_campaign(
        tenant_id,
        channels=["email"],
        templates={"email": "Bonjour {{ name }}"},
        start_date=start,
        end_date=start + timedelta(days=3),
        daily_limit=2,
    )
    await stage.cast({Channel.EMAIL: ScriptedSender()})
    await stage.save(campaign)
    await queue(database, campaign, audience(20))

    result = await run(stage, campaign)

    assert result.status is CampaignStatus.EXPIRED
    sent = result.by_state["sent"]
    assert 6 <= sent <= 8
    assert result.by_state == {"sent": sent, "blocked": 20 - sent}
    await assert_nothing_left_behind(database, tenant_id)


async def test_what_was_due_in_a_pause_is_sent_after_it_in_allowed_hours(
    stage, database, tenant_id
):
    start = await stage.now()
    campaign = make_campaign(
        tenant_id,
        channels=["email"],
        templates={"email": "Bonjour {{ name }}"},
        start_date=start,
        send_time_optimization=True,
        optimal_send_times={"email": {"weekday": "12:00", "weekend": "12:00"}},
        settings={"quiet_hours": {"start": "20:00", "end": "09:00"}},
    )
    sender = ScriptedSender()
    await stage.cast({Channel.EMAIL: sender}, pause_poll=timedelta(hours=2))
    await stage.save(campaign)
    await queue(database, campaign, audience(12))
    handle = await begin(stage, campaign)
    await eventually(lambda: all_asleep(handle, 12), "every message is asleep")
    await handle.signal(CampaignWorkflow.pause)
    await eventually(lambda: waits(handle, WaitReason.RESUME), "it is paused")

    # In steps: the server drops a call that sleeps through many activities.
    for hours in range(6, 73, 6):
        await stage.sleep_until(start + timedelta(hours=hours))
    assert sender.asked == []
    await handle.signal(CampaignWorkflow.resume)

    assert (await handle.result()).by_state == {"sent": 12}
    assert len(sender.asked) == 12
    for row in await database.fetch(_SENT, {"campaign_id": campaign.id}):
        local = row["sent_at"].astimezone(ZoneInfo(row["zone"]))
        assert 9 <= local.hour < 20, (row["zone"], local)


def audience(people: int) -> list[dict[str, object]]:
    return [
        {
            "id": f"person-{n}",
            "name": f"Person {n}",
            "timezone": ZONES[n % len(ZONES)],
            "contact_info": {"email": f"person-{n}@example.com"},
        }
        for n in range(people)
    ]


async def run(stage, campaign: OutreachCampaign):
    return await (await begin(stage, campaign)).result()


async def all_asleep(handle, count: int):
    figures = (await handle.query(CampaignWorkflow.status)).figures
    return figures is not None and figures.by_state.get("scheduled") == count


async def waits(handle, reason: WaitReason):
    return (await handle.query(CampaignWorkflow.status)).waits_for is reason


async def begin(stage, campaign: OutreachCampaign):
    ref = CampaignRef(tenant_id=campaign.tenant_uuid, campaign_id=campaign.id)
    return await stage.client.start_workflow(
        CampaignWorkflow.run,
        CampaignInput(ref=ref),
        id=campaign_workflow_id(campaign.tenant_uuid, campaign.id),
        task_queue=CAMPAIGN_QUEUE,
    )


def next_change_of_clocks(zone: ZoneInfo, now: datetime) -> datetime:
    """The first hour from three weeks on at which a zone's offset from UTC changes."""
    moment = (now + timedelta(days=21)).replace(minute=0, second=0, microsecond=0)
    while zone.utcoffset(moment) == zone.utcoffset(moment + timedelta(hours=1)):
        moment += timedelta(hours=1)
    return moment + timedelta(hours=1)
