"""A row is stored as `send_outreach` would, or is rejected with all its violations."""

import json

import pytest

from madan_sara.persistence.new_recipient import new_recipient
from madan_sara.starter.importing.checking import RowCheck
from madan_sara.starter.requests import new_batch, new_message, unreachable_warnings
from tests.unit.starter.importing.builders import assignment, check, person


def stored(**changes: object) -> dict[str, object]:
    (recipient,) = check(person(**changes)).accepted
    profile: dict[str, object] = json.loads(recipient.profile)
    return profile


def reason(row: object, **options: object) -> str:
    checked = check(row, **options)
    assert checked.accepted == []
    ((position, why),) = checked.rejected
    assert position == 0
    return why


def test_a_recipient_is_stored_as_a_request_for_the_same_person_would_be():
    task = assignment()
    profile = {
        "name": "Marie",
        "customer_type": "new",
        "timezone": "America/Port-au-Prince",
        "contact_info": {"email": "marie@example.com", "phone": "+50937001234"},
        "preferences": {"preferred_channel": "sms"},
        "engagement_history": {"email": {"open_rate": 0.5}},
        "attributes": {"town": "Jacmel", "visits": 3},
    }
    request = new_message(task.campaign, "marie", profile, task.templates)
    (recipient,) = RowCheck(task).check([json.dumps({"id": "marie", **profile})]).accepted
    assert recipient == new_recipient(request.recipient_id, request.request_digest, request.profile)


def test_a_person_without_a_channel_of_the_campaign_is_stored_and_reported():
    only_twitter = {"email": None, "twitter_handle": "@marie"}
    rows = [person(id="a", **only_twitter), person(id="b"), person(id="c", town=None)]
    checked = check(*rows, person(id="d", **only_twitter), channels=["email", "sms"])
    assert [recipient.recipient_id for recipient in checked.accepted] == ["a", "b", "d"]
    assert checked.unreachable == [0, 2]
    reached = check(person(id="a", **only_twitter), channels=["email", "twitter"])
    assert reached.unreachable == []


def test_a_long_list_says_how_many_of_it_cannot_be_reached():
    task = assignment(channels=["email", "sms"])
    town = {"attributes": {"town": "Jacmel"}, "name": "Marie"}
    people = [
        {"id": "a", "contact_info": {"twitter_handle": "@marie"}, **town},
        {"id": "b", "contact_info": {"phone": "+50937001234"}, **town},
    ]
    batch = new_batch(task.campaign, people, task.templates)
    (warning,) = unreachable_warnings(task.campaign, batch)
    assert warning == (
        "recipients: 1 of 2 have no address on any of the campaign's channels (email, sms); they "
        "get nothing and end as failed, no_viable_channel"
    )
    assert unreachable_warnings(task.campaign, batch[1:]) == []


def test_the_cells_of_a_csv_file_mean_the_same():
    header = ["Recipient ID", "Name", "E-mail", "Phone number", "Customer type", "Town"]
    row = ["7", " Marie ", "Marie@Example.com", "+509 3700 1234", "Returning", "Jacmel"]
    check = RowCheck(assignment(header))
    (recipient,) = check.check([row]).accepted
    assert recipient.recipient_id == "7"
    assert json.loads(recipient.profile) == {
        "name": "Marie",
        "customer_type": "returning",
        "contact_info": {"email": "Marie@example.com", "phone": "+50937001234"},
        "preferences": {},
        "engagement_history": {},
        "attributes": {"town": "Jacmel"},
    }


def test_numbers_and_words_are_brought_into_their_stored_form():
    row = person(phone="3700 1234", whatsapp="+33 6 12 34 56 78", device="Mobile")
    (recipient,) = check({**row, "preferred_channel": "SMS"}, region="HT").accepted
    profile = json.loads(recipient.profile)
    assert profile["contact_info"]["phone"] == "+50937001234"
    assert profile["contact_info"]["whatsapp"] == "+33612345678"
    assert profile["device_preference"] == "mobile"
    assert profile["preferences"] == {"preferred_channel": "sms"}


