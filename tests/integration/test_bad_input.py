"""Callers' mistakes: refused in one line that names the field, and nothing is stored."""

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.contracts.outreach import MessageRef
from madan_sara.contracts.recipient import RecipientProfile
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.persistence.requests import PostgresRequestStore
from madan_sara.starter.requests import new_message
from tests.makers import make_campaign, make_profile, zone_at_noon

_TABLES = (
    "campaigns",
    "contents",
    "messages",
    "recipient_claims",
    "budget_accounts",
    "budget_entries",
    "attempts",
    "delivery_events",
    "suppressions",
    "engagement_stats",
)

_HUGE = 10**5000


async def _rows(database, tenant_id) -> dict[str, int]:
    counts = {}
    async with database.statement() as connection:
        for table in _TABLES:
            found = await connection.execute(
                text(f"SELECT count(*) FROM {table} WHERE tenant_id = :id"), {"id": tenant_id}
            )
            counts[table] = found.scalar_one()
    return counts


class _Refused:
    """Expects a refusal of one line that names a field, and nothing stored."""

    def __init__(self, database, tenant_id, names, *figures) -> None:
        self._database = database
        self._tenant_id = tenant_id
        self._needed = (names, *figures)

    async def __aenter__(self) -> None:
        self._before = await _rows(self._database, self._tenant_id)

    async def __aexit__(self, kind, error, traceback) -> bool:
        assert kind is InvalidRequestError, f"{kind}: {error}"
        message = str(error)
        assert len(message.splitlines()) == 1, message
        assert len(message) < 2_000
        for needed in self._needed:
            assert needed in message, message
        assert await _rows(self._database, self._tenant_id) == self._before
        return True


@pytest.fixture
def refused(database, tenant_id):
    return lambda names, *figures: _Refused(database, tenant_id, names, *figures)


def _contact(**contact: object) -> dict[str, Any]:
    return make_profile(contact_info=contact)


_EMAIL = {"email": "marie@example.com"}

