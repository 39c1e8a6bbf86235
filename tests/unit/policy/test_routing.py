from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madan_sara.contracts.campaign import OptimalTimes
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.content import EmailContent, MessageContent
from madan_sara.contracts.decision import RoutingDecision, RoutingReason, RuledOut
from madan_sara.contracts.recipient import ChannelEngagement, ContactInfo, CustomerType, Device
from madan_sara.contracts.settings import ChannelDeduplication, OrchestratorSettings
from madan_sara.policy.data import POLICY_VERSION
from madan_sara.policy.routing import route
from madan_sara.policy.selector import Engagement
from madan_sara.workflows.routing_story import render_routing
from tests.unit.policy.builders import (
    NOW,
    START,
    campaign,
    facts,
    profile,
    routing_facts,
)

BOB = profile(
    name="Bob Smith",
    customer_type=CustomerType.RETURNING,
    device_preference=Device.MOBILE,
    contact_info=ContactInfo(
        email="bob@example.com", instagram_handle="@bobsmith", whatsapp="+12345678900"
    ),
    preferences={"preferred_channel": "instagram"},
)
THREE = [Channel.EMAIL, Channel.INSTAGRAM, Channel.WHATSAPP]


def assessment_of(decision: RoutingDecision, channel: Channel) -> Any:
    return next(found for found in decision.assessments if found.channel is channel)


def ruled_out(decision: RoutingDecision, channel: Channel = Channel.EMAIL) -> RuledOut | None:
    found: RuledOut | None = assessment_of(decision, channel).ruled_out
    return found


@pytest.mark.parametrize(("hour", "totals"), [(None, (0.73, 0.70)), (19, (0.70, 0.70))])
def test_guide_example_2(hour, totals):
    times = hour and {channel: OptimalTimes(weekday=f"{hour}:00") for channel in THREE}
    given_facts = facts(campaign=campaign(channels=THREE, optimal_send_times=times), profile=BOB)
    decision = route(given_facts, now=NOW)
    assert decision.channel is Channel.INSTAGRAM
    assert decision.reason is RoutingReason.USER_PREFERENCE
    assert decision.fallback_channels == [Channel.EMAIL, Channel.WHATSAPP]
    scored = [assessment_of(decision, channel).total for channel in decision.fallback_channels]
    assert tuple(scored) == totals


def test_guide_single_send():
    jane = profile(
        name="Jane Smith",
        customer_type=CustomerType.RETURNING,
        timezone="America/New_York",
        device_preference=Device.MOBILE,
        preferences={"preferred_channel": "instagram"},
        engagement_history={
            "email": {"open_rate": 0.4, "click_rate": 0.1},
            "instagram": {"open_rate": 0.7, "click_rate": 0.3},
        },
    )
    content = MessageContent({"email": "Hi {{name}}", "instagram": "Hey {{name}}", "default": "-"})
    given_facts = facts(
        campaign=campaign(channels=["email", "instagram", "linkedin"]),
        profile=jane,
        content=content,
    )
    decision = route(given_facts, now=NOW)
    assert decision.channel_order() == [Channel.INSTAGRAM, Channel.EMAIL, Channel.LINKEDIN]
    assert decision.reason is RoutingReason.USER_PREFERENCE
    assert decision.policy_version == POLICY_VERSION
    assert assessment_of(decision, Channel.INSTAGRAM).local_hour == 20


def test_priority_of_the_customer_type_comes_before_the_default():
    priority = {"default": ["chat"], "new": ["sms", "email"]}
    newcomer = profile(customer_type=CustomerType.NEW)
    given_facts = facts(campaign=campaign(channel_priority=priority), profile=newcomer)
    decision = route(given_facts, now=NOW)
    assert (decision.channel, decision.reason) == (Channel.SMS, RoutingReason.CAMPAIGN_PRIORITY)
    no_sms = facts(
        campaign=given_facts.campaign, profile=newcomer, suppressed={Channel.SMS: "unsubscribed"}
    )
    assert route(no_sms, now=NOW).channel is Channel.EMAIL


