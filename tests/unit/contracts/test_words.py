"""Every end of a message is said with its figures."""

import pytest

from madan_sara.contracts.campaign import FINAL_STATUSES, CampaignStatus
from madan_sara.contracts.campaign_run import WaitReason
from madan_sara.contracts.decision import RoutingReason, RuledOut, TimingReason, ZoneSource
from madan_sara.contracts.delivery import AttemptState, DeliveryEventKind, DeliveryOutcome
from madan_sara.contracts.outreach import ExitReason, OutreachState
from madan_sara.contracts.words import choices, progress, waits
from madan_sara.contracts.words.ends import why_unsent

EARLIER = {"last_message_id": "m-1", "last_message_at": "2030-01-05T10:00:00.5Z"}


@pytest.mark.parametrize(
    ("reason", "details", "expected"),
    [
        (
            "duplicate",
            {"kind": "look_back", "lookback_hours": 24, **EARLIER},
            "m-1, 2030-01-05 10:00 UTC",
        ),
        (
            "duplicate",
            {"kind": "same_address", "lookback_hours": 24, **EARLIER},
            "the same mailbox or number already, under another id (message m-1",
        ),
        ("duplicate", {"kind": "near_duplicate", "similarity": 0.83, **EARLIER}, "83 % like"),
        ("duplicate", {"kind": "claimed_since"}, "another message since"),
        (
            "duplicate",
            {"sms": "recently_messaged", "last_message_at": "2030-01-05T10:00:00Z"},
            "the last time 2030-01-05 10:00 UTC (sms: used too recently)",
        ),
        (
            "frequency_cap",
            {"period": "day", "messages_sent_today": 3, "max_messages_per_day": 3},
            "3 in 24 hours (at most 3)",
        ),
        (
            "budget_exceeded",
            {
                "scope": "channel",
                "key": "sms",
                "price": "0.0075",
                "remaining_budget": "0",
                "limit": "1",
            },
            "costs 0.0075, and 0 of 1 is left of the budget of sms",
        ),
        ("budget_exceeded", {}, "Nothing was left of the campaign's money"),
        ("daily_limit", {"daily_limit": 5, "day": "2030-01-05"}, "5 messages of 2030-01-05"),
        ("campaign_not_active", {"campaign_status": "paused"}, "The campaign is paused"),
        ("suppressed", {"suppression": "complained"}, "complained"),
        ("suppressed", {"sms": "suppressed", "email": "no_contact"}, "email: no address"),
        ("expired", {"channel": "sms"}, "before the campaign ends."),
        ("expired", {"end_date": "2030-01-05T10:00:00+00:00"}, "ends at 2030-01-05 10:00 UTC"),
        ("no_viable_channel", {"sms": "no_contact"}, "sms: no address"),
        ("all_channels_failed", {"sms": "recipient_refused"}, "sms: recipient_refused"),
        ("cancelled", {}, "withdrawn before a provider took it"),
    ],
)
def test_an_end_is_reported_with_its_figures(reason, details, expected):
    rule, advice = why_unsent(ExitReason(reason), details)
    assert expected in rule
    assert advice


@pytest.mark.parametrize(
    ("status", "command"),
    [
        (CampaignStatus.DRAFT, "campaign start"),
        (CampaignStatus.PAUSED, "campaign resume"),
        *((status, None) for status in sorted(FINAL_STATUSES)),
    ],
)
def test_a_campaign_that_does_not_send_gets_advice(status, command):
    details = {"campaign_status": status.value}
    _, advice = why_unsent(ExitReason.CAMPAIGN_NOT_ACTIVE, details)
    if command:
        assert f"`madan-sara {command} CAMPAIGN_ID`" in advice
    else:
        assert "another campaign" in advice
        assert "madan-sara" not in advice


@pytest.mark.parametrize("reason", ExitReason)
def test_an_end_without_figures_is_reported_too(reason):
    assert all(why_unsent(reason, {}))


@pytest.mark.parametrize(
    ("described", "there_are"),
    [
        (progress.STATES, OutreachState),
        (progress.ATTEMPTS, AttemptState),
        (progress.OUTCOMES, DeliveryOutcome),
        (progress.EVENTS, DeliveryEventKind),
        (choices.ROUTING, RoutingReason),
        (choices.RULED_OUT, RuledOut),
        (choices.TIMING, TimingReason),
        (choices.ZONES, ZoneSource),
        (waits.CAMPAIGN_WAITS, WaitReason),
    ],
)
def test_there_are_words_for_everything(described, there_are):
    assert set(described) == set(there_are)
