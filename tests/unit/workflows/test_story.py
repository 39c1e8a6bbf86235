"""The words for the ends of outreaches."""

from datetime import timedelta

from madan_sara.contracts.campaign import CampaignStatus
from madan_sara.contracts.campaign_run import CampaignFigures, Wait, WaitReason
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.delivery import AttemptSummary
from madan_sara.contracts.outreach import Block, Details, ExitReason, OutreachState
from madan_sara.contracts.settings import ChannelDeduplication, OrchestratorSettings
from madan_sara.contracts.words.ends import why_unsent
from madan_sara.contracts.words.progress import CODES
from madan_sara.contracts.words.waits import CAMPAIGN_WAITS
from madan_sara.policy.routing import route
from madan_sara.workflows.campaign_story import render_campaign
from madan_sara.workflows.story import no_channel, render_outreach
from tests.unit.policy.builders import NOW, facts


def test_a_duplicate_names_its_last_message_whichever_rule_found_it():
    strict = OrchestratorSettings(channel_deduplication=ChannelDeduplication.STRICT)
    used = dict.fromkeys(Channel, NOW - timedelta(hours=2)) | {
        Channel.EMAIL: NOW - timedelta(hours=1)
    }

    state, block = no_channel(route(facts(settings=strict, recent_channels=used), now=NOW))

    assert (state, block.reason) == (OutreachState.BLOCKED, ExitReason.DUPLICATE)
    hour_ago = (NOW - timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    assert block.details["last_message_at"] == hour_ago
    assert block.details["email"] == "recently_messaged"


def test_an_end_and_its_attempts_are_reported_in_the_words_of_every_door():
    details: Details = {"sms": "misconfigured"}
    block = Block(reason=ExitReason.ALL_CHANNELS_FAILED, details=details)
    attempt = AttemptSummary(
        attempt_no=1, channel=Channel.SMS, outcome="refused", code="misconfigured"
    )
    story = render_outreach(OutreachState.FAILED, block, None, None, [attempt])
    rule, advice = why_unsent(ExitReason.ALL_CHANNELS_FAILED, details)
    assert f"{rule} {advice}" in story
    assert f"refused: {CODES['misconfigured']} (misconfigured)" in story


def test_a_campaign_gives_its_wait_in_the_same_words_everywhere():
    figures = CampaignFigures(
        status=CampaignStatus.PAUSED,
        by_state={},
        messages_ahead=0,
        messages_a_day=None,
        remaining_micros=None,
        spent_micros=0,
    )
    for reason in WaitReason:
        story = render_campaign(figures, Wait(reason=reason), None, [])
        assert f"waits for {CAMPAIGN_WAITS[reason]}" in story
