"""The fields of columns, and the values of rows."""

import json

import pytest

from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.starter.importing.columns import Columns, CsvReader, JsonReader, RejectedRowError


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("id", ("id",)),
        ("Recipient ID", ("id",)),
        ("name", ("name",)),
        ("customer_type", ("customer_type",)),
        ("Customer Type", ("customer_type",)),
        ("time-zone", ("timezone",)),
        ("device_preference", ("device_preference",)),
        ("E-mail", ("contact_info", "email")),
        (" EMAIL ", ("contact_info", "email")),
        ("Phone Number", ("contact_info", "phone")),
        ("whatsapp", ("contact_info", "whatsapp")),
        ("instagram_handle", ("contact_info", "instagram_handle")),
        ("facebook_id", ("contact_info", "facebook_id")),
        ("linkedin_id", ("contact_info", "linkedin_id")),
        ("twitter_handle", ("contact_info", "twitter_handle")),
        ("user_id", ("contact_info", "user_id")),
        ("preferred channel", ("preferences", "preferred_channel")),
        ("Favourite Bread", ("attributes", "favourite_bread")),
        ("line", ("attributes", "line")),
    ],
)
def test_a_name_stands_for_a_field_however_it_is_spelt(name, field):
    assert Columns([]).field_of(name) == field


def test_what_the_campaign_asks_for_keeps_its_spelling_and_comes_first():
    columns = Columns(["Favourite Bread", "mobile"])
    assert columns.field_of("favourite-bread") == ("attributes", "Favourite Bread")
    assert columns.field_of("mobile") == ("attributes", "mobile")


def test_an_accent_is_the_same_however_it_is_written():
    for asked_for, written in (("Prénom", "pre\u0301nom"), ("Pre\u0301nom", "prénom")):
        reader = CsvReader(["id", written], [asked_for])
        assert reader.read(["1", "Zoé"]) == {("id",): "1", ("attributes", asked_for): "Zoé"}
    assert Columns([]).field_of("Pre\u0301nom") == ("attributes", "prénom")


def test_an_attribute_in_its_object_is_found_as_a_flat_one():
    row = {"id": "1", "attributes": {"town": "Jacmel", "Note": "x"}}
    assert read(row, "Town") == {
        ("id",): "1",
        ("attributes", "Town"): "Jacmel",
        ("attributes", "Note"): "x",
    }
    with pytest.raises(RejectedRowError, match="Town: given twice"):
        read({"town": "Jacmel", "attributes": {"TOWN": "Hinche"}}, "Town")


def test_cells_become_fields_and_empty_ones_are_missing():
    reader = CsvReader(["id", "name", "Email", "town"], [])
    assert reader.read(["1", "", " m@example.com ", "  "]) == {
        ("id",): "1",
        ("contact_info", "email"): "m@example.com",
    }


def test_a_row_may_lack_cells_at_its_end_and_have_empty_ones_too_many():
    reader = CsvReader(["id", "name", "town"], [])
    assert reader.read(["1"]) == {("id",): "1"}
    assert reader.read(["1", "", "Jacmel", "", " "]) == {
        ("id",): "1",
        ("attributes", "town"): "Jacmel",
    }
    with pytest.raises(RejectedRowError, match="has 4 cells below 3 columns"):
        reader.read(["1", "Marie", "Jacmel", "more"])


@pytest.mark.parametrize(
    ("header", "asked_for", "said"),
    [
        (["name", "email"], [], "there is no id column; name one id (the columns are name, email)"),
        (["id", "E-mail", "email"], [], "columns 'E-mail' and 'email' both mean email; remove one"),
        (["id", "recipient_id"], [], "columns 'id' and 'recipient_id' both mean id"),
        (["id", "Town", "town"], [], "columns 'Town' and 'town' both mean town"),
        (["id", " ", "town"], [], "column 2 has no name"),
        (["id", "a\0b"], [], "column 2: contains a NUL character"),
        (["id", "x" * 201], [], "column 2: must have at most 200 characters"),
        (["id", "contact_info"], [], "column 'contact_info' stands for several fields"),
        (["id", "attributes"], [], "column 'attributes' stands for several fields"),
        (
            ["id", "email"],
            ["town"],
            "there is no column town, which the campaign's recipient_fields",
        ),
    ],
)
def test_a_header_that_cannot_be_used_is_refused(header, asked_for, said):
    with pytest.raises(InvalidRequestError) as refused:
        CsvReader(header, asked_for)
    assert said in str(refused.value)


def read(row: object, *asked_for: str) -> object:
    return JsonReader(asked_for).read(json.dumps(row))


def test_flat_json_and_the_guides_form_say_the_same():
    flat = {
        "ID": "1",
        "name": "Marie",
        "E-mail": "m@example.com",
        "preferred_channel": "email",
        "town": "Jacmel",
    }
    nested = {
        "id": "1",
        "name": "Marie",
        "contact_info": {"email": "m@example.com"},
        "preferences": {"preferred_channel": "email"},
        "attributes": {"town": "Jacmel"},
    }
    assert read(flat) == read(nested)


def test_engagement_stays_as_it_is_and_missing_values_are_left_out():
    history = {"email": {"open_rate": 0.5}}
    row = {"id": 7, "name": None, "town": " ", "contact_info": None, "engagement_history": history}
    assert read(row) == {("id",): 7, ("engagement_history",): history}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"id": oops}', "no valid JSON (column 8: Expecting value)"),
        ("[1]", "is no JSON object"),
        ('{"id": 1, "id": 2}', "id: given twice in one object"),
        ('{"id": 1, "recipient_id": 2}', "id: given twice; remove one"),
        ('{"email": "a@b.org", "contact_info": {"email": "c@b.org"}}', "email: given twice"),
        ('{"contact_info": "a@b.org"}', "contact_info: must be an object with named fields"),
        ('{"age": NaN}', "age: NaN is no JSON number"),
        ("[" * 100_000, "nested too deeply"),
        ('{"age": ' + "9" * 5_000 + "}", "age: a number of 5000 digits; shorten it"),
    ],
)
def test_a_line_that_says_nothing_certain_is_not_read(text, said):
    with pytest.raises(RejectedRowError) as unread:
        JsonReader([]).read(text)
    assert said in str(unread.value)
