"""Every contradiction of a campaign is found, and named by its field."""

from datetime import timedelta

import pytest

from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.policy.campaign_rules import campaign_violations, new_violations
from tests.unit.policy.builders import START, campaign

SOUND = {
    "channels": ["email", "sms"],
    "channel_priority": {"default": ["sms", "email"], "new": ["email"]},
    "budget_total": 10,
    "budget_per_channel": {"email": {"total": 4}, "sms": {"total": 6}},
    "templates": {"email": {"subject": "{{ name }}", "text": "{{ town }}"}, "default": "Hi!"},
    "recipient_fields": ["town"],
    "optimal_send_times": {"email": {"weekday": "08:00", "weekend": "20:59"}},
    "end_date": START + timedelta(days=1),
}


def violations_of(**changes: object) -> list[str]:
    settings = OrchestratorSettings.model_validate(changes.pop("defaults", {}))
    return campaign_violations(campaign(**{**SOUND, "settings": settings, **changes}))


def test_a_sound_campaign_has_no_violations():
    assert violations_of() == []
    assert violations_of(templates=None, recipient_fields=[]) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"channels": ["email", "sms", "email"]}, "channels: names a channel twice"),
        (
            {"channel_priority": {"new": ["sms", "sms"]}},
            "channel_priority.new: names a channel twice; name each once",
        ),
        (
            {"channel_priority": {"new": [], "default": ["sms"]}},
            "channel_priority.new: names no channel; name one or leave it out",
        ),
        (
            {"defaults": {"max_messages_per_day": 5, "max_messages_per_week": 4}},
            "settings.max_messages_per_week: 4 is below max_messages_per_day 5; raise it or",
        ),
        ({"channel_priority": {"new": ["chat"]}}, "channel_priority.new: chat is not among"),
        ({"budget_per_channel": {"chat": {"total": 1}}}, "budget_per_channel.chat: not among"),
        (
            {"budget_total": 9},
            "budget_per_channel: the channels' totals are 10, above budget_total",
        ),
        ({"end_date": START}, "end_date: 2026-11-01T00:00:00+00:00 is not after start_date"),
        ({"templates": {"default": "{{ twn }}"}}, "templates.default: names the field 'twn'"),
        ({"templates": {"default": "  "}}, "templates.default: says nothing to any recipient"),
        ({"templates": {"default": "{{ name"}}, "templates.default: is no valid template"),
        ({"templates": {"email": "x"}}, "templates: sms has none; write one, or a default"),
        (
            {"optimal_send_times": {"chat": {"weekday": "10:00"}}},
            "optimal_send_times.chat: not among the campaign's channels",
        ),
        (
            {"optimal_send_times": {"email": {"weekday": "07:59"}}},
            "optimal_send_times.email.weekday: 07:59 lies in the quiet hours from 21:00 to 08:00",
        ),
        (
            {"optimal_send_times": {"email": {"weekday": "10:00", "weekend": "21:00"}}},
            "optimal_send_times.email.weekend: 21:00 lies in the quiet hours",
        ),
        (
            {"recipient_fields": ["town", "Town "]},
            "recipient_fields: town and Town are the same column; remove one",
        ),
        (
            {"recipient_fields": ["town", "Prénom", "Pre\u0301nom"]},
            "recipient_fields: Prénom and Pre\u0301nom are the same column; remove one",
        ),
        *(
            ({"recipient_fields": ["town", name]}, f"recipient_fields: {name} is a recipient's own")
            for name in ("name", "id", "email", "Email", "phone", "attributes", "recipient_id")
        ),
        *(
            ({"recipient_fields": ["town", name]}, f"recipient_fields: {name} is a recipient's own")
            for name in ("mobile", "mail", "E-mail", "full name", "device", "time zone", "sms")
        ),
        ({"recipient_fields": ["town", "Customer type"]}, "recipient_fields: Customer type is a"),
    ],
)
def test_a_contradiction_is_named(changes, said):
    (violation,) = violations_of(**changes)
    assert violation.startswith(said)


def test_quiet_hours_are_those_the_campaign_gets():
    late = {"optimal_send_times": {"email": {"weekday": "22:00"}}}
    assert violations_of(**late) != []
    assert violations_of(**late, defaults={"quiet_hours": None}) == []
    assert violations_of(**late, defaults={"quiet_hours": {"start": "23:00", "end": "06:00"}}) == []


def test_all_of_them_are_found_at_once():
    changes = {
        "channels": ["email"],
        "budget_total": 1,
        "end_date": START,
        "templates": {"default": "{{ twn }}"},
        "optimal_send_times": {"sms": {"weekday": "03:00"}},
    }
    fields = [violation.split(":")[0] for violation in violations_of(**changes)]
    assert fields == [
        "channel_priority.default",
        "budget_per_channel.sms",
        "budget_per_channel",
        "end_date",
        "templates.default",
        "optimal_send_times.sms",
        "optimal_send_times.sms.weekday",
    ]


def test_a_change_is_checked_for_new_contradictions():
    before = campaign(**{**SOUND, "channel_priority": {"default": []}})
    assert new_violations(before, before.model_copy(update={"budget_total": 20})) == []
    (violation,) = new_violations(before, before.model_copy(update={"budget_total": 9}))
    assert violation.startswith("budget_per_channel: ")
