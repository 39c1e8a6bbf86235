"""The choice of a channel and of a send time in the Web UI."""

from madan_sara.contracts.channels import Channel
from madan_sara.policy.routing import route
from madan_sara.policy.send_time import plan_send_time
from madan_sara.workflows.routing_story import render_routing
from tests.unit.policy.builders import ADDRESSES, NOW, campaign, facts
from tests.unit.policy.test_routing import BOB, THREE


def test_decision_is_explained_without_personal_data():
    given_facts = facts(
        campaign=campaign(channels=[*THREE, Channel.CHAT]),
        profile=BOB,
        suppressed={Channel.WHATSAPP: "asked to stop | on the phone"},
        recent_channels={Channel.EMAIL: NOW},
    )
    decision = route(given_facts, now=NOW)
    plan = plan_send_time(
        given_facts.campaign, given_facts.settings, BOB, Channel.INSTAGRAM, now=NOW
    )
    text = render_routing(decision, plan)
    assert text.startswith("**On instagram**: the recipient prefers it.")
    rows = {line.split()[0]: line.split()[1:] for line in text.splitlines() if line.strip()}
    assert rows["email"] == ["0.730", "0.80", "0.50", "0.70", "1.00", "1.00", "used", "recently"]
    assert rows["whatsapp"][:4] == ["must", "not", "be", "contacted:"]
    assert rows["chat"][:2] == ["no", "address:"]
    assert "Fallbacks, in this order: email." in text
    assert "2026-11-24 20:00 in UTC (2026-11-24 20:00 UTC), the best time" in text
    assert not any(secret in text for secret in ("Bob", "bob@", "+1234", *ADDRESSES.values()))


def test_after_a_fallback_the_channel_in_use_and_the_remaining_ones_are_reported():
    decision = route(facts(campaign=campaign(channels=THREE), profile=BOB), now=NOW)
    assert decision.channel_order() == [Channel.INSTAGRAM, Channel.EMAIL, Channel.WHATSAPP]
    rendered = {}
    for channel in decision.channel_order():
        given = facts(campaign=campaign(channels=THREE), profile=BOB)
        plan = plan_send_time(given.campaign, given.settings, BOB, channel, now=NOW)
        rendered[channel] = render_routing(decision, plan)
    on_email = "**On email**, a fallback. instagram was chosen first: the recipient prefers it."
    assert rendered[Channel.EMAIL].startswith(on_email)
    assert "Fallbacks, in this order: whatsapp." in rendered[Channel.EMAIL]
    assert rendered[Channel.WHATSAPP].startswith("**On whatsapp**, a fallback.")
    assert "There is no fallback." in rendered[Channel.WHATSAPP]
    assert rendered[Channel.INSTAGRAM].startswith("**On instagram**: the recipient prefers it.")


def test_failed_decision_is_explained():
    decision = route(facts(text_limits={}), now=NOW)
    assert render_routing(decision, None).startswith("**No channel can carry this message.**")
    assert "no provider: no provider is configured for sms" in render_routing(decision, None)
