"""What a campaign says of itself."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from madan_sara.contracts.campaign import OutreachCampaign
from tests.makers import make_campaign

END = datetime(2030, 5, 1, 18, 0, tzinfo=UTC)


def test_it_is_over_from_its_end_on():
    campaign = make_campaign(uuid4(), end_date=END)
    assert not campaign.is_over(END - timedelta(microseconds=1))
    assert campaign.is_over(END)


def test_without_an_end_it_is_never_over():
    assert not make_campaign(uuid4(), end_date=None).is_over(END)


def test_a_campaign_knows_which_saved_version_it_comes_from_and_writes_it_nowhere():
    campaign = make_campaign(uuid4())
    assert campaign.saved_version is None
    campaign.note_saved(3)
    assert campaign.saved_version == campaign.model_copy(deep=True).saved_version == 3
    # Under another id it is another campaign, and so is one that is made from what is written.
    assert campaign.model_copy(update={"id": uuid4()}).saved_version is None
    assert OutreachCampaign.model_validate(campaign.model_dump()).saved_version is None
    assert OutreachCampaign.model_construct(**dict(campaign)).saved_version is None
