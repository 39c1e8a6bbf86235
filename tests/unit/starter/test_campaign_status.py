"""A campaign's status, made from its records."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from pydantic import TypeAdapter

from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.contracts.campaign_run import CampaignEvent, Wait, WaitReason
from madan_sara.persistence.campaign_status import CampaignSnapshot
from madan_sara.policy.budget import Account, AccountScope
from madan_sara.policy.forecast import RecentSends
from madan_sara.policy.tallies import Tallies, Tally, TallyKind
from madan_sara.starter.answers import BatchResult, SendResult
from madan_sara.starter.campaign_status import CampaignStatusResult, campaign_status
from madan_sara.starter.importing.run import ImportResult

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
ID = UUID("550e8400-e29b-41d4-a716-446655440000")
STATE, RECEIPT, CONVERSION = TallyKind


def snapshot(**changes) -> CampaignSnapshot:
    campaign = OutreachCampaign(
        id=ID,
        name="Spring",
        channels=["email", "sms"],
        daily_limit=100,
        budget_total=1000,
        # It is still the 23rd there.
        timezone="America/Port-au-Prince",
        start_date=NOW - timedelta(days=4),
        end_date=NOW + timedelta(days=6),
    )
    facts = {
        "campaign": campaign.resolved(),
        "daily_share": 60,
        "is_started": True,
        "accounts": [
            Account(AccountScope.CAMPAIGN, "", 1_000_000_000, 1_500_000, 234_560_000, None, 452),
            Account(AccountScope.CHANNEL, "email", None, 0, 34_560_000, None, 430),
            Account(AccountScope.CHANNEL, "sms", None, 1_500_000, 200_000_000, None, 22),
            Account(AccountScope.DAY, "2026-11-23", None, 0, 0, 100, 45),
            Account(AccountScope.DAY, "2026-11-24", None, 0, 0, 100, 7),
        ],
        "tallies": Tallies(
            [
                Tally(STATE, "queued", "", "", 200),
                Tally(STATE, "scheduled", "", "sms", 3),
                Tally(STATE, "sent", "", "email", 430),
                Tally(STATE, "sent", "", "sms", 20),
                Tally(STATE, "unknown", "", "sms", 2),
                Tally(STATE, "failed", "no_viable_channel", "", 1),
                Tally(STATE, "cancelled", "cancelled", "", 5),
                Tally(STATE, "blocked", "duplicate", "", 3),
                Tally(STATE, "blocked", "suppressed", "sms", 1),
                Tally(STATE, "blocked", "suppressed", "", 1),
                Tally(RECEIPT, "delivered", "", "email", 442),
                Tally(RECEIPT, "opened", "", "email", 198),
                Tally(RECEIPT, "clicked", "", "email", 67),
                Tally(RECEIPT, "clicked", "", "sms", 1),
                Tally(CONVERSION, "conversion", "", "sms", 1, 5_000_000),
            ]
        ),
        "recent": RecentSends(
            count=50, since=NOW - timedelta(minutes=4), first_ever=NOW - timedelta(days=3)
        ),
        "events": [CampaignEvent(occurred_at=NOW, kind="limits_set", details={"daily_limit": 100})],
    }
    return CampaignSnapshot(**{**facts, **changes})


def test_everything_known_is_reported_in_the_guides_shape():
    wait = Wait(reason=WaitReason.NEXT_DAY, until=datetime(2026, 11, 24, 5, tzinfo=UTC))
    assert campaign_status(snapshot(wait=wait), NOW) == {
        "campaign_id": "550e8400-e29b-41d4-a716-446655440000",
        "campaign_name": "Spring",
        "campaign_status": "active",
        "is_started": True,
        "budget": {
            "budget_total": 1000.0,
            "budget_spent": 234.56,
            "budget_held": 1.5,
            "budget_remaining": 763.94,
            "budget_utilization_pct": 23.46,
        },
        "daily_limit": {
            "can_send": True,
            "messages_sent_today": 45,
            "daily_limit": 100,
            "remaining_today": 8,
        },
        "messages_ahead": 52,
        "messages_a_day": 60,
        "pacing": {
            "recommendation": "increase_pace",
            "ideal_spend_pct": 0.40,
            "actual_spend_pct": 0.23,
            "suggested_daily_messages": 130,
        },
        "total_messages": 666,
        "total_sent": 450,
        "total_unknown": 2,
        "total_delivered": 442,
        "total_opened": 198,
        "total_clicked": 68,
        "by_state": {
            "blocked": 5,
            "cancelled": 5,
            "failed": 1,
            "queued": 200,
            "scheduled": 3,
            "sent": 450,
            "unknown": 2,
        },
        "by_outcome": {
            "sent": 450,
            "unknown": 2,
            "failed": {"no_viable_channel": 1},
            "cancelled": 5,
            "blocked": {"duplicate": 3, "suppressed": 2},
        },
        "by_channel": {
            "email": {
                "sent": 430,
                "unknown": 0,
                "delivered": 442,
                "opened": 198,
                "clicked": 67,
                "spent": 34.56,
            },
            "sms": {
                "sent": 20,
                "unknown": 2,
                "delivered": 0,
                "opened": 0,
                "clicked": 1,
                "spent": 200.0,
            },
        },
        "rate_per_minute": 10.0,
        # Room for 8 of 200 today, in the evening, and so for 45 tomorrow; then 60 a day: the
        # last 27 on the fourth day, in 2.7 minutes.
        "expected_finish_at": "2026-11-27T05:02:42Z",
        "not_reached": None,
        "waits_for": "next_day",
        "wait_explanation": "the next day; what a day may have is sent or planned already",
        "next_wake_at": "2026-11-24T05:00:00Z",
        "channel_waits": [],
        "last_events": [
            {
                "occurred_at": "2026-11-24T02:00:00Z",
                "kind": "limits_set",
                "details": {"daily_limit": 100},
            }
        ],
    }


def test_without_a_workflow_it_waits_for_nothing():
    status = campaign_status(snapshot(), NOW)
    assert (status["waits_for"], status["next_wake_at"]) == (None, None)


def test_a_day_nothing_was_booked_on_has_no_messages():
    status = campaign_status(snapshot(), NOW + timedelta(days=2))
    assert status["daily_limit"]["messages_sent_today"] == 0
    assert status["daily_limit"]["remaining_today"] == 60


def test_recipients_that_were_not_started_have_no_finish():
    status = campaign_status(snapshot(is_started=False), NOW)
    assert status["expected_finish_at"] is None
    # Single messages need no start.
    asleep = Tallies([Tally(STATE, "scheduled", "", "sms", 7)])
    status = campaign_status(snapshot(is_started=False, tallies=asleep), NOW)
    assert status["expected_finish_at"] == "2026-11-24T05:00:42Z"


@pytest.mark.parametrize("kind", [CampaignStatusResult, SendResult, BatchResult, ImportResult])
def test_an_answer_is_a_model_for_pydantic(kind):
    assert TypeAdapter(kind).json_schema()["type"] == "object"


def test_a_status_is_json_as_it_stands():
    status = campaign_status(snapshot(), NOW)
    assert json.loads(json.dumps(status)) == status
    written = TypeAdapter(CampaignStatusResult).dump_json(status)
    assert TypeAdapter(CampaignStatusResult).validate_json(written) == status


def test_a_channel_the_campaign_has_left_is_still_reported():
    tallies = Tallies([Tally(RECEIPT, "delivered", "", "chat", 2)])
    status = campaign_status(snapshot(tallies=tallies), NOW)
    assert list(status["by_channel"]) == ["email", "sms", "chat"]
    assert status["by_channel"]["chat"]["delivered"] == 2
    assert status["total_messages"] == 0
