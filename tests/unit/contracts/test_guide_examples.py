"""The examples of the guide, as it writes them."""

import warnings
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from pydantic import ValidationError

from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.recipient import RecipientProfile
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.policy.campaign_rules import campaign_violations


@pytest.fixture
def campaign():
    tenant_id = uuid4()
    with warnings.catch_warnings():
        # The guide's own words; newer Pythons warn of them.
        warnings.simplefilter("ignore", DeprecationWarning)
        return OutreachCampaign(
            tenant_uuid=tenant_id,
            name="Holiday Promotion 2024",
            campaign_type="promotion",
            channels=["email", "instagram", "facebook"],
            channel_priority={
                "default": ["instagram", "email", "facebook"],
                "new": ["email", "instagram"],
                "existing": ["instagram", "facebook", "email"],
            },
            budget_total=5000.00,
            budget_per_channel={
                "email": {"total": 1000.00, "spent": 0.00},
                "instagram": {"total": 2000.00, "spent": 0.00},
                "facebook": {"total": 2000.00, "spent": 0.00},
            },
            daily_limit=500,
            send_time_optimization=True,
            optimal_send_times={
                "email": {"weekday": "10:00", "weekend": "14:00"},
                "instagram": {"weekday": "19:00", "weekend": "20:00"},
            },
            start_date=datetime.utcnow(),  # noqa: DTZ003
            end_date=datetime.utcnow() + timedelta(days=30),  # noqa: DTZ003
        )


def test_the_campaign(campaign):
    assert campaign_violations(campaign.resolved()) == []
    assert campaign.budget_total == 5000
    complete = campaign.resolved()
    assert complete.priority_for("new") == (Channel.EMAIL, Channel.INSTAGRAM)
    assert complete.priority_for("returning") == complete.channel_priority["default"]
    assert campaign.optimal_send_times[Channel.EMAIL].on(weekend=True) == time(14)
    assert campaign.start_date.tzinfo is UTC
    assert abs(campaign.start_date - datetime.now(UTC)) < timedelta(minutes=1)


def test_the_campaign_survives_being_stored(campaign):
    assert OutreachCampaign.model_validate_json(campaign.model_dump_json()) == campaign


def test_best_practice_1_complete_contact_info():
    profile = RecipientProfile(
        contact_info={
            "email": "user@example.com",
            "phone": "+1234567890",
            "instagram_handle": "@username",
            "linkedin_id": "username",
        }
    )
    reachable = {c for c in Channel if profile.contact_info.address_for(c)}
    assert reachable == {"email", "sms", "whatsapp", "instagram", "linkedin"}


def test_best_practice_2_budgets_can_be_assigned(campaign):
    campaign.channels = ["email", "instagram", "linkedin"]
    campaign.channel_priority = None
    campaign.budget_total = 1000.00
    campaign.budget_per_channel = {
        "email": {"total": 500.00, "spent": 0.00},
        "instagram": {"total": 300.00, "spent": 0.00},
        "linkedin": {"total": 200.00, "spent": 0.00},
    }
    assert campaign_violations(campaign.resolved()) == []
    assert campaign.budget_per_channel[Channel.LINKEDIN].total == Decimal(200)
    campaign.budget_per_channel = None
    assert campaign_violations(campaign.resolved()) == []


def test_best_practice_3_send_times_can_be_assigned(campaign):
    campaign.send_time_optimization = True
    campaign.optimal_send_times = {
        "email": {"weekday": "10:00", "weekend": "14:00"},
        "instagram": {"weekday": "19:00", "weekend": "20:00"},
    }
    assert campaign.optimal_send_times[Channel.INSTAGRAM].weekday == time(19)


@pytest.mark.parametrize(("factor", "limit"), [(0.8, 400), (1.2, 600)])
def test_best_practice_4_the_daily_limit_can_be_scaled(campaign, factor, limit):
    campaign.daily_limit = int(campaign.daily_limit * factor)
    assert campaign.daily_limit == limit


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("budget_total", -1),
        ("daily_limit", True),
        ("daily_limit", 0.5),
        ("channels", []),
        ("channels", ["fax"]),
        ("timezone", "Haiti"),
        ("tenant_uuid", "mine"),
        ("colour", "red"),
    ],
)
def test_a_wrong_assignment_is_refused_and_changes_nothing(campaign, field, value):
    before = campaign.model_copy(deep=True)
    with pytest.raises(ValidationError):
        setattr(campaign, field, value)
    assert campaign == before


def test_the_settings():
    settings = OrchestratorSettings(
        dedup_lookback_hours=24,
        max_messages_per_day=3,
        max_messages_per_week=10,
        max_fallback_attempts=3,
        respect_timezones=True,
        min_spacing_minutes=30,
    )
    assert settings == OrchestratorSettings()


def test_the_recipient_of_the_single_send():
    profile = RecipientProfile.model_validate(
        {
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
        }
    )
    assert profile.preferences.preferred_channel is Channel.INSTAGRAM
    assert profile.engagement_history[Channel.EMAIL].click_rate == 0.1
