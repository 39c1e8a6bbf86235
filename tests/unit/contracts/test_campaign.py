"""Campaigns as objects."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from pydantic import ValidationError

from madan_sara.contracts.campaign import Campaign, CampaignStatus, OutreachCampaign, resolved
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.contracts.settings import DEFAULT_PRICES, OrchestratorSettings
from tests.makers import make_campaign

END = datetime(2030, 5, 1, 18, 0, tzinfo=UTC)


def test_it_is_over_from_its_end_on():
    campaign = make_campaign(uuid4(), end_date=END).resolved()
    assert not campaign.is_over(END - timedelta(microseconds=1))
    assert campaign.is_over(END)


def test_without_an_end_it_is_never_over():
    assert not make_campaign(uuid4(), end_date=None).resolved().is_over(END)


def test_a_campaign_knows_which_saved_version_it_comes_from_and_writes_it_nowhere():
    campaign = make_campaign(uuid4())
    assert campaign.saved_version is None
    campaign.note_saved(3)
    assert campaign.saved_version == campaign.model_copy(deep=True).saved_version == 3
    # Under another id it is another campaign, and so is one that is made from what is written.
    assert campaign.model_copy(update={"id": uuid4()}).saved_version is None
    assert OutreachCampaign.model_validate(campaign.model_dump()).saved_version is None
    assert OutreachCampaign.model_construct(**dict(campaign)).saved_version is None


def test_a_resolved_campaign_has_its_settings_and_every_price_written_out():
    written = OutreachCampaign(name="Bread", channels=["email"])
    assert written.resolved().settings.prices == DEFAULT_PRICES
    cheap = OrchestratorSettings(prices={Channel.SMS: 1}, max_messages_per_day=1)
    complete = written.resolved(cheap)
    assert complete.settings == cheap.with_all_prices()
    written.settings = OrchestratorSettings(dedup_lookback_hours=5)
    assert written.resolved(cheap).settings.dedup_lookback_hours == 5


def test_a_stored_campaign_is_read_as_it_was_written_and_never_changed():
    complete = make_campaign(uuid4(), end_date=END, status="paused").resolved()
    newer = complete.model_dump_json()[:-1] + ', "mood": "bright"}'
    assert Campaign.model_validate_json(newer) == complete
    for field in Campaign.model_fields:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(complete, field, getattr(complete, field))
    with pytest.raises(ValidationError, match="settings"):
        Campaign.model_validate(complete.model_dump(exclude={"settings"}))
    assert complete.with_status(CampaignStatus.ACTIVE).status is CampaignStatus.ACTIVE
    assert complete.status is CampaignStatus.PAUSED


def test_a_loaded_campaign_is_changed_apart_from_the_stored_one():
    complete = make_campaign(uuid4(), channels=["email"]).resolved()
    loaded = OutreachCampaign.of(complete, 4)
    loaded.channels.append(Channel.SMS)
    assert complete.channels == (Channel.EMAIL,)
    assert (loaded.saved_version, loaded.saved_status) == (4, complete.status)
    written = OutreachCampaign.model_validate(loaded.model_dump())
    written.follow(loaded)
    assert written.saved_version == 4


def test_components_take_both_and_refuse_anything_else():
    written = make_campaign(uuid4())
    assert resolved(written) == resolved(written.resolved()) == written.resolved()
    written.channels.append("fax")  # type: ignore[arg-type]
    for wrong, expected in [(written, "campaign.channels"), ({}, "must be an OutreachCampaign")]:
        with pytest.raises(InvalidRequestError, match=expected):
            resolved(wrong)
