"""What is stored is read by a version that does not know all of its fields."""

import json
from typing import Any
from uuid import uuid4

import pytest
from pydantic import BaseModel

from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.content import MessageContent
from madan_sara.contracts.recipient import RecipientProfile
from madan_sara.persistence.rows import campaign_from, content_from, rendered_from
from madan_sara.persistence.stored import read_stored
from tests.makers import make_campaign, make_profile

CAMPAIGN = make_campaign(
    uuid4(),
    channels=["email", "sms"],
    settings={"quiet_hours": {"start": "21:00", "end": "08:00"}},
    budget_per_channel={"email": {"total": 1}},
    optimal_send_times={"sms": {"weekday": "10:00"}},
    templates={"email": {"subject": "Bread", "html": "<p>Warm</p>"}, "sms": "Warm bread"},
).resolved()
CONTENT = MessageContent.model_validate({"email": {"subject": "Bread", "text": "Warm"}})
PROFILE = RecipientProfile.model_validate(
    make_profile(
        preferences={"preferred_channel": "email"},
        engagement_history={"email": {"open_rate": 0.5}},
    )
)


@pytest.mark.parametrize(
    ("stored", "path"),
    [
        (CAMPAIGN, ""),
        (CAMPAIGN, "settings"),
        (CAMPAIGN, "settings.quiet_hours"),
        (CAMPAIGN, "budget_per_channel.email"),
        (CAMPAIGN, "optimal_send_times.sms"),
        (CAMPAIGN, "templates.email"),
        (CONTENT, "email"),
        (PROFILE, ""),
        (PROFILE, "contact_info"),
        (PROFILE, "preferences"),
        (PROFILE, "engagement_history.email"),
    ],
)
@pytest.mark.parametrize("value", [1, "x" * 300, None, {"of": ["its", "own"]}])
def test_a_field_of_a_newer_version_is_passed_over_wherever_it_stands(stored, path, value):
    assert read_stored(type(stored), _with_a_field_more(stored, path, value)) == stored


def test_rows_are_read_that_way():
    newer = _with_a_field_more(CAMPAIGN, "settings.quiet_hours", 1)
    assert campaign_from(newer, "active") == CAMPAIGN
    content = _with_a_field_more(CONTENT, "email", 1)
    assert content_from(content) == CONTENT
    assert rendered_from(content, _with_a_field_more(PROFILE, "contact_info", 1)) is not None


def test_every_model_that_is_stored_is_among_those_above():
    # Of campaigns and people; one that is new belongs into the list of this file.
    models = set(Campaign.model_json_schema()["$defs"]) | {"RecipientProfile"}
    models |= set(RecipientProfile.model_json_schema()["$defs"])
    closed = {
        "OrchestratorSettings",
        "QuietHours",
        "ChannelBudget",
        "OptimalTimes",
        "EmailContent",
        "RecipientProfile",
        "ContactInfo",
        "Preferences",
        "ChannelEngagement",
    }
    enums = {
        "AmbiguityPolicy",
        "CampaignStatus",
        "Channel",
        "ChannelDeduplication",
        "CustomerType",
        "Device",
        "Urgency",
    }
    assert models == closed | enums | {"MessageContent"}


def _with_a_field_more(stored: BaseModel, path: str, value: object) -> str:
    document: dict[str, Any] = json.loads(stored.model_dump_json())
    at = document
    for step in filter(None, path.split(".")):
        at = at[step]
    at["newer"] = value
    return json.dumps(document)
