from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from madan_sara.contracts.campaign import Urgency
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.decision import ChannelAssessment, RuledOut
from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.contracts.recipient import ChannelEngagement, CustomerType, Device
from madan_sara.policy import data
from madan_sara.policy.selector import (
    PRIOR_MESSAGES,
    ChannelSelector,
    Engagement,
    engagement_factor,
)
from tests.unit.policy.builders import channels, engagements

selector = ChannelSelector()

KNOWN = {
    "channel": Channel.EMAIL,
    "customer_type": None,
    "device": None,
    "urgency": None,
    "local_hour": 9,
    "engagement": None,
}


def test_weights_sum_to_one():
    assert sum(data.FACTOR_WEIGHTS.values()) == pytest.approx(1)


@pytest.mark.parametrize(
    "table",
    [
        data.CUSTOMER_TYPE_SCORES,
        data.DEVICE_SCORES,
        data.URGENCY_SCORES,
        data.DAY_PART_SCORES,
        data.BASE_ENGAGEMENT,
        data.BEST_PRACTICE_TIMES,
    ],
)
def test_every_table_knows_every_channel(table):
    assert set(table) == set(Channel)


def test_day_parts_meet_without_gaps():
    parts = [data.DayPart.of_hour(hour).name[0] for hour in range(24)]
    assert "".join(parts) == "N" * 9 + "W" * 9 + "E" * 5 + "N"


def test_score_of_email_for_a_returning_customer_on_a_phone():
    factors, total = selector.score(
        Channel.EMAIL,
        customer_type=CustomerType.RETURNING,
        device=Device.MOBILE,
        urgency=Urgency.NORMAL,
        local_hour=14,
        engagement=None,
    )
    assert (factors.customer_type, factors.engagement, factors.device) == (0.8, 0.5, 0.7)
    assert (factors.urgency, factors.time_of_day) == (1.0, 1.0)
    assert total == 0.73


def test_unknown_values_score_in_the_middle():
    factors, total = selector.score(
        Channel.SMS, customer_type=None, device=None, urgency=None, local_hour=None, engagement=None
    )
    assert set(factors.model_dump().values()) == {0.5}
    assert total == 0.5


@given(
    channel=channels,
    customer_type=st.none() | st.sampled_from(CustomerType),
    device=st.none() | st.sampled_from(Device),
    urgency=st.none() | st.sampled_from(Urgency),
    local_hour=st.none() | st.integers(0, 23),
    engagement=st.none() | engagements,
)
@settings(max_examples=60, deadline=None)
def test_scores_lie_between_zero_and_one(channel, engagement, **known):
    factors, total = selector.score(channel, engagement=engagement, **known)
    assert all(0 <= score <= 1 for score in [*factors.model_dump().values(), total])


@given(channels, engagements, st.sampled_from(["opens", "clicks", "replies"]))
@example(Channel.EMAIL, Engagement(379, 378.99999999999994, 378.99621, 379.0), "opens")
@settings(max_examples=60, deadline=None)
def test_a_further_reaction_never_lowers_the_factor(channel, engagement, kind):
    more = replace(engagement, **{kind: getattr(engagement, kind) + 1})
    assert engagement_factor(channel, more) >= engagement_factor(channel, engagement)


@given(channels, st.integers(1, 10_000))
@settings(max_examples=30, deadline=None)
def test_tried_and_never_answered_is_worse_than_unknown(channel, messages):
    silent = engagement_factor(channel, Engagement(messages, 0, 0, 0))
    assert silent < engagement_factor(channel, None) == 0.5
    assert engagement_factor(channel, Engagement(messages + 1, 0, 0, 0)) < silent


@given(channels, channels, st.sampled_from([(1, 0, 0), (1, 1, 0), (1, 1, 1)]))
@settings(max_examples=40, deadline=None)
def test_one_of_one_does_not_outweigh_forty_of_a_hundred(lucky, proven, reactions):
    once = Engagement(1, *reactions)
    often = Engagement(100, *(40 * reaction for reaction in reactions))
    assert engagement_factor(lucky, once) < engagement_factor(proven, often)


