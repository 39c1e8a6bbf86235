"""An audience is the same for the same seed, and no two people in it share an address."""

from collections import Counter
from decimal import Decimal

import pytest

from madan_sara.contracts.campaign import OutreachCampaign
from madan_sara.contracts.channels import Channel
from madan_sara.devstack.campaign.audience import FEWEST, make_audience, write_file
from madan_sara.devstack.campaign.campaigns import PRICES, earlier_campaign, main_campaign
from madan_sara.devstack.campaign.scenarios import CHANNEL_OF_FIELD, REACHED, SCENARIOS, Earlier
from madan_sara.devstack.errors import DevstackError
from madan_sara.emulators.sandbox.behaviour import Behaviour, behaviour_for
from madan_sara.policy.campaign_rules import campaign_violations
from madan_sara.policy.similarity import similarity
from madan_sara.starter.importing.checking import Assignment, RowCheck


def test_the_seed_decides():
    rows = [person.row for person in make_audience(500, 7)]
    assert rows == [person.row for person in make_audience(500, 7)]
    assert rows != [person.row for person in make_audience(500, 8)]


@pytest.mark.parametrize("size", [FEWEST, 10_000])
def test_every_scenario_has_its_share_and_at_least_one(size):
    met = Counter(person.scenario.name for person in make_audience(size, 1))
    assert met.total() == size
    for scenario in SCENARIOS:
        assert met[scenario.name] == max(1, round(scenario.share * size))
    assert met[REACHED.name] > size / 2


def test_addresses_are_unique_and_ask_for_their_owners_scenario():
    people = make_audience(3_000, 1)
    for field in CHANNEL_OF_FIELD:
        addresses = [person.row[field] for person in people if field in person.row]
        assert len(addresses) == len(set(addresses))
    for person in people:
        if person.scenario is REACHED:
            asked = {behaviour_for(person.row[f]) for f in CHANNEL_OF_FIELD if f in person.row}
            assert asked == {Behaviour.ACCEPT}


def test_the_import_takes_every_row(tmp_path):
    people = make_audience(300, 1)
    campaign = main_campaign(people)
    file = tmp_path / "people.csv"
    write_file(file, people)
    header, *rows = (line.split(",") for line in file.read_text().splitlines())
    assert campaign.templates is not None
    check = RowCheck(Assignment(campaign.resolved(), campaign.templates, header, region=None))
    assert check.check(rows).rejected == []


def test_the_budget_is_less_than_the_audience_would_cost():
    people = make_audience(1_000, 1)
    campaign = main_campaign(people)
    assert campaign_violations(campaign.resolved()) == []
    cost = sum(PRICES[person.carried_by] for person in people if person.carried_by)
    assert campaign.budget_total is not None
    assert cost * Decimal("0.7") < campaign.budget_total < cost


def test_the_preview_reads_like_the_campaign_and_the_invitation_does_not():
    text = _text(main_campaign(make_audience(FEWEST, 1)))
    preview, invitation = (
        earlier_campaign(earlier) for earlier in (Earlier.PREVIEW, Earlier.INVITATION)
    )
    threshold = preview.resolved().settings.near_duplicate_threshold
    assert similarity(text, _text(preview)) > threshold
    assert similarity(text, _text(invitation)) < threshold


def _text(campaign: OutreachCampaign) -> str:
    assert campaign.templates is not None
    template = campaign.templates.template_for(Channel.SMS)
    assert isinstance(template, str)
    return template


def test_a_size_that_shows_nothing_is_refused():
    with pytest.raises(DevstackError, match="choose between 100 and 100000"):
        make_audience(10, 1)