_REQUESTS = {
    # Recipient
    "empty recipient id": ({"recipient_id": ""}, "recipient_id:"),
    "blank recipient id": ({"recipient_id": "  "}, "recipient_id:"),
    "very long recipient id": ({"recipient_id": "x" * 10_000}, "recipient_id:"),
    "recipient id with NUL": ({"recipient_id": "a\x00b"}, "recipient_id:"),
    "recipient id a number": ({"recipient_id": 7}, "recipient_id:"),
    "recipient id missing": ({"recipient_id": None}, "recipient_id:"),
    "recipient id half a character": ({"recipient_id": "\ud800"}, "recipient_id:"),
    "key with NUL": ({"idempotency_key": "\x00"}, "idempotency_key:"),
    "key empty": ({"idempotency_key": ""}, "idempotency_key:"),
    "key a number": ({"idempotency_key": 5}, "idempotency_key:"),
    "force a word": ({"force_send": "yes"}, "force_send:"),
    "force a number": ({"force_send": 1}, "force_send:"),
    # Profile
    "profile a list": ({"recipient_profile": [1]}, "recipient_profile:"),
    "profile a text": ({"recipient_profile": "Marie"}, "recipient_profile:"),
    "profile nothing": ({"recipient_profile": None}, "recipient_profile:"),
    "profile empty": ({"recipient_profile": {}}, "recipient_profile.contact_info:"),
    "contact empty": ({"recipient_profile": _contact()}, "recipient_profile.contact_info:"),
    "contact blank": (
        {"recipient_profile": _contact(email=" ", phone="", user_id="\t")},
        "recipient_profile.contact_info:",
    ),
    "contact a list": (
        {"recipient_profile": make_profile(contact_info=[])},
        "recipient_profile.contact_info:",
    ),
    "contact with an unknown field": (
        {"recipient_profile": _contact(**_EMAIL, fax="1")},
        "recipient_profile.contact_info.fax:",
    ),
    "phone that is none": (
        {"recipient_profile": _contact(phone="call me")},
        "recipient_profile.contact_info.phone:",
    ),
    "phone without a country": (
        {"recipient_profile": _contact(whatsapp="37001234")},
        "recipient_profile.contact_info.whatsapp:",
    ),
    "email that is none": (
        {"recipient_profile": _contact(email="marie at home")},
        "recipient_profile.contact_info.email:",
    ),
    "email with a line break": (
        {"recipient_profile": _contact(email="a@example.com\nBcc: b@example.com")},
        "recipient_profile.contact_info.email:",
    ),
    "handle a number": (
        {"recipient_profile": _contact(twitter_handle=12)},
        "recipient_profile.contact_info.twitter_handle:",
    ),
    "name a number": ({"recipient_profile": make_profile(name=7)}, "recipient_profile.name:"),
    "name a huge number": (
        {"recipient_profile": make_profile(name=_HUGE)},
        "recipient_profile.name:",
    ),
    "name with NUL": (
        {"recipient_profile": make_profile(name="Ma\x00rie")},
        "recipient_profile.name:",
    ),
    "unknown zone": (
        {"recipient_profile": make_profile(timezone="Haiti/Cap")},
        "recipient_profile.timezone:",
    ),
    "zone outside its folder": (
        {"recipient_profile": make_profile(timezone="../../etc/passwd")},
        "recipient_profile.timezone:",
    ),
    "unknown customer type": (
        {"recipient_profile": make_profile(customer_type="vip")},
        "recipient_profile.customer_type:",
    ),
    "unknown preferred channel": (
        {"recipient_profile": make_profile(preferences={"preferred_channel": "fax"})},
        "recipient_profile.preferences.preferred_channel:",
    ),
    "unknown preference": (
        {"recipient_profile": make_profile(preferences={"colour": "red"})},
        "recipient_profile.preferences.colour:",
    ),
    "unknown field of a profile": (
        {"recipient_profile": make_profile(age=7)},
        "recipient_profile.age:",
    ),
    "unknown field with a line break": (
        {"recipient_profile": make_profile(**{"a\r\nb\u2028c": 7})},
        "recipient_profile.a",
    ),
    "unknown field with a long name": (
        {"recipient_profile": make_profile(**{"x" * 100_000: 7})},
        "recipient_profile.x",
    ),
    "many unknown fields": (
        {"recipient_profile": make_profile(**{f"field_{n}": 7 for n in range(5_000)})},
        "recipient_profile.field_0:",
    ),
    "engagement on an unknown channel": (
        {"recipient_profile": make_profile(engagement_history={"fax": {}})},
        "recipient_profile.engagement_history.fax",
    ),
    "rate above one": (
        {"recipient_profile": make_profile(engagement_history={"email": {"open_rate": 40}})},
        "recipient_profile.engagement_history.email.open_rate:",
    ),
    "rate that is no number": (
        {"recipient_profile": make_profile(engagement_history={"email": {"open_rate": math.nan}})},
        "recipient_profile.engagement_history.email.open_rate:",
    ),
    "attribute with NUL": (
        {"recipient_profile": make_profile(attributes={"shop": "\x00"})},
        "recipient_profile",
    ),
    "attribute half a character": (
        {"recipient_profile": make_profile(attributes={"shop": "\ud800"})},
        "recipient_profile.attributes.shop:",
    ),
    "attribute name with NUL": (
        {"recipient_profile": make_profile(attributes={"sh\x00op": "a"})},
        "recipient_profile.attributes.",
    ),
    "attribute a list": (
        {"recipient_profile": make_profile(attributes={"shops": ["a"]})},
        "recipient_profile.attributes.shops",
    ),
    "attribute that is no number": (
        {"recipient_profile": make_profile(attributes={"score": math.nan})},
        "recipient_profile.attributes.score",
    ),
    "attribute without end": (
        {"recipient_profile": make_profile(attributes={"score": math.inf})},
        "recipient_profile.attributes.score",
    ),
    "attribute a huge number": (
        {"recipient_profile": make_profile(attributes={"score": _HUGE})},
        "recipient_profile.attributes.score",
    ),
    "attribute hiding a field": (
        {"recipient_profile": make_profile(attributes={"name": "Ana"})},
        "attributes.name:",
    ),
    # Content
    "content empty": ({"content": {}}, "content:"),
    "content nothing": ({"content": None}, "content:"),
    "content a text": ({"content": "Bonjou"}, "content:"),
    "content blank": ({"content": {"default": ""}}, "content.default"),
    "content only spaces": ({"content": {"default": "  \n "}}, "content.default"),
    "content on an unknown channel": ({"content": {"fax": "Bonjou"}}, "content.fax"),
    "content a number": ({"content": {"email": 7}}, "content.email"),
    "content a huge number": ({"content": {"email": _HUGE}}, "content.email"),
    "content of a megabyte": ({"content": {"email": "x" * 1_000_000}}, "content.email"),
    "content with NUL": ({"content": {"email": "a\x00b"}}, "content.email"),
    "subject with NUL": (
        {"content": {"email": {"subject": "\x00", "text": "a"}}},
        "content.email",
    ),
    "half a character": ({"content": {"email": "\ud83d"}}, "content.email"),
    "email without a body": ({"content": {"email": {"subject": "Bonjou"}}}, "content.email"),
    "email without a subject": ({"content": {"email": {"text": "Bonjou"}}}, "content.email"),
    "email with an unknown field": (
        {"content": {"email": {"subject": "a", "text": "b", "cc": "c"}}},
        "content.email",
    ),
    "subject on a text channel": (
        {"content": {"sms": {"subject": "a", "text": "b"}}},
        "content",
    ),
    "template naming a missing field": (
        {"content": {"email": "Bonjou {{ first_name }}"}},
        "content.email:",
        "first_name",
    ),
    "default template naming a missing field": (
        {"content": {"default": "Bonjou {{ shop.town }}"}},
        "content.default:",
        "shop",
    ),
    "template that does not end": ({"content": {"email": "{% if name %}"}}, "content.email:"),
    "template with an unknown filter": ({"content": {"email": "{{ name | shout }}"}}, "content"),
    "template without end": (
        {"content": {"email": "{% for i in (1..1000000000) %}x{% endfor %}"}},
        "content.email:",
    ),
    # Campaign
    "campaign a dictionary": ({"campaign": {"name": "Fair"}}, "campaign:"),
    "campaign a name": ({"campaign": "Spring fair"}, "campaign:"),
    "campaign nothing": ({"campaign": None}, "campaign:"),
}


