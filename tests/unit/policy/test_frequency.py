from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.outreach import ExitReason
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.policy import frequency
from madan_sara.policy.frequency import (
    RecentClaim,
    decide_claim,
    find_near_duplicate,
    recent_channels,
    safe_channels,
)
from tests.unit.policy.builders import NOW, channels, claim

DEFAULTS = OrchestratorSettings()
CAMPAIGN = uuid4()
HOUR = timedelta(hours=1)
TEXT = "Our spring sale starts on Monday: 20 % off everything in the shop"
REWORDED = "Our spring sale starts on Tuesday: 20 % off everything in the shop"
RELATED = "Our winter sale starts on Friday: 20 % off everything in the store"
OTHER = "Your parcel has left the warehouse"

ages = st.none() | st.timedeltas(timedelta(0), timedelta(days=9))
claims = st.builds(
    lambda age, channel, own: claim(
        campaign_id=CAMPAIGN if own else None,
        channel=channel,
        sent_at=None if age is None else NOW - age,
    ),
    ages,
    st.none() | channels,
    st.booleans(),
)


def find_duplicate(
    campaign_id: UUID, rules: OrchestratorSettings, recent: list[RecentClaim], now: datetime
) -> Any:
    return frequency.find_duplicate(campaign_id, rules, recent, now)


def find_frequency_block(
    rules: OrchestratorSettings, recent: list[RecentClaim], now: datetime
) -> Any:
    return frequency.find_frequency_block(rules, recent, now)


def decide(
    recent: list[RecentClaim],
    *,
    texts: Sequence[str] = (TEXT,),
    rules: OrchestratorSettings = DEFAULTS,
    force: bool = False,
) -> Any:
    return decide_claim(
        campaign_id=CAMPAIGN, texts=texts, settings=rules, recent=recent, now=NOW, force=force
    )


def sent(age: timedelta, **about: Any) -> RecentClaim:
    return claim(sent_at=NOW - age, **about)


@pytest.mark.parametrize(("age", "blocked"), [(24 * HOUR, False), (23.99 * HOUR, True)])
def test_look_back_window_is_open_at_its_far_end(age, blocked):
    assert (
        find_duplicate(CAMPAIGN, DEFAULTS, [sent(age, campaign_id=CAMPAIGN)], NOW) is not None
    ) is (blocked)


def test_duplicate_names_the_last_message_of_the_campaign():
    older = sent(9 * HOUR, campaign_id=CAMPAIGN)
    newer = sent(2 * HOUR, campaign_id=CAMPAIGN)
    other = sent(HOUR)
    block = decide([older, newer, other]).block
    assert block.reason is ExitReason.DUPLICATE
    assert block.details == {
        "kind": "look_back",
        "last_message_at": "2026-11-24T13:00:00Z",
        "last_message_id": str(newer.message_id),
        "campaign_id": str(CAMPAIGN),
        "lookback_hours": 24,
    }
    assert find_duplicate(CAMPAIGN, DEFAULTS, [other], NOW) is None
    claimed_first = replace(newer, claimed_at=NOW - 72 * HOUR)
    assert decide([older, claimed_first]).block.details == block.details


def test_an_unsent_message_counts_however_long_it_waits():
    waiting = claim(campaign_id=CAMPAIGN, sent_at=None)
    later = NOW + timedelta(days=30)
    assert find_duplicate(CAMPAIGN, DEFAULTS, [waiting], later).details["last_message_at"] == (
        "2026-11-24T15:00:00Z"
    )
    capped = OrchestratorSettings(max_messages_per_day=1)
    assert find_frequency_block(capped, [waiting], later) is not None
    assert set(recent_channels([waiting], DEFAULTS, later)) == {Channel.EMAIL}


