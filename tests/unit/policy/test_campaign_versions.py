"""A save wins if its owner knows the stored version; else the stored change wins."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any
from uuid import uuid4

import pytest

from madan_sara.contracts.campaign import (
    FINAL_STATUSES,
    CampaignStatus,
    OutreachCampaign,
    SavedAs,
)
from madan_sara.contracts.channels import Channel
from madan_sara.contracts.errors import CampaignConflictError, InvalidRequestError
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.policy.campaign_versions import (
    CampaignChange,
    GivenCampaign,
    StoredCampaign,
    saved_over,
    sent_over,
)
from tests.makers import make_campaign

YESTERDAY = datetime.now(UTC) - timedelta(days=1)
EVENING = {"start": "18:00", "end": "20:00"}
#: What a service writes that leaves the rest open.
_WRITTEN = {"id", "tenant_uuid", "name", "channels", "timezone", "send_time_optimization"}
ACTIVE, PAUSED, DRAFT = CampaignStatus.ACTIVE, CampaignStatus.PAUSED, CampaignStatus.DRAFT


def loaded(version=1, **changes) -> OutreachCampaign:
    written = make_campaign(uuid4(), budget_total=5, **changes)
    return OutreachCampaign.of(written.resolved(), version)


def stored(given, version=1, **changes) -> StoredCampaign:
    return StoredCampaign(given.resolved().model_copy(update=changes), version)


def snapshot(given) -> GivenCampaign:
    return GivenCampaign.of(given, given.resolved())


def save(given, present):
    return saved_over(snapshot(given), present)


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
        given.note_saved(SavedAs(given.tenant_uuid, given.id, version, given.status))
    given.timezone = "America/Port-au-Prince"
    for decide in (saved_over, sent_over):
        with pytest.raises(CampaignConflictError) as refused:
            decide(snapshot(given), present)
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
    assert sent_over(snapshot(campaign), present).status is now


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


@pytest.mark.parametrize("ordered", [PAUSED, DRAFT, CampaignStatus.CANCELLED])
def test_a_status_an_owner_has_set_is_not_saved_by_a_send(ordered):
    campaign = loaded()
    before = stored(campaign)
    campaign.status, campaign.daily_limit = ordered, 5
    given = snapshot(campaign)
    present = StoredCampaign(sent_over(given, before), 2)
    campaign.note_saved(given.sent_as(CampaignChange(before.campaign, present)))
    assert present.campaign.status is ACTIVE
    assert save(campaign, present).status is ordered


def test_a_status_that_is_set_while_a_save_is_under_way_is_not_saved_by_it():
    campaign = loaded()
    given = snapshot(campaign)
    campaign.status = PAUSED
    present = StoredCampaign(saved_over(given, stored(campaign, status=ACTIVE)), 2)
    campaign.note_saved(given.saved_as(CampaignChange(None, present)))
    assert save(campaign, present).status is PAUSED


def test_the_first_send_saves_the_status_with_the_rest():
    campaign = make_campaign(uuid4(), status=PAUSED)
    given = snapshot(campaign)
    campaign.note_saved(given.sent_as(CampaignChange(None, StoredCampaign(given.own, 1))))
    resumed = stored(campaign, status=ACTIVE)
    assert save(campaign, resumed).status is ACTIVE


def test_of_two_saves_of_one_object_the_later_to_arrive_conflicts():
    campaign = loaded(daily_limit=5)
    first = snapshot(campaign)
    campaign.daily_limit = 6
    second = snapshot(campaign)
    present = StoredCampaign(saved_over(second, stored(campaign, daily_limit=4)), 2)
    campaign.note_saved(second.saved_as(CampaignChange(None, present)))
    for decide in (saved_over, sent_over):
        with pytest.raises(CampaignConflictError, match="in daily_limit;"):
            decide(first, present)


def test_a_status_copied_in_as_plain_text_is_a_status():
    campaign = loaded().model_copy(update={"status": "paused"})
    present = stored(campaign, status=ACTIVE)
    given = snapshot(campaign)
    assert saved_over(given, present).status is PAUSED
    assert given.saved_as(CampaignChange(None, present)).status is PAUSED
    untouched = loaded().model_copy(update={"status": "active"})
    assert save(untouched, stored(untouched, status=PAUSED)).status is PAUSED


@pytest.mark.parametrize("decide", [saved_over, sent_over])
@pytest.mark.parametrize("written", [{}, {"settings": None}])
def test_what_is_left_open_stays_as_it_is_stored(decide, written):
    settings = OrchestratorSettings(max_messages_per_day=1, prices={Channel.SMS: Decimal(2)})
    first = make_campaign(uuid4(), settings=settings.model_dump(), start_date=YESTERDAY)
    present = stored(first, status=PAUSED)
    anew = OutreachCampaign(**first.model_dump(include=_WRITTEN), daily_limit=5, **written)
    anew.note_saved(SavedAs(anew.tenant_uuid, anew.id, 1, anew.status))
    becomes = decide(snapshot(anew), present)
    assert becomes == present.campaign.model_copy(update={"daily_limit": 5})


def test_what_is_set_contradicts_what_was_left_open_and_stored():
    first = make_campaign(uuid4(), start_date=YESTERDAY, settings={"quiet_hours": EVENING})
    written = first.model_dump(include=_WRITTEN)
    contradictions: list[tuple[dict[str, Any], str]] = [
        ({"end_date": YESTERDAY - timedelta(days=1), "settings": first.settings}, "end_date"),
        ({"optimal_send_times": {"sms": {"weekday": "19:00"}}}, "optimal_send_times.sms.weekday"),
    ]
    for own, field in contradictions:
        anew = OutreachCampaign(**written, **own)
        anew.note_saved(SavedAs(anew.tenant_uuid, anew.id, 1, anew.status))
        with pytest.raises(InvalidRequestError, match=f"^campaign.{field}: "):
            save(anew, stored(first))
