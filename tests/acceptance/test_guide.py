"""The guide's examples, with only their import and construction lines changed."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest

from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.contracts.outreach import OutreachState
from tests.makers import make_campaign, zone_at_noon
from tests.receipts import pass_on_receipts

#: The guide's campaign calls `datetime.utcnow()`, which Python 3.12 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:datetime.datetime.utcnow:DeprecationWarning")


@pytest.fixture
def campaign(tenant_id):
    return OutreachCampaign(
        tenant_uuid=tenant_id,
        timezone=zone_at_noon(),
        name="Holiday Promotion 2024",
        campaign_type="promotion",
        # Channel configuration
        channels=["email", "instagram", "facebook", "whatsapp", "linkedin"],
        channel_priority={
            "default": ["instagram", "email", "facebook"],
            "new": ["email", "instagram"],
            "existing": ["instagram", "facebook", "email"],
        },
        # Budget settings
        budget_total=5000.00,
        budget_per_channel={
            "email": {"total": 1000.00, "spent": 0.00},
            "instagram": {"total": 2000.00, "spent": 0.00},
            "facebook": {"total": 2000.00, "spent": 0.00},
        },
        daily_limit=500,
        # Send time optimization
        send_time_optimization=True,
        optimal_send_times={
            "email": {"weekday": "10:00", "weekend": "14:00"},
            "instagram": {"weekday": "19:00", "weekend": "20:00"},
        },
        # Campaign duration
        start_date=datetime.utcnow(),  # noqa: DTZ003 - the guide's own line
        end_date=datetime.utcnow() + timedelta(days=30),  # noqa: DTZ003
    )


async def test_example_1_simple_email_send(orchestrator, campaign, capsys):
    result = await orchestrator.send_outreach(
        campaign=campaign,
        recipient_id="user_123",
        recipient_profile={
            "name": "Alice Johnson",
            "customer_type": "new",
            "contact_info": {"email": "alice@example.com"},
        },
        content={"email": "Welcome Alice! Here's a special offer for you."},
    )

    print(f"Status: {result['status']}")
    print(f"Channel: {result['channel']}")
    print(f"Scheduled at: {result['scheduled_at']}")

    assert "Status: scheduled\nChannel: email\nScheduled at: 2" in capsys.readouterr().out
    assert result["routing_reason"] == "campaign_priority"
    await orchestrator.cancel(UUID(result["message_id"]))


async def test_example_2_multi_channel_with_preferences(orchestrator, campaign):
    result = await orchestrator.send_outreach(
        campaign=campaign,
        recipient_id="user_456",
        recipient_profile={
            "name": "Bob Smith",
            "customer_type": "returning",
            "device_preference": "mobile",
            "contact_info": {
                "email": "bob@example.com",
                "instagram_handle": "@bobsmith",
                "whatsapp": "+1234567890",
            },
            "preferences": {"preferred_channel": "instagram"},
        },
        content={
            "email": "Hey Bob, welcome back!",
            "instagram": "Bob! 👋 Great to see you again!",
            "whatsapp": "Hi Bob, thanks for coming back!",
        },
    )

    assert result["channel"] == "instagram"
    assert result["routing_reason"] == "user_preference"
    assert result["fallback_channels"] == ["email", "whatsapp"]
    await orchestrator.cancel(UUID(result["message_id"]))


async def test_single_message_send_answers_in_the_guides_shape(orchestrator, campaign):
    result = await orchestrator.send_outreach(
        campaign=campaign,
        recipient_id="user_12345",
        recipient_profile={
            "name": "Jane Smith",
            "customer_type": "returning",
            "timezone": "America/New_York",
            "device_preference": "mobile",
            "contact_info": {
                "email": "jane@example.com",
                "phone": "+1234567890",
                "instagram_handle": "@janesmith",
                "linkedin_id": "janesmith",
            },
            "preferences": {"preferred_channel": "instagram"},
            "engagement_history": {
                "email": {"open_rate": 0.4, "click_rate": 0.1},
                "instagram": {"open_rate": 0.7, "click_rate": 0.3},
            },
        },
        content={
            "email": "Hi {{name}}, we have something special for you!",
            "instagram": "Hey {{name}}! 👋 Check this out!",
            "default": "Hello {{name}}!",
        },
        force_send=False,
    )
    assert result["status"] == "scheduled"
    UUID(result["message_id"])
    assert result["channel"] == "instagram"
    assert result["scheduled_at"].endswith("Z")
    assert len(result["fallback_channels"]) == 2
    assert result["fallback_channels"][0] == "email"
    assert result["routing_reason"] == "user_preference"
    await orchestrator.cancel(UUID(result["message_id"]))


async def test_best_practice_5_handle_blocked_messages(orchestrator, campaign, capsys):
    async def send(recipient: str, text: str, **changes):
        for field, value in changes.items():
            setattr(campaign, field, value)
        return await orchestrator.send_outreach(
            campaign=campaign,
            recipient_id=recipient,
            recipient_profile={"contact_info": {"email": f"{recipient}@example.com"}},
            content={"email": text},
        )

    await send("user_1", "Bread is fresh at seven")
    handled = []
    for result in (
        await send("user_1", "Ripe mangoes from Leogane"),
        await send(
            "user_2", "Yams, plantains and salt fish", budget_total=0.0015, budget_per_channel=None
        ),
    ):
        if result["status"] == "blocked":
            reason = result["reason"]

            if reason == "duplicate":
                print(f"Skip: sent recently at {result['details']['last_message_at']}")

            elif reason == "frequency_cap":
                print(f"Skip: daily limit ({result['details']['messages_sent_today']})")

            elif reason == "budget_exceeded":
                print(f"Stop: budget exhausted ({result['details']['remaining_budget']})")
            handled.append(reason)

    assert handled == ["duplicate", "budget_exceeded"]
    assert "budget exhausted (0.0005)" in capsys.readouterr().out


async def test_a_frequency_cap_carries_the_count(orchestrator, campaign):
    for number, text in enumerate(["Fresh bread", "Ripe mango", "Salt fish", "Sweet yams"]):
        other = campaign.model_copy(update={"id": UUID(int=campaign.id.int + number)})
        result = await orchestrator.send_outreach(
            campaign=other,
            recipient_id="user_9",
            recipient_profile={"contact_info": {"email": "eve@example.com"}},
            content={"email": text},
        )
    assert (result["status"], result["reason"]) == ("blocked", "frequency_cap")
    assert result["details"]["messages_sent_today"] == 3


async def test_best_practice_4_monitor_orchestration_status(orchestrator, campaign):
    await orchestrator.save_campaign(campaign)
    status = await orchestrator.get_orchestration_status(campaign.id)

    if status["pacing"]["recommendation"] == "reduce_pace":
        # Slow down sends
        campaign.daily_limit = int(campaign.daily_limit * 0.8)

    elif status["pacing"]["recommendation"] == "increase_pace":
        # Speed up sends
        campaign.daily_limit = int(campaign.daily_limit * 1.2)

    assert status["pacing"]["recommendation"] == "maintain_pace"
    assert status["campaign_status"] == "active"
    assert status["budget"]["budget_total"] == 5000
    assert status["daily_limit"] == {
        "can_send": True,
        "messages_sent_today": 0,
        "daily_limit": 500,
        "remaining_today": 500,
    }
    assert (status["total_sent"], status["total_delivered"]) == (0, 0)


async def test_batch_send_answers_in_the_guides_shape(orchestrator, campaign):
    result = await orchestrator.send_batch(
        campaign=campaign,
        recipients=[
            {
                "id": "user_1",
                "name": "John Doe",
                "customer_type": "new",
                "contact_info": {"email": "john@example.com"},
            },
            {
                "id": "user_2",
                "name": "Jane Smith",
                "customer_type": "returning",
                "contact_info": {"email": "jane@example.com", "instagram_handle": "@janesmith"},
            },
        ],
        content_templates={
            "email": "Hi {{name}}, special offer inside!",
            "instagram": "Hey {{name}}! 🎁 Exclusive deal!",
        },
    )
    assert (result["total"], result["scheduled"], result["blocked"], result["failed"]) == (
        2,
        2,
        0,
        0,
    )
    assert [
        (item["recipient_id"], item["status"], item["channel"], item["reason"])
        for item in result["details"]
    ] == [("user_1", "scheduled", "email", None), ("user_2", "scheduled", "instagram", None)]
    for item in result["details"]:
        await orchestrator.cancel(UUID(item["message_id"]))


async def test_a_bounce_after_the_end_is_carried_on_by_process_fallback(
    orchestrator, tenant_id, sandbox
):
    campaign = make_campaign(tenant_id, channels=["instagram", "email"])
    result = await orchestrator.send_outreach(
        campaign,
        "marie",
        {
            "contact_info": {"instagram_handle": "bounce-marie", "email": "marie@example.com"},
            "preferences": {"preferred_channel": "instagram"},
        },
        {"default": "Bonjou"},
    )
    message_id = UUID(result["message_id"])
    assert (await orchestrator.handle(message_id).result()).state is OutreachState.SENT
    await pass_on_receipts(sandbox, orchestrator, message_id)

    carried_on = await orchestrator.process_fallback(message_id)

    assert (carried_on["status"], carried_on["channel"]) == ("scheduled", "email")
    assert (await orchestrator.handle(message_id).result()).state is OutreachState.SENT
    record = await orchestrator.get_message(message_id)
    assert [(a.channel, a.state) for a in record.attempts] == [
        ("instagram", "bounced"),
        ("email", "accepted"),
    ]
