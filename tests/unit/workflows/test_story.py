"""The words for the ends of outreaches."""

from datetime import timedelta

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.outreach import ExitReason, OutreachState
from madan_sara.contracts.settings import ChannelDeduplication, OrchestratorSettings
from madan_sara.policy.routing import route
from madan_sara.workflows.story import no_channel
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