@pytest.mark.parametrize("case", _REQUESTS.values(), ids=_REQUESTS)
async def test_a_request(case, orchestrator, tenant_id, refused):
    changes, *expected = case
    request = {
        "campaign": make_campaign(tenant_id),
        "recipient_id": "marie",
        "recipient_profile": make_profile(),
        "content": {"default": "Bonjou!"},
    }
    async with refused(*expected):
        await orchestrator.send_outreach(**{**request, **changes})


_CAMPAIGNS = {
    "no name": ({"name": ""}, "campaign.name:"),
    "name a number": ({"name": 7}, "campaign.name:"),
    "name with NUL": ({"name": "Fa\x00ir"}, "campaign.name:"),
    "no channels": ({"channels": []}, "campaign.channels:"),
    "unknown channel": ({"channels": ["email", "fax"]}, "campaign.channels.1:", "fax"),
    "channel twice": ({"channels": ["email", "email"]}, "campaign.channels:"),
    "negative budget": ({"budget_total": -1}, "campaign.budget_total:"),
    "seven decimals": ({"budget_total": Decimal("0.0000001")}, "campaign.budget_total:"),
    "budget that is no number": ({"budget_total": math.nan}, "campaign.budget_total:"),
    "decimal that is no number": ({"budget_total": Decimal("NaN")}, "campaign.budget_total:"),
    "budget without end": ({"budget_total": Decimal("Infinity")}, "campaign.budget_total:"),
    "budget a word": ({"budget_total": "much"}, "campaign.budget_total:"),
    "budget a truth": ({"budget_total": True}, "campaign.budget_total:"),
    "budget too large": ({"budget_total": 10**30}, "campaign.budget_total:"),
    "negative daily spend": ({"daily_spend_limit": -1}, "campaign.daily_spend_limit:"),
    "daily limit a truth": ({"daily_limit": True}, "campaign.daily_limit:"),
    "daily limit a fraction": ({"daily_limit": 1.5}, "campaign.daily_limit:"),
    "daily limit negative": ({"daily_limit": -1}, "campaign.daily_limit:"),
    "unknown zone": ({"timezone": "Mars/Base"}, "campaign.timezone:"),
    "priority of a stranger": (
        {"channel_priority": {"default": ["twitter"]}},
        "campaign.channel_priority.default:",
        "twitter",
    ),
    "priority of an unknown audience": (
        {"channel_priority": {"vip": ["email"]}},
        "campaign.channel_priority.vip",
    ),
    "budget of a stranger": (
        {"budget_per_channel": {"twitter": {"total": 1}}},
        "campaign.budget_per_channel.twitter:",
    ),
    "channel budgets above the total": (
        {
            "budget_total": 10,
            "budget_per_channel": {"email": {"total": 6}, "sms": {"total": "4.000001"}},
        },
        "campaign.budget_per_channel:",
        "10.000001",
    ),
    "spent budget": (
        {"budget_per_channel": {"email": {"total": 6, "spent": 1}}},
        "campaign.budget_per_channel.email.spent:",
    ),
    "end before start": (
        {
            "start_date": datetime(2025, 5, 2, tzinfo=UTC),
            "end_date": datetime(2025, 5, 1, tzinfo=UTC),
        },
        "campaign.end_date:",
        "2025-05-01",
    ),
    "time that is none": (
        {"optimal_send_times": {"email": {"weekday": "25:00"}}},
        "campaign.optimal_send_times.email.weekday:",
    ),
}