def test_daily_cap():
    recent = [sent(HOUR), sent(23 * HOUR), claim(), sent(24 * HOUR), sent(7 * 24 * HOUR)]
    block = decide(recent).block
    assert block.reason is ExitReason.FREQUENCY_CAP
    assert block.details == {
        "period": "day",
        "messages_sent_today": 3,
        "max_messages_per_day": 3,
        "messages_sent_this_week": 4,
        "max_messages_per_week": 10,
    }
    assert decide(recent[1:]).block is None


def test_weekly_cap():
    recent = [sent(HOUR * 25 + timedelta(minutes=count)) for count in range(10)]
    block = find_frequency_block(DEFAULTS, recent, NOW)
    assert block.details["period"] == "week"
    assert block.details["messages_sent_today"] == 0
    assert find_frequency_block(DEFAULTS, recent[1:], NOW) is None


@given(st.lists(claims, max_size=14), claims)
@settings(max_examples=80, deadline=None)
def test_one_more_claim_never_unblocks(recent, another):
    before, after = decide(recent).block, decide([*recent, another]).block
    assert before is None or after is not None


@given(st.lists(claims, max_size=14), st.timedeltas(timedelta(0), timedelta(days=3)))
@settings(max_examples=60, deadline=None)
def test_waiting_never_blocks(recent, wait):
    if find_frequency_block(DEFAULTS, recent, NOW) is None:
        assert find_frequency_block(DEFAULTS, recent, NOW + wait) is None


def test_near_duplicates_block_across_campaigns():
    first, second = sent(48 * HOUR, texts=(OTHER, REWORDED)), sent(49 * HOUR, texts=(RELATED,))
    result = decide([second, first], texts=("Unlike", TEXT))
    assert result.block.reason is ExitReason.DUPLICATE
    assert result.block.details == {
        "kind": "near_duplicate",
        "last_message_at": "2026-11-22T15:00:00Z",
        "last_message_id": str(first.message_id),
        "campaign_id": str(first.campaign_id),
        "similarity": 0.84,
    }


def test_somewhat_similar_texts_are_a_warning():
    related = sent(48 * HOUR, texts=(RELATED,))
    block, warnings = find_near_duplicate([TEXT], DEFAULTS, [related], NOW)
    assert block is None
    assert warnings == [
        f"similarity 0.60 to the text of message {related.message_id}; 0.70 would block it"
    ]
    assert find_near_duplicate([TEXT], DEFAULTS, [sent(HOUR, texts=(OTHER,))], NOW) == (None, [])
    lenient = OrchestratorSettings(near_duplicate_threshold=0.5)
    assert find_near_duplicate([TEXT], lenient, [related], NOW)[0] is not None


def test_near_duplicates_are_looked_for_within_their_days_only():
    old = sent(timedelta(days=7), texts=(TEXT,))
    assert decide([old]).block is None
    assert decide([claim(texts=(TEXT,))]).block is not None
    off = OrchestratorSettings(near_duplicate_days=0)
    assert decide([claim(texts=(TEXT,))], rules=off).block is None
    assert decide([claim(texts=(TEXT,))], texts=()).block is None


def test_rules_apply_in_order_and_not_to_forced_messages():
    recent = [claim(campaign_id=CAMPAIGN, texts=(TEXT,)), sent(HOUR), sent(HOUR)]
    assert decide(recent).block.details["kind"] == "look_back"
    assert decide([*recent[1:], claim(texts=(TEXT,))]).block.reason is ExitReason.FREQUENCY_CAP
    forced = decide(recent, force=True)
    assert (forced.block, forced.warnings) == (None, [])


def test_safe_channels_are_those_without_a_recent_message_of_any_campaign():
    recent = [
        sent(HOUR, channel=Channel.SMS),
        sent(25 * HOUR, channel=Channel.CHAT),
        claim(channel=None),
    ]
    assert set(recent_channels(recent, DEFAULTS, NOW)) == {Channel.SMS}
    wanted = [Channel.CHAT, Channel.SMS, Channel.EMAIL]
    assert safe_channels(wanted, recent, DEFAULTS, NOW) == [Channel.CHAT, Channel.EMAIL]
