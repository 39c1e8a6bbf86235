"""A text message is as long as its encoding makes it, and is paid by the segment."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from madan_sara.contracts.campaign import Campaign
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.content import MessageContent
from madan_sara.contracts.decision import RuledOut
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.policy.message_price import (
    least_parts,
    least_price,
    listed_price,
    message_parts,
    paid_prices,
    price_of_message,
)
from madan_sara.policy.routing import route
from madan_sara.policy.sms import SmsLength, sms_length
from madan_sara.policy.template_language import parse
from madan_sara.policy.text_length import encoded_length
from madan_sara.policy.text_warnings import text_warnings
from tests.unit.policy.builders import NOW, campaign, facts, profile

BREAD = "\N{BREAD}"
RULES = OrchestratorSettings()


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("", SmsLength("GSM-7", 0, 1, None)),
        ("a" * 160, SmsLength("GSM-7", 160, 1, None)),
        ("a" * 161, SmsLength("GSM-7", 161, 2, None)),
        ("a" * 306, SmsLength("GSM-7", 306, 2, None)),
        ("a" * 307, SmsLength("GSM-7", 307, 3, None)),
        ("èòàé@$\n" * 10, SmsLength("GSM-7", 70, 1, None)),
        ("€" * 80, SmsLength("GSM-7", 160, 1, None)),
        ("€" * 81, SmsLength("GSM-7", 162, 2, None)),
        # The escape and its character stay in one segment: 76 fit, and one septet is left.
        ("€" * 153, SmsLength("GSM-7", 306, 3, None)),
        ("ê" * 70, SmsLength("UCS-2", 70, 1, "ê")),
        ("ê" * 71, SmsLength("UCS-2", 71, 2, "ê")),
        ("a" * 69 + BREAD, SmsLength("UCS-2", 71, 2, BREAD)),
        (BREAD * 35, SmsLength("UCS-2", 70, 1, BREAD)),
        # Neither are the two halves of an emoji: 33 fit into 67.
        (BREAD * 67, SmsLength("UCS-2", 134, 3, BREAD)),
        ("\u2019", SmsLength("UCS-2", 1, 1, "\u2019")),
        ("ç", SmsLength("UCS-2", 1, 1, "ç")),
    ],
)
def test_length_of_a_text_message(text, length):
    assert sms_length(text) == length


@given(st.text(max_size=400))
def test_a_longer_text_has_no_fewer_segments_and_each_segment_is_used(text):
    whole = sms_length(text)
    assert sms_length(text[:-1]).segments <= whole.segments
    joined, alone = (153, 160) if whole.encoding == "GSM-7" else (67, 70)
    assert whole.units <= (alone if whole.segments == 1 else whole.segments * joined)
    if whole.segments > 1:
        assert whole.units > (whole.segments - 1) * (joined - 1)


def test_a_text_of_a_thousand_characters_is_paid_in_fifteen_segments():
    text = (Path(__file__).parent / "data" / "text_message.txt").read_text()
    assert sms_length(text).segments == 7
    text = f"{text} {BREAD}"
    length = sms_length(text)
    assert length == SmsLength("UCS-2", 1003, 15, BREAD)
    assert message_parts(Channel.SMS, text) == 15
    assert price_of_message(RULES, Channel.SMS, parts=15) == 15 * 7_500
    assert message_parts(Channel.WHATSAPP, text) == 1


def sms_campaign(text: str, **changes: object) -> Campaign:
    return campaign(templates=MessageContent({Channel.SMS: text}), channels=["sms"], **changes)


def test_the_price_that_is_expected_is_that_of_the_segments():
    assert listed_price(sms_campaign("a" * 161), Channel.SMS) == 15_000
    assert listed_price(sms_campaign("a" * 150 + "{{ name | upcase }}" * 9), Channel.SMS) == 7_500
    assert listed_price(campaign(channels=["sms"]), Channel.SMS) == 7_500
    assert paid_prices(sms_campaign("a" * 400)) == [22_500]


SHORT_OR_LONG = f"{'a' * 150}{{% if name %}}{'b' * 20}{{% else %}}{'c' * 20}{{% endif %}}"


@given(name=st.text(max_size=400))
@pytest.mark.parametrize(
    "template",
    [
        "a" * 161 + "{{ name }}",
        SHORT_OR_LONG,
        "é" * 60 + BREAD + "{% if name contains 'a' %}" + BREAD * 90 + "{% endif %}",
        "{% comment %}" + "d" * 200 + "{% endcomment %}x{{ name }}",
        "e" * 80 + " " * 90 + "{%- if name -%} f {%- endif -%}",
        "{% raw %}{{ name }}{% endraw %}" + "g" * 160,
    ],
)
def test_no_filling_in_costs_less_than_the_least_price(template, name):
    its = sms_campaign(template)
    text = parse(template, html=False).render({"name": name})
    paid = price_of_message(RULES, Channel.SMS, parts=message_parts(Channel.SMS, text))
    assert least_price(its, Channel.SMS) <= paid


def test_the_least_price_has_every_segment_that_is_certain_and_none_that_is_not():
    assert least_price(sms_campaign("a" * 161), Channel.SMS) == 15_000
    assert least_price(sms_campaign("a" * 400 + "{{ name }}"), Channel.SMS) == 22_500
    assert (
        least_price(
            sms_campaign("a" * 90 + "{% if name %}" + "b" * 90 + "{% endif %}"), Channel.SMS
        )
        == 7_500
    )
    assert least_price(sms_campaign("a" * 400 + "{% unreadable"), Channel.SMS) == 7_500
    assert least_price(campaign(channels=["email"]), Channel.EMAIL) == listed_price(
        campaign(channels=["email"]), Channel.EMAIL
    )


def test_a_text_that_a_batch_brings_lowers_the_least_price_and_never_raises_it():
    long = sms_campaign("a" * 400)
    assert least_price(long, Channel.SMS, batch_parts=1) == 7_500
    assert least_price(long, Channel.SMS, batch_parts=9) == 22_500
    assert least_parts(MessageContent({Channel.SMS: "a" * 161})) == 2
    assert least_parts(MessageContent({"default": "a" * 161 + "{{ name }}"})) == 2
    assert least_parts(MessageContent({Channel.EMAIL: "a" * 161})) == 1
    by_email = campaign(channels=["email"])
    assert least_price(by_email, Channel.EMAIL, batch_parts=1) == 1_000


def test_several_segments_are_reported_with_their_cause():
    assert text_warnings(sms_campaign("a" * 160), RULES) == []
    (warning,) = text_warnings(sms_campaign("a" * 150 + "{{ name }}" + BREAD), RULES)
    assert warning.startswith("templates.sms: takes 3 segments as a text message (152 units of UCS")
    assert f"because of {BREAD!r}" in warning
    assert "each segment costs 0.0075" in warning
    only_email = campaign(templates=MessageContent({"default": "a" * 900}), channels=["email"])
    assert text_warnings(only_email, RULES) == []
    (warning,) = text_warnings(
        campaign(templates=MessageContent({"default": "a" * 900}), channels=["sms"]), RULES
    )
    assert warning.startswith("templates.default: takes 6 segments")


@pytest.mark.parametrize(
    ("channel", "text", "length"),
    [
        (Channel.SMS, BREAD * 1_000, 2_000),
        (Channel.SMS, "[" * 1_000, 2_000),
        (Channel.INSTAGRAM, "é" * 600, 1_200),
        (Channel.WHATSAPP, BREAD * 1_000, 1_000),
    ],
)
def test_a_channels_limit_counts_the_text_as_it_is_sent(channel, text, length):
    assert encoded_length(channel, text) == length
    who = profile(contact_info={"phone": "+50937001234", "instagram_handle": "marie"})
    of = campaign(channels=[channel])
    for limit, ruled_out in ((length, None), (length - 1, RuledOut.TOO_LONG)):
        decided = facts(
            campaign=of,
            profile=who,
            content=MessageContent({"default": text}),
            text_limits={channel: limit},
        )
        assert route(decided, now=NOW).assessments[0].ruled_out is ruled_out