def test_evidence_turns_best_practice_into_performance():
    assert route(facts(), now=NOW).reason is RoutingReason.BEST_PRACTICE
    liked = profile(engagement_history={Channel.TWITTER: ChannelEngagement(open_rate=1)})
    silent = {Channel.TWITTER: Engagement(5000, 0, 0, 0)}
    decision = route(facts(profile=liked), now=NOW)
    assert decision.reason is RoutingReason.PERFORMANCE
    both = route(facts(profile=liked, engagement=silent), now=NOW)
    score = assessment_of(both, Channel.TWITTER).factors.engagement
    assert score < 0.5 < assessment_of(decision, Channel.TWITTER).factors.engagement


def test_the_order_of_reasons_that_rule_a_channel_out():
    obstacles: list[tuple[dict[str, Any], RuledOut]] = [
        ({"profile": profile(contact_info=ContactInfo(user_id="u"))}, RuledOut.NO_CONTACT),
        ({"content": MessageContent({"sms": "Hi"})}, RuledOut.NO_CONTENT),
        ({"text_limits": {}}, RuledOut.NO_PROVIDER),
        ({"suppressed": {Channel.EMAIL: "complained"}}, RuledOut.SUPPRESSED),
        ({"content": MessageContent({"default": "x" * 9})}, RuledOut.TOO_LONG),
        ({"recent_channels": dict.fromkeys(Channel, NOW)}, RuledOut.RECENTLY_MESSAGED),
        ({"campaign": campaign(end_date=START + timedelta(hours=1))}, RuledOut.NO_SEND_TIME),
    ]
    base: dict[str, Any] = {
        "settings": OrchestratorSettings(channel_deduplication=ChannelDeduplication.STRICT),
        "text_limits": dict.fromkeys(Channel, 8),
        "content": MessageContent({"default": "Hello!"}),
    }
    assert ruled_out(route(facts(**base), now=NOW)) is None
    changes: dict[str, Any] = {}
    for change, expected in reversed(obstacles):
        assert ruled_out(route(facts(**{**base, **change}), now=NOW)) is expected
        changes |= change
        decision = route(facts(**{**base, **changes}), now=NOW)
        assert ruled_out(decision) is expected
        assert decision.channel is None
        assert assessment_of(decision, Channel.EMAIL).detail
        assert assessment_of(decision, Channel.EMAIL).total is None


def test_length_counts_the_longer_body_once_filled_in():
    content = MessageContent({"email": EmailContent(subject="s", text="a", html="<b>{{ x }}</b>")})
    fits = facts(content=content, profile=profile(attributes={"x": "y"}), text_limits={})
    for limit, expected in ((8, None), (7, RuledOut.TOO_LONG)):
        given_facts = facts(
            content=content, profile=fits.profile, text_limits={Channel.EMAIL: limit}
        )
        assert ruled_out(route(given_facts, now=NOW)) is expected


def test_content_that_cannot_be_filled_in_rules_out_without_personal_data():
    secret = profile(name="Seamus", attributes={"code": "hush"})
    content = MessageContent(
        {"email": "{{ nope }}", "sms": "{{ code | slice: name }}", "chat": "ok"}
    )
    decision = route(facts(content=content, profile=secret), now=NOW)
    assert decision.channel_order() == [Channel.CHAT]
    for channel in (Channel.EMAIL, Channel.SMS):
        assert ruled_out(decision, channel) is RuledOut.NO_CONTENT
    shown = decision.model_dump_json() + render_routing(decision, None)
    assert "'nope'" in shown
    assert not any(word in shown for word in ("Seamus", "hush"))


def test_no_send_time_only_where_the_slot_cannot_be_moved():
    night = campaign(
        start_date=START, end_date=NOW.replace(hour=23), optimal_send_times=None, timezone="UTC"
    )
    after_nine = NOW.replace(hour=21, minute=30)
    assert route(facts(campaign=night), now=after_nine).channel is None


