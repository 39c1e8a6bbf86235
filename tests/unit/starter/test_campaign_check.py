"""Fields that cannot be read are named first; a readable campaign is checked as a whole."""

from datetime import time
from typing import Any
from uuid import uuid4

import pytest

from madan_sara.contracts.campaign import DEFAULT_TENANT
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.contracts.settings import OrchestratorSettings, QuietHours
from madan_sara.starter.campaign_check import check_campaign
from madan_sara.starter.campaigns import Campaigns
from madan_sara.starter.requests import checked_campaign
from tests.makers import make_campaign

SOUND: dict[str, Any] = {"name": "Spring fair", "channels": ["email"], "budget_total": 5}
LATE = {"optimal_send_times": {"email": {"weekday": "22:00"}}}


def fields_of(document: object) -> list[str]:
    campaign, violations = check_campaign(document, OrchestratorSettings())
    assert (campaign is None) or violations
    return [violation.split(":")[0] for violation in violations]


def test_a_sound_campaign_is_read():
    campaign, violations = check_campaign(SOUND, OrchestratorSettings())
    assert campaign is not None
    assert (campaign.name, violations) == ("Spring fair", [])


def test_what_cannot_be_read_is_named_at_once_and_before_any_contradiction():
    contradiction = {"channel_priority": {"default": ["sms"]}, **LATE}
    unreadable = {"name": "", "daily_limit": -1, "colour": "red", "channels": ["email", "fax"]}
    assert fields_of({**SOUND, **contradiction, **unreadable}) == [
        "name",
        "channels.1",
        "daily_limit",
        "colour",
    ]
    assert fields_of({**SOUND, **contradiction}) == [
        "channel_priority.default",
        "optimal_send_times.email.weekday",
    ]


def test_a_name_that_is_no_text_is_a_violation_of_its_own():
    _, (violation,) = check_campaign({**SOUND, "\ud800": 1}, OrchestratorSettings())
    assert violation.startswith("contains half a character; remove it")
    numbered: dict[Any, Any] = {**SOUND, 5: 1, "daily_limit": -1}
    assert fields_of(numbered) == ["daily_limit", "5"]
    inside = {"settings": {"prices": {"\ud800": 1}}}
    assert len(fields_of({**SOUND, **inside})) == 1


@pytest.mark.parametrize("document", [None, [], "campaign", 7])
def test_what_is_no_object_is_refused(document):
    assert len(fields_of(document)) == 1


def test_saving_is_guarded_by_the_same_check():
    campaign = make_campaign(uuid4(), channels=["email"])
    campaign.channel_priority = {"default": [Channel.SMS]}
    campaign.templates = {"sms": "{{ nme }}"}  # type: ignore[assignment]
    with pytest.raises(InvalidRequestError) as refused:
        checked_campaign(campaign)
    for said in (
        "campaign.channel_priority.default: sms is not among",
        "campaign.templates.sms: names the field 'nme'",
        "campaign.templates: email has none",
    ):
        assert said in str(refused.value)


def test_times_are_checked_by_the_quiet_hours_a_campaign_will_get():
    campaign = make_campaign(uuid4(), **LATE).model_copy(update={"settings": None})
    with pytest.raises(InvalidRequestError, match="lies in the quiet hours from 21:00"):
        checked_campaign(campaign)
    awake = OrchestratorSettings(quiet_hours=None)
    assert checked_campaign(campaign, awake) == campaign.resolved(awake)
    siesta = OrchestratorSettings(quiet_hours=QuietHours(start=time(12), end=time(15)))
    assert checked_campaign(campaign, siesta) == campaign.resolved(siesta)


def test_an_orchestrator_checks_by_its_own_settings():
    campaign = make_campaign(DEFAULT_TENANT, **LATE).model_copy(update={"settings": None})
    no_database: Any = None
    awake = OrchestratorSettings(quiet_hours=None)
    assert Campaigns(no_database, DEFAULT_TENANT, awake).checked(campaign) == campaign.resolved(
        awake
    )
    with pytest.raises(InvalidRequestError, match="lies in the quiet hours"):
        Campaigns(no_database, DEFAULT_TENANT, OrchestratorSettings()).checked(campaign)
