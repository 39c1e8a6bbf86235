"""What was made past its checks is checked where it is used."""

from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest

from madan_sara.contracts.campaign import OutreachCampaign, resolved
from madan_sara.contracts.content import EmailContent, MessageContent
from madan_sara.contracts.delivery import DeliveryEvent
from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.contracts.reading import read, read_moment
from madan_sara.contracts.recipient import RecipientProfile
from madan_sara.contracts.settings import OrchestratorSettings
from madan_sara.policy.campaign_days import campaign_day
from tests.makers import make_campaign, make_profile

_PERSON = RecipientProfile.model_validate(make_profile())
_SETTINGS = OrchestratorSettings()
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)


def _unchecked(kind: Any, **fields: Any) -> Any:
    return kind.model_construct(**fields)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (RecipientProfile, _PERSON.model_copy(update={"name": "\0"})),
        (
            RecipientProfile,
            _PERSON.model_copy(
                update={"contact_info": _PERSON.contact_info.model_copy(update={"email": "x"})}
            ),
        ),
        (RecipientProfile, _unchecked(RecipientProfile)),
        (MessageContent, _unchecked(MessageContent, root={"fax": "x"})),
        (
            MessageContent,
            _unchecked(MessageContent, root={"email": _unchecked(EmailContent)}),
        ),
        (OrchestratorSettings, _SETTINGS.model_copy(update={"quiet_hours": 5})),
        (DeliveryEvent, _unchecked(DeliveryEvent, provider=None)),
    ],
)
def test_a_copy_that_no_check_has_seen_is_refused(kind, value):
    with pytest.raises(InvalidRequestError, match="given"):
        read(kind, value, "given")


@pytest.mark.parametrize(
    "changes",
    [
        {"settings": 5},
        {"settings": _SETTINGS.model_copy(update={"prices": 5})},
        {"settings": _unchecked(OrchestratorSettings, quiet_hours=5)},
        {"channels": 5},
        {"tenant_uuid": "nonsense"},
    ],
)
def test_a_campaign_that_no_check_has_seen_is_refused(changes):
    campaign = make_campaign(uuid4())
    for each in (campaign, campaign.resolved()):
        with pytest.raises(InvalidRequestError, match=f"campaign.{next(iter(changes))}"):
            resolved(each.model_copy(update=changes))
    with pytest.raises(InvalidRequestError, match="name: is missing"):
        _unchecked(OutreachCampaign).resolved()


def test_what_is_sound_stays_as_it_was():
    campaign = make_campaign(uuid4(), settings={"prices": {"sms": "0.5"}}, timezone="Asia/Tokyo")
    assert resolved(resolved(campaign)) == campaign.resolved()
    assert resolved(campaign).model_dump(exclude={"settings"}) == {
        **campaign.model_dump(exclude={"settings"}),
        "channels": tuple(campaign.channels),
        "recipient_fields": (),
    }
    assert read(RecipientProfile, _PERSON, "profile") == _PERSON


@pytest.mark.parametrize("moment", [_FIRST, _LAST])
def test_a_moment_without_room_around_it_is_refused(moment):
    with pytest.raises(InvalidRequestError, match="now: "):
        read_moment(moment, "now")


def test_the_days_of_a_campaign_end_with_the_calendar():
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        campaign = make_campaign(uuid4(), timezone=zone)
        assert campaign_day(campaign, _FIRST) == date.min
        assert campaign_day(campaign, _LAST) == date.max
