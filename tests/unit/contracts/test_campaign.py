"""What a campaign says of itself."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from tests.makers import make_campaign

END = datetime(2030, 5, 1, 18, 0, tzinfo=UTC)


def test_it_is_over_from_its_end_on():
    campaign = make_campaign(uuid4(), end_date=END)
    assert not campaign.is_over(END - timedelta(microseconds=1))
    assert campaign.is_over(END)


def test_without_an_end_it_is_never_over():
    assert not make_campaign(uuid4(), end_date=None).is_over(END)
