"""The demo's expectations hold whatever the hour it is played at."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from contracts.channels import Channel
from contracts.outreach import OutreachState
from devstack.demo.examples import load_examples
from devstack.errors import DevstackError
from policy.routing import RoutingFacts, route
from policy.send_time import plan_send_time
from policy.templates import Wording

#: Far ahead: a campaign without a start begins in the real present.
_FRIDAY_NIGHT = datetime(2096, 11, 23, 22, 30, tzinfo=UTC)
#: From a working day into a weekend and out of it.
_HOURS = [_FRIDAY_NIGHT + timedelta(hours=hours) for hours in range(0, 60, 2)]
_DECIDED = (OutreachState.SENT, OutreachState.UNKNOWN, OutreachState.SCHEDULED)


@pytest.mark.parametrize("now", _HOURS, ids=lambda now: f"{now:%a-%H}")
def test_channels_and_sleep_do_not_depend_on_the_hour(now):
    examples = load_examples(now=now)
    suppressed = {s.address: {s.channel: s.reason} for s in examples.suppressions if s.channel}
    for message in examples.messages:
        expected = message.expect
        if expected.state not in _DECIDED or expected.channel is None:
            continue
        campaign, profile = examples.campaigns[message.campaign], message.profile()
        facts = RoutingFacts(
            campaign=campaign,
            settings=campaign.effective_settings(),
            wording=Wording(examples.contents[message.campaign], profile),
            suppressed=suppressed.get(profile.contact_info.phone, {}),
            text_limits=dict.fromkeys(Channel),
        )
        decision = route(facts, now=now)
        tried = expected.tried or [expected.channel]
        if message.then is None:
            assert decision.order()[: len(tried)] == tried, message.id
        if expected.routing:
            assert decision.reason is expected.routing, message.id
        plan = plan_send_time(campaign, facts.settings, profile, expected.channel, now=now)
        assert plan.scheduled_at is not None
        asleep = plan.scheduled_at >= now + timedelta(hours=1)
        assert asleep is (expected.state is OutreachState.SCHEDULED), message.id


def test_a_wrong_file_is_refused_with_the_place_of_the_fault(tmp_path):
    file = tmp_path / "recipients.json"
    file.write_text(json.dumps([{"id": "marie", "campaign": "fresh-bread"}]))
    with pytest.raises(DevstackError, match=r"0\.contact_info: is missing"):
        load_examples(file)


def test_a_campaign_nobody_wrote_is_named(tmp_path):
    file = tmp_path / "recipients.json"
    marie = {
        "id": "marie",
        "campaign": "fresh-bred",
        "contact_info": {"email": "marie@example.com"},
        "expect": {"state": "sent"},
    }
    file.write_text(json.dumps([marie]))
    with pytest.raises(DevstackError, match="'fresh-bred', which is no campaign"):
        load_examples(file)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DevstackError, match=r"nobody\.json: cannot be read"):
        load_examples(tmp_path / "nobody.json")