def test_what_a_recent_message_on_a_channel_means():
    wanted = profile(
        customer_type=CustomerType.RETURNING, preferences={"preferred_channel": "email"}
    )
    expected = {
        ("prefer", False): [Channel.INSTAGRAM, Channel.WHATSAPP, Channel.EMAIL],
        ("strict", False): [Channel.INSTAGRAM, Channel.WHATSAPP],
        ("off", False): [Channel.EMAIL, Channel.INSTAGRAM, Channel.WHATSAPP],
        ("prefer", True): [Channel.EMAIL, Channel.INSTAGRAM, Channel.WHATSAPP],
        ("strict", True): [Channel.EMAIL, Channel.INSTAGRAM, Channel.WHATSAPP],
    }
    times = {channel: OptimalTimes(weekday=time(15)) for channel in THREE}
    for (mode, force), order in expected.items():
        given_facts = facts(
            campaign=campaign(channels=THREE, optimal_send_times=times),
            settings=OrchestratorSettings(channel_deduplication=mode),
            profile=wanted,
            recent_channels={Channel.EMAIL: NOW},
            force=force,
        )
        assert route(given_facts, now=NOW).channel_order() == order
    only_used = facts(profile=wanted, recent_channels=dict.fromkeys(Channel, NOW))
    assert route(only_used, now=NOW).channel is Channel.EMAIL


def test_unsafe_fallbacks_come_last_however_well_they_score():
    used = {Channel.EMAIL: NOW}
    given_facts = facts(
        campaign=campaign(channels=THREE),
        profile=BOB,
        recent_channels=used,
        engagement={Channel.EMAIL: Engagement(100, 100, 100, 100)},
    )
    decision = route(given_facts, now=NOW)
    assert decision.channel_order() == [Channel.INSTAGRAM, Channel.WHATSAPP, Channel.EMAIL]


def test_time_of_day_is_the_hour_the_message_would_be_sent_at():
    hours = {
        force: assessment_of(route(facts(force=force), now=NOW), Channel.INSTAGRAM).local_hour
        for force in (False, True)
    }
    assert hours == {False: 19, True: 15}


@given(routing_facts())
@settings(max_examples=150, deadline=None)
def test_invariants_of_every_decision(given_facts):
    decision = route(given_facts, now=NOW)
    viable: dict[Any, Any] = {
        found.channel: found for found in decision.assessments if found.ruled_out is None
    }
    order = decision.channel_order()
    mode = given_facts.settings.channel_deduplication
    prefers_safe = mode is ChannelDeduplication.PREFER and not given_facts.force
    is_strict = mode is ChannelDeduplication.STRICT and not given_facts.force

    assert [found.channel for found in decision.assessments] == list(given_facts.campaign.channels)
    assert (
        len(set(order))
        == len(order)
        == min(len(viable), given_facts.settings.max_fallback_attempts)
    )
    assert set(order) <= set(viable)
    assert bool(order) == bool(viable) == (decision.reason is not None)
    if is_strict:
        assert not set(given_facts.recent_channels) & set(order)

    preferred = given_facts.profile.preferences.preferred_channel
    some_safe = any(found.safe for found in viable.values())
    if preferred in viable and (viable[preferred].safe or not (prefers_safe and some_safe)):
        assert decision.channel is preferred
        assert decision.reason is RoutingReason.USER_PREFERENCE
    else:
        assert decision.reason is not RoutingReason.USER_PREFERENCE
    if decision.channel and prefers_safe and some_safe:
        assert viable[decision.channel].safe

    rank = list(Channel).index
    keys = [
        (prefers_safe and not viable[other].safe, -viable[other].total, rank(other))
        for other in decision.fallback_channels
    ]
    assert keys == sorted(keys)
    if decision.reason in (RoutingReason.PERFORMANCE, RoutingReason.BEST_PRACTICE):
        rivals = [f for f in viable.values() if f.safe or not (prefers_safe and some_safe)]
        assert viable[decision.channel].total == max(rival.total for rival in rivals)
        has_evidence = any(rival.has_evidence for rival in rivals)
        assert (decision.reason is RoutingReason.PERFORMANCE) == has_evidence


@given(routing_facts(), st.sampled_from(Channel))
@settings(max_examples=40, deadline=None)
def test_reactions_never_push_a_channel_down(given_facts, channel):
    answered = Engagement(1000, 1000, 1000, 1000)
    before: Any = route(given_facts, now=NOW)
    engagement = {**given_facts.engagement, channel: answered}
    after = route(replace(given_facts, engagement=engagement), now=NOW)
    for old, new in zip(before.assessments, after.assessments, strict=True):
        if new.total is not None:
            assert new.total >= old.total if new.channel is channel else new.total == old.total
