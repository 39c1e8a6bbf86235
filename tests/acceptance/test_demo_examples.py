"""The demo's expectations hold at any hour."""

import csv
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from madan_sara.contracts.channels import Channel
from madan_sara.contracts.outreach import OutreachState
from madan_sara.contracts.recipient import RecipientProfile
from madan_sara.devstack.demo.examples import EXAMPLES, Example, Examples, load_examples
from madan_sara.devstack.errors import DevstackError
from madan_sara.policy.routing import RoutingFacts, route
from madan_sara.policy.send_time import plan_send_time
from madan_sara.policy.templates import RenderedMessages
from madan_sara.starter.importing.checking import Assignment, RowCheck

#: Far ahead: a campaign without a start begins in the real present.
_FRIDAY_NIGHT = datetime(2096, 11, 23, 22, 30, tzinfo=UTC)
#: From a working day into a weekend and out of it.
_HOURS = [_FRIDAY_NIGHT + timedelta(hours=hours) for hours in range(0, 60, 2)]
_DECIDED = (OutreachState.SENT, OutreachState.UNKNOWN, OutreachState.SCHEDULED)


@pytest.mark.parametrize("now", _HOURS, ids=lambda now: f"{now:%a-%H}")
def test_channels_and_sleep_do_not_depend_on_the_hour(now):
    examples = load_examples(now=now)
    suppressed = {s.address: {s.channel: s.reason} for s in examples.suppressions if s.channel}
    steered = [message.example() for message in examples.messages if message.then]
    for example, profile in _people(examples):
        expected = example.expect
        if expected.state not in _DECIDED or expected.channel is None:
            continue
        campaign = examples.campaigns[example.campaign].resolved()
        assert campaign.templates is not None
        facts = RoutingFacts(
            campaign=campaign,
            settings=campaign.settings,
            rendered=RenderedMessages(campaign.templates, profile),
            suppressed=suppressed.get(profile.contact_info.phone, {}),
            text_limits=dict.fromkeys(Channel),
        )
        decision = route(facts, now=now)
        tried = expected.tried or [expected.channel]
        if example not in steered:
            assert decision.channel_order()[: len(tried)] == tried, example.id
        if expected.routing:
            assert decision.reason is expected.routing, example.id
        plan = plan_send_time(campaign, facts.settings, profile, expected.channel, now=now)
        assert plan.scheduled_at is not None
        asleep = plan.scheduled_at >= now + timedelta(hours=1)
        assert asleep is (expected.state is OutreachState.SCHEDULED), example.id


def _people(examples: Examples) -> Iterator[tuple[Example, RecipientProfile]]:
    """All people, as the import or the caller describes them."""
    yield from ((message.example(), message.profile()) for message in examples.messages)
    profiles = {name: _imported(examples, name) for name in examples.files}
    yield from ((one, profiles[one.campaign][one.id]) for one in examples.imported)


def _imported(examples: Examples, name: str) -> dict[str, RecipientProfile]:
    campaign = examples.campaigns[name].resolved()
    assert campaign.templates is not None
    with examples.files[name].open(newline="") as file:
        header, *rows = csv.reader(file)
    check = RowCheck(Assignment(campaign, campaign.templates, header, region=None))
    checked = check.check(rows)
    assert checked.rejected == []
    return {
        recipient.recipient_id: RecipientProfile.model_validate_json(recipient.profile)
        for recipient in checked.accepted
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(EXAMPLES, tmp_path / "demo")
    return tmp_path / "demo"


def test_a_wrong_file_is_refused_with_the_place_of_the_violation(folder):
    (folder / "messages.json").write_text(json.dumps([{"id": "marie", "campaign": "orders"}]))
    with pytest.raises(DevstackError, match=r"messages\.json: 0\.contact_info: is missing"):
        load_examples(folder)


def test_a_wrong_expectation_is_refused_with_its_line(folder):
    (folder / "recipients" / "carnival.csv").write_text("id,name,expect_state\nana,Ana,posted\n")
    with pytest.raises(DevstackError, match=r"carnival\.csv: line 2: expect\.state: must be"):
        load_examples(folder)


def test_a_missing_campaign_is_named(folder):
    (folder / "campaign_ends.json").write_text(json.dumps({"fresh-bred": "completed"}))
    with pytest.raises(DevstackError, match="'fresh-bred' is no campaign"):
        load_examples(folder)


def test_a_missing_file_is_named(folder):
    (folder / "messages.json").unlink()
    with pytest.raises(DevstackError, match=r"messages\.json: cannot be read"):
        load_examples(folder)