def test_a_well_performing_channel_beats_an_untried_one():
    twice_the_average = Engagement(500, 500 * 0.4266, 500 * 0.0524, 0)
    assert engagement_factor(Channel.EMAIL, twice_the_average) == pytest.approx(0.66, abs=0.01)


def test_history_without_a_count_weighs_as_much_as_the_base_rate():
    reported = ChannelEngagement(open_rate=0.4, click_rate=0.1)
    assert Engagement.from_history(reported) == Engagement(
        PRIOR_MESSAGES, PRIOR_MESSAGES * 0.4, PRIOR_MESSAGES * 0.1, 0
    )
    counted = reported.model_copy(update={"messages_sent": 0})
    assert engagement_factor(Channel.EMAIL, Engagement.from_history(counted)) == 0.5


def test_engagements_add_up():
    assert Engagement(10, 4, 2, 1) + Engagement(5, 1, 1, 0) == Engagement(15, 5, 3, 1)


def test_a_message_opened_twice_counts_once():
    assert Engagement(1, 7, 0, 0).rate() == pytest.approx(0.3)


def assessed(
    channel: Channel, total: float, ruled_out: RuledOut | None = None
) -> ChannelAssessment:
    return ChannelAssessment(channel=channel, total=total, ruled_out=ruled_out)


def test_selects_the_best_and_breaks_ties_by_channel_order():
    assert selector.select_channel([]) is None
    assert (
        selector.select_channel(
            [
                assessed(Channel.CHAT, 0.9, RuledOut.SUPPRESSED),
                assessed(Channel.WHATSAPP, 0.7),
                assessed(Channel.EMAIL, 0.7),
                assessed(Channel.TWITTER, 0.2),
            ]
        )
        is Channel.EMAIL
    )


@pytest.mark.parametrize("engagement", [None, {}, {Channel.SMS: Engagement(0, 0, 0, 0)}])
def test_recommendations_without_data(engagement):
    assert selector.get_channel_recommendations(CustomerType.EXISTING, engagement) == [
        Channel.WHATSAPP,
        Channel.CHAT,
        Channel.EMAIL,
    ]


def test_recommendations_follow_the_data():
    engagement = {
        Channel.TWITTER: Engagement(1000, 900, 500, 300),
        Channel.EMAIL: Engagement(1000, 0, 0, 0),
    }
    recommended = selector.get_channel_recommendations(CustomerType.NEW, engagement)
    assert recommended == [Channel.TWITTER, Channel.CHAT, Channel.INSTAGRAM]


_NO_COUNTS: list[Any] = [None, "x", Decimal("sNaN"), Fraction(1), float("nan"), 10**400, -1]
_NO_WORDS: list[Any] = ["", [], 5, 10**5_000]
_NO_HOURS: list[Any] = [Decimal("sNaN"), 9.5, "9", 10**5_000, -1, 24, []]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("channel", value) for value in [None, *_NO_WORDS]),
        *(("customer_type", value) for value in _NO_WORDS),
        *(("local_hour", value) for value in _NO_HOURS),
        *(("engagement", Engagement(value, 0, 0, 0)) for value in _NO_COUNTS),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_no_score_can_be_made_of_is_refused_in_a_few_words(field, value):
    with pytest.raises(InvalidRequestError, match=field) as caught:
        selector.score(**{**KNOWN, field: value})
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("count", [None, "x", Decimal("NaN"), float("inf"), -1])
def test_what_no_segment_can_be_ranked_by_is_refused(count):
    with pytest.raises(InvalidRequestError, match="engagement"):
        selector.get_channel_recommendations("new", {Channel.SMS: Engagement(1, 0, 0, count)})
