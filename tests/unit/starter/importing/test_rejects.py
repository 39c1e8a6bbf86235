"""Rejected rows go to a file of their own, which is there only when there are any."""

import csv
import json

import pytest

from contracts.faults import InvalidRequestError
from starter.importing.files import open_source
from starter.importing.rejects import RejectsFile


@pytest.fixture
def source_of(tmp_path):
    def written(content: str, name: str):
        (tmp_path / name).write_text(content, encoding="utf-8", newline="")
        return open_source(tmp_path / name)

    return written


def test_rows_of_a_csv_file_keep_their_cells_and_delimiter(tmp_path, source_of):
    source = source_of('id;note\n1;"a;b\nc"\n2;Zoë\n', "people.csv")
    with RejectsFile(source, None) as rejects:
        rejects.write((row, f"reason; {row.line}") for row in source.rows())
    with (tmp_path / "people.rejected.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file, delimiter=";")) == [
            ["line", "reason", "id", "note"],
            ["2", "reason; 2", "1", "a;b\nc"],
            ["4", "reason; 4", "2", "Zoë"],
        ]


@pytest.mark.parametrize("ending", ["jsonl", "ndjson"])
def test_json_lines_keep_what_they_say(tmp_path, source_of, ending):
    lines = ['{"id": 1.50, "name": "Zoë"}', "{oops", '{"age": NaN}']
    source = source_of("\n".join(lines), f"people.{ending}")
    with RejectsFile(source, None) as rejects:
        rejects.write((row, 'why "so"') for row in source.rows())
    written = (tmp_path / f"people.rejected.{ending}").read_text(encoding="utf-8").splitlines()
    assert '"row": {"id": 1.50, "name": "Zoë"}' in written[0]
    assert [json.loads(line) for line in written] == [
        {"line": 1, "reason": 'why "so"', "row": {"id": 1.5, "name": "Zoë"}},
        {"line": 2, "reason": 'why "so"', "row": "{oops"},
        {"line": 3, "reason": 'why "so"', "row": '{"age": NaN}'},
    ]


def test_without_rejects_there_is_no_file_and_an_old_one_goes(tmp_path, source_of):
    source = source_of("id\n1\n", "people.csv")
    old = tmp_path / "people.rejected.csv"
    old.write_text("of the last run")
    with RejectsFile(source, None):
        pass
    assert not old.exists()


def test_half_a_character_does_not_end_the_import(tmp_path, source_of):
    source = source_of("id\n1\n", "people.csv")
    with RejectsFile(source, None) as rejects:
        rejects.write((row, "\ud800: unknown") for row in source.rows())
    assert "\\ud800: unknown" in (tmp_path / "people.rejected.csv").read_text()


def test_the_file_to_import_is_never_written_over(tmp_path, source_of):
    source = source_of("id\n1\n", "people.csv")
    (tmp_path / "same.csv").symlink_to(source.path)
    for path in (source.path, tmp_path / "same.csv"):
        with pytest.raises(InvalidRequestError, match="is the file to import"):
            RejectsFile(source, path)
    assert source.path.read_text() == "id\n1\n"


def test_a_place_that_cannot_be_written_to_is_named(tmp_path, source_of):
    source = source_of("id\n1\n", "people.csv")
    with (
        pytest.raises(InvalidRequestError, match=r"nowhere/out\.csv: cannot be written \(No such"),
        RejectsFile(source, tmp_path / "nowhere" / "out.csv"),
    ):
        pass