def test_attributes_keep_their_kind_in_json():
    kept = stored(visits=3, rate=0.5, member=True, note="12")["attributes"]
    assert kept == {"town": "Jacmel", "visits": 3, "rate": 0.5, "member": True, "note": "12"}


def test_an_id_may_be_a_number_in_json():
    (recipient,) = check(person(id=4711)).accepted
    assert recipient.recipient_id == "4711"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": None}, "id: is missing; fill it"),
        ({"id": " "}, "id: is missing; fill it"),
        ({"id": True}, "id: must be a text (got True)"),
        ({"id": ["x"]}, "id: must be a text"),
        ({"id": "x" * 201}, "id: must have at most 200 characters"),
        ({"id": "a\0b"}, "id: contains a NUL character"),
        ({"id": "\ud800"}, "id: "),
        ({"email": None}, "contact_info: no address given"),
        ({"email": "marie at home"}, "email: is no e-mail address"),
        ({"email": 7}, "email: must be a text"),
        ({"phone": "3700 1234"}, "phone: '3700 1234' is no phone number; write + and the country"),
        ({"whatsapp": "12"}, "whatsapp: '12' is no phone number"),
        ({"phone": 50937001234}, "phone: must be a text"),
        ({"timezone": "Haiti"}, "timezone: 'Haiti' is no IANA time zone"),
        ({"customer_type": "vip"}, "customer_type: must be 'new', 'returning' or 'existing'"),
        ({"preferred_channel": "fax"}, "preferred_channel: must be 'email', "),
        ({"name": None}, "content.default: names the field 'name', which this recipient does"),
        ({"town": None}, "town: is missing; the campaign's recipient_fields ask for it"),
        ({"Contact Info": "x"}, "contact_info: a profile field has this name"),
        ({"attributes": {"town": "a\0b"}, "town": None}, "contains a NUL character"),
        ({"visits": [1, 2]}, "visits: must be a text, a number, true or false"),
        ({"visits": 10**31}, "visits: must be a number of at most 30 digits"),
        ({"note": "\ud800"}, "note: contains half a character; remove it"),
        ({"engagement_history": {"fax": {}}}, "engagement_history.fax"),
    ],
)
def test_a_wrong_value_rejects_the_row_and_is_named_as_in_the_file(change, said):
    why = reason(person(**change))
    assert said in why
    assert len(why.splitlines()) == 1


def test_every_violation_of_a_row_is_reported_once():
    wrong = {"id": "", "email": "x", "phone": "1", "timezone": "Mars", "town": ""}
    why = reason(person(**wrong))
    assert [violation.split(":")[0] for violation in why.split("; ") if ": " in violation] == [
        "id",
        "phone",
        "town",
        "timezone",
        "email",
    ]


def test_a_missing_field_is_not_reported_again_by_the_templates():
    why = reason(person(name="", town=""))
    assert why.count("town") == 1
    assert "names the field 'name'" in why


def test_a_bad_number_is_not_reported_again_as_no_address():
    assert "no address" not in reason(person(email=None, phone="1"))


def test_rows_are_reported_apart_by_their_position():
    checked = check(person(), person(id=""), person(id="jean"), "no object")
    assert [recipient.recipient_id for recipient in checked.accepted] == ["marie", "jean"]
    assert [rejection.position for rejection in checked.rejected] == [1, 3]


def test_templates_are_checked_for_the_channels_a_person_can_be_reached_on():
    templates = {"email": "Hi {{ name }}", "sms": "Hi {{ nick | upcase }}"}
    options = {"templates": templates, "channels": ["email", "sms"], "recipient_fields": []}
    assert check(person(), **options).rejected == []
    why = reason(person(phone="+50937001234"), **options)
    assert "content.sms: names the field 'nick'" in why


def test_a_campaign_without_recipient_fields_asks_for_none():
    row = {"id": "marie", "email": "m@example.com"}
    assert check(row, recipient_fields=[], templates={"default": "x"}).rejected == []
