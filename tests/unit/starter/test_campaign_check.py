"""What cannot be read does not keep the rest of a campaign from being judged."""

from datetime import time
from typing import Any
from uuid import uuid4

import pytest

from madan_sara.contracts.campaign import DEFAULT_TENANT
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.faults import InvalidRequestError
from madan_sara.contracts.settings import OrchestratorSettings, QuietHours
from madan_sara.starter.campaign_check import check_campaign
from madan_sara.starter.campaigns import Campaigns
from madan_sara.starter.requests import checked_campaign
from tests.makers import make_campaign

SOUND: dict[str, Any] = {"name": "Spring fair", "channels": ["email"], "budget_total": 5}
LATE = {"optimal_send_times": {"email": {"weekday": "22:00"}}}


def fields_of(document: object) -> list[str]:
    campaign, faults = check_campaign(document, OrchestratorSettings())
    assert (campaign is None) or faults
    return [fault.split(":")[0] for fault in faults]


def test_a_sound_campaign_is_read():
    campaign, faults = check_campaign(SOUND, OrchestratorSettings())
    assert campaign is not None
    assert (campaign.name, faults) == ("Spring fair", [])


def test_faults_of_fields_and_between_fields_are_told_together():
    document = {
        "name": "",
        "channels": ["email"],
        "channel_priority": {"default": ["sms"]},
        "budget_total": 1,
        "budget_per_channel": {"email": {"total": 2}},
        "daily_limit": -1,
        "colour": "red",
        **LATE,
    }
    assert fields_of(document) == [
        "name",
        "daily_limit",
        "colour",
        "channel_priority.default",
        "budget_per_channel",
        "optimal_send_times.email.weekday",
    ]


@pytest.mark.parametrize(
    ("change", "unread"),
    [
        ({"channels": ["fax"], "channel_priority": {"default": ["sms"]}}, "channels.0"),
        ({"channels": [], "budget_per_channel": {"sms": {"total": 1}}}, "channels"),
        ({"budget_total": -1, "budget_per_channel": {"email": {"total": 9}}}, "budget_total"),
        ({"start_date": "soon", "end_date": "2000-01-01T00:00Z"}, "start_date"),
        ({"settings": {"quiet_hours": {"start": "9 pm"}}, **LATE}, "settings.quiet_hours.start"),
        ({"settings": {"max_messages_per_week": 0}}, "settings.max_messages_per_week"),
        ({"recipient_fields": "town", "templates": {"default": "{{ town }}"}}, "recipient_fields"),
        ({"templates": {"fax": "x"}}, "templates.fax"),
        ({"templates": {"email": {"subject": 5, "text": "x"}}}, "templates.email.subject"),
        ({"channel_priority": {"default": ["fax"]}}, "channel_priority.default.0"),
    ],
)
def test_a_rule_that_looks_at_an_unread_field_is_silent(change, unread):
    (found,) = fields_of({**SOUND, **change})
    assert found == unread


def test_what_is_read_of_a_field_is_judged():
    document = {
        "name": "Spring fair",
        "channels": ("email", "fax"),
        "channel_priority": {"vip": ["email"], "default": ["pigeon", "sms"]},
        "budget_total": 1,
        "budget_per_channel": {"email": {"total": 2}, "sms": {"total": -1}, "chat": {}},
        "templates": {"email": {"subject": "", "text": "x"}, "sms": "{{ name", "default": "x"},
        "recipient_fields": ["", "Email"],
        "settings": {"max_messages_per_day": 0},
        **LATE,
    }
    assert fields_of(document) == [
        "channels.1",
        "channel_priority.vip",
        "channel_priority.default.0",
        "budget_per_channel.sms.total",
        "budget_per_channel.chat.total",
        "templates.email.subject",
        "recipient_fields.0",
        "settings.max_messages_per_day",
        "channel_priority.default",
        "budget_per_channel",
        "recipient_fields",
        "templates.sms",
        "optimal_send_times.email.weekday",
    ]


def test_a_name_that_is_no_text_is_a_fault_of_its_own():
    _, (fault,) = check_campaign({**SOUND, "\ud800": 1}, OrchestratorSettings())
    assert fault.startswith("contains half a character; remove it")
    numbered: dict[Any, Any] = {**SOUND, 5: 1, "daily_limit": -1}
    assert fields_of(numbered) == ["daily_limit", "5"]
    inside = {"settings": {"prices": {"\ud800": 1}}, **LATE}
    assert len(fields_of({**SOUND, **inside})) == 2


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


def test_times_are_judged_by_the_quiet_hours_a_campaign_will_get():
    campaign = make_campaign(uuid4(), **LATE).model_copy(update={"settings": None})
    with pytest.raises(InvalidRequestError, match="lies in the quiet hours from 21:00"):
        checked_campaign(campaign)
    awake = OrchestratorSettings(quiet_hours=None)
    assert checked_campaign(campaign, awake) == campaign.resolved(awake)
    siesta = OrchestratorSettings(quiet_hours=QuietHours(start=time(12), end=time(15)))
    assert checked_campaign(campaign, siesta) == campaign.resolved(siesta)


def test_an_orchestrator_judges_by_its_own_settings():
    campaign = make_campaign(DEFAULT_TENANT, **LATE).model_copy(update={"settings": None})
    no_database: Any = None
    awake = OrchestratorSettings(quiet_hours=None)
    assert Campaigns(no_database, DEFAULT_TENANT, awake).checked(campaign) == campaign.resolved(
        awake
    )
    with pytest.raises(InvalidRequestError, match="lies in the quiet hours"):
        Campaigns(no_database, DEFAULT_TENANT, OrchestratorSettings()).checked(campaign)
