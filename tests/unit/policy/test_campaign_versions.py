"""A save wins if its owner knows the stored version; else the stored change wins."""

from decimal import Decimal
from itertools import product
from uuid import uuid4

import pytest

from madan_sara.contracts.campaign import FINAL_STATUSES, CampaignStatus, OutreachCampaign
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.errors import CampaignConflictError
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.policy.campaign_versions import StoredCampaign, saved_over, sent_over
from tests.makers import make_campaign

ACTIVE, PAUSED, DRAFT = CampaignStatus.ACTIVE, CampaignStatus.PAUSED, CampaignStatus.DRAFT


def loaded(version=1, **changes) -> OutreachCampaign:
    written = make_campaign(uuid4(), budget_total=5, **changes)
    return OutreachCampaign.of(written.resolved(), version)


def stored(given, version=1, **changes) -> StoredCampaign:
    return StoredCampaign(given.resolved().model_copy(update=changes), version)


def save(given, present):
    return saved_over(given, given.resolved(), present)


def test_an_owner_that_knows_the_stored_version_changes_it():
    given = loaded()
    present = stored(given)
    given.budget_total = Decimal(7)
    given.channels = [Channel.SMS]
    assert save(given, present) == given.resolved()


@pytest.mark.parametrize("version", [None, 1, 3])
def test_what_was_stored_meanwhile_is_not_undone(version):
    given = loaded()
    present = stored(given, version=2, daily_limit=3, name="Autumn fair")
    given = OutreachCampaign.model_validate(given.model_dump()) if version is None else given
    if version is not None:
        given.note_saved(version)
    given.timezone = "America/Port-au-Prince"
    for decide in (saved_over, sent_over):
        with pytest.raises(CampaignConflictError) as refused:
            decide(given, given.resolved(), present)
        assert refused.value.fields == ("name", "daily_limit", "timezone")


def test_a_campaign_written_as_it_is_stored_conflicts_with_nothing():
    given = OutreachCampaign(name="Bread", channels=["email"])
    own = OrchestratorSettings(max_messages_per_day=1).with_all_prices()
    present = stored(given, version=4, settings=own, start_date=loaded().start_date)
    assert save(given, present) == present.campaign


@pytest.mark.parametrize(
    ("known", "now", "given"), list(product((ACTIVE, PAUSED, DRAFT), repeat=3))
)
def test_a_status_is_changed_by_one_of_both(known, now, given):
    campaign = loaded(status=known)
    present = stored(campaign, status=now)
    campaign.status = given
    campaign.budget_total = Decimal(7)
    if given not in (known, now) and now is not known:
        with pytest.raises(CampaignConflictError, match="in status; load it"):
            save(campaign, present)
        return
    becomes = save(campaign, present)
    assert becomes.status is (now if given is known else given)
    assert becomes.budget_total == 7
    assert sent_over(campaign, campaign.resolved(), present).status is now


@pytest.mark.parametrize("final", sorted(FINAL_STATUSES))
def test_a_campaign_that_is_over_stays_so_when_saved_in_any_status(final):
    campaign = loaded()
    present = stored(campaign, status=final)
    campaign.status = PAUSED
    assert save(campaign, present).status is final


def test_a_status_that_is_written_without_knowing_the_stored_one_conflicts_with_it():
    campaign = loaded()
    present = stored(campaign, status=PAUSED)
    unknowing = OutreachCampaign.model_validate(campaign.model_dump())
    with pytest.raises(CampaignConflictError, match="in status"):
        save(unknowing, present)
    open_ = OutreachCampaign.model_validate(campaign.model_dump(exclude={"status"}))
    assert save(open_, present).status is PAUSED
