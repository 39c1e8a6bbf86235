"""People see how a file was understood, and are warned of contact data that is none."""

import pytest

from madan_sara.starter.importing.checking import RowCheck
from madan_sara.starter.importing.files import SourceRow
from madan_sara.starter.importing.understanding import understood
from tests.unit.starter.importing.builders import assignment


def seen(header, *rows, **options):
    raw = [SourceRow(line, row) for line, row in enumerate(rows, start=2)]
    return understood(RowCheck(assignment(header, recipient_fields=[], **options)), raw)


def test_each_column_is_reported_with_its_field():
    header = ["ID", "E-mail", "Mobile", "Segment", "Favourite Bread", "preferred channel"]
    lines, warnings = seen(header, ["1", "m@example.com", "+50937001234", "gold", "", "sms"])
    assert lines == [
        "id <- ID",
        "email <- E-mail",
        "phone <- Mobile",
        "attribute <- Segment",
        "attribute <- Favourite Bread",
        "preferred_channel <- preferred channel",
    ]
    assert warnings == []


@pytest.mark.parametrize(
    "name",
    [
        "Imèl",
        "Email 2",
        "Correo electrónico",
        "Téléphone",
        "tel",
        "Handynummer",
        "WA",
        "Insta",
        "GSM",
    ],
)
def test_a_name_that_looks_like_contact_data_is_warned_of(name):
    _, (warning,) = seen(["id", "email", name], ["1", "m@example.com", ""])
    assert repr(name) in warning
    assert "kept as an attribute" in warning


@pytest.mark.parametrize(
    "name", ["Hotel", "Town", "Title", "Stella", "Segment", "Details", "Wagon"]
)
def test_an_ordinary_name_is_not(name):
    assert seen(["id", "email", name], ["1", "m@example.com", "x"])[1] == []


@pytest.mark.parametrize("values", [["a@b.org", "", "c@d.org"], ["+50937001234"]])
def test_addresses_under_any_name_are_warned_of_without_being_reported(values):
    _, (warning,) = seen(["id", "email", "Q7"], *(["1", "m@example.com", v] for v in values))
    assert "'Q7'" in warning
    assert not any(value in warning for value in values if value)


def test_what_the_campaign_asks_for_is_meant_so():
    task = assignment(["id", "email", "second_mail"], recipient_fields=["second_mail"])
    rows = [SourceRow(2, ["1", "m@example.com", "x@example.com"])]
    assert understood(RowCheck(task), rows)[1] == []


def test_json_is_understood_by_the_names_of_its_first_rows():
    rows = ['{"ID": 1, "e-mail": "m@example.com"}', "oops", '{"id": 2, "Imèl 2": "x@example.com"}']
    lines, (warning,) = seen(None, *rows)
    assert lines == ["id <- ID", "email <- e-mail", "id <- id", "attribute <- Imèl 2"]
    assert "'Imèl 2'" in warning