@pytest.mark.parametrize("case", _CAMPAIGNS.values(), ids=_CAMPAIGNS)
async def test_a_campaign(case, orchestrator, tenant_id, refused):
    changes, *expected = case
    # Not checked when it is made: an object may have been changed before it reaches the library.
    campaign = OutreachCampaign.model_construct(**{**dict(make_campaign(tenant_id)), **changes})
    async with refused(*expected):
        await orchestrator.save_campaign(campaign)
    async with refused(*expected):
        await orchestrator.send_outreach(campaign, "marie", make_profile(), {"default": "Bonjou!"})


async def test_a_list_of_a_campaign_that_was_changed_in_place(orchestrator, tenant_id, refused):
    campaign = make_campaign(tenant_id)
    campaign.channels.append("fax")  # type: ignore[arg-type]
    async with refused("campaign.channels.6:", "fax"):
        await orchestrator.save_campaign(campaign)


async def test_a_campaign_of_another_tenant(orchestrator, refused):
    async with refused("campaign.tenant_uuid:"):
        await orchestrator.send_outreach(
            make_campaign(uuid4()), "marie", make_profile(), {"default": "Bonjou!"}
        )
    async with refused("campaign.tenant_uuid:"):
        await orchestrator.save_campaign(make_campaign(uuid4()))


async def test_an_unknown_campaign(orchestrator):
    unknown = uuid4()
    with pytest.raises(LookupError, match=str(unknown)):
        await orchestrator.send_outreach(unknown, "marie", make_profile(), {"default": "Bonjou!"})
    with pytest.raises(LookupError, match=str(unknown)):
        await orchestrator.get_orchestration_status(unknown)


_LIMITS = {
    "total": ({"budget_total": "0.01"}, "campaign.budget_total:", "0.01", "0.015"),
    "channel": (
        {"budget_per_channel": {"chat": {"total": "0.01"}}},
        "campaign.budget_per_channel.chat:",
        "0.01",
        "0.015",
    ),
    "daily spend": (
        {"daily_spend_limit": "0.01"},
        "campaign.daily_spend_limit:",
        "0.01",
        "0.015",
    ),
    "daily messages": ({"daily_limit": 2}, "campaign.daily_limit:", " 2 ", " 3 "),
}


@pytest.mark.parametrize("case", _LIMITS.values(), ids=_LIMITS)
async def test_a_limit_below_the_use(case, orchestrator, tenant_id, refused):
    changes, *expected = case
    prices = {"prices": {"chat": "0.005"}, "near_duplicate_days": 0}
    campaign = make_campaign(tenant_id, channels=["chat"], settings=prices, timezone=zone_at_noon())
    for person in "abc":
        sent = await orchestrator.send_outreach(
            campaign, person, {"contact_info": {"user_id": person}}, {"default": "Bonjou!"}
        )
        await orchestrator.handle(UUID(sent["message_id"])).result()
    for name, value in changes.items():
        setattr(campaign, name, value)
    async with refused(*expected):
        await orchestrator.save_campaign(campaign)


_BATCHES: dict[str, tuple[Any, ...]] = {
    "one bad address": ([{"id": "b", **_contact(email="b")}], "recipients.1:", "info.email"),
    "one without an id": ([make_profile()], "recipients.1:", "id:"),
    "one with a number for an id": ([{"id": 7, **make_profile()}], "recipients.1:"),
    "one with a list for an id": ([{"id": [1], **make_profile()}], "recipients.1:"),
    "one that is a text": (["marie"], "recipients.1:"),
    "one that is nothing": ([None], "recipients.1:"),
    "one that lacks a field": (
        [{"id": "b", "contact_info": _EMAIL}],
        "recipients.1:",
        "'name'",
    ),
    "two bad ones": (
        [{"id": "", **make_profile()}, {"id": "c", "contact_info": {}}],
        "recipients.1:",
        "recipients.2:",
    ),
    "a thousand bad ones": ([{}] * 999, "recipients.1:"),
}


@pytest.mark.parametrize("case", _BATCHES.values(), ids=_BATCHES)
async def test_a_batch(case, orchestrator, tenant_id, refused):
    bad, *expected = case
    good = {"id": "a", **make_profile()}
    async with refused(*expected):
        await orchestrator.send_batch(
            make_campaign(tenant_id), [good, *bad], {"default": "Bonjou {{ name }}!"}
        )


@pytest.mark.parametrize("recipients", [None, 7, "marie", {"id": "a"}], ids=str)
async def test_a_batch_that_is_no_list(recipients, orchestrator, tenant_id, refused):
    async with refused("recipients"):
        await orchestrator.send_batch(make_campaign(tenant_id), recipients, {"default": "Bonjou!"})


_ANY = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=10**4290, max_value=10**4310)
    | st.floats()
    | st.text(max_size=20)
    | st.text(st.characters(categories=["Cs", "Cc", "Zl", "Zp"]), max_size=5)
    | st.sampled_from(["marie@example.com", "+50937001234", "{{ name }}", "{% if %}", "default"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=8) | st.sampled_from([*RecipientProfile.model_fields, *Channel]),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)
_FIELDS = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys((*RecipientProfile.model_fields, "id", "unknown"), _ANY),
)
_PROFILES = _ANY | _FIELDS | st.builds(make_profile, attributes=_ANY, preferences=_ANY)
_CONTENTS = (
    _ANY
    | st.dictionaries(st.sampled_from([*Channel, "default", "fax"]), _ANY, max_size=4)
    | st.just({"default": "Bonjou!"})
)
_CAMPAIGN = make_campaign(uuid4()).resolved()


@given(profile=_PROFILES, content=_CONTENTS)
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_input_is_accepted_or_refused_in_one_line(profile, content):
    refusal = None
    try:
        accepted = new_message(_CAMPAIGN, "marie", profile, content)
    except InvalidRequestError as error:
        refusal = str(error)
    if refusal is not None:
        assert len(refusal.splitlines()) == 1
        return
    # An accepted request can be stored and read again.
    stored = accepted.profile.model_dump_json(exclude_none=True)
    assert RecipientProfile.model_validate_json(stored) == accepted.profile


async def test_any_mapping_is_a_profile(orchestrator, tenant_id):
    profile = MappingProxyType(make_profile())
    content = MappingProxyType({"default": "Bonjou {{ name }}!"})
    campaign = make_campaign(tenant_id)
    answer = await orchestrator.send_outreach(campaign, "marie", profile, content)
    assert answer["status"] == "scheduled"
    await orchestrator.handle(UUID(answer["message_id"])).result()


async def test_an_accepted_request_can_be_read_back(database, orchestrator, tenant_id):
    """Odd values that are allowed survive the way through the database."""
    profile = make_profile(
        name='O\'Brien \\ "Zoë" 🎁 \u202e',
        attributes={"n": 2**63, "x": 1e-300, "yes": True, "quote": "'; DROP TABLE messages; --"},
        timezone="America/Port-au-Prince",
    )
    campaign = make_campaign(
        tenant_id,
        name="Fair '; --",
        end_date=datetime.now(UTC) + timedelta(days=1),
        settings={"prices": {"email": "0.000001"}},
    )
    answer = await orchestrator.send_outreach(
        campaign, "mar'ie\\", profile, {"default": "{{ name }} {{ quote }} {{ n }}"}
    )
    handle = orchestrator.handle(UUID(answer["message_id"]))
    assert (await handle.result()).state == "sent"
    loaded = await orchestrator.get_campaign(campaign.id)
    assert (
        loaded.settings
        == OrchestratorSettings(
            quiet_hours=None, prices={Channel.EMAIL: Decimal("0.000001")}
        ).with_all_prices()
    )
    record = await orchestrator.get_message(UUID(answer["message_id"]))
    assert record.recipient_id == "mar'ie\\"
    ref = MessageRef(tenant_id=campaign.tenant_uuid, message_id=record.message_id)
    stored = await PostgresRequestStore(database).request(ref)
    assert stored.profile == RecipientProfile.model_validate(profile)
