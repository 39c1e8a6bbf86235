"""Rejected rows go to a file of their own, which is there only when there are any."""

import csv
import json
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.starter.importing.files import open_source
from madan_sara.starter.importing.rejects import RejectsFile


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
            ["rejected_line", "rejected_reason", "id", "note"],
            ["2", "reason; 2", "1", "a;b\nc"],
            ["4", "reason; 4", "2", "Zoë"],
        ]


@pytest.mark.parametrize("ending", ["jsonl", "ndjson"])
def test_json_lines_keep_their_content(tmp_path, source_of, ending):
    lines = ['{"id": 1.50, "name": "Zoë"}', "{oops", '{"age": NaN}']
    source = source_of("\n".join(lines), f"people.{ending}")
    with RejectsFile(source, None) as rejects:
        rejects.write((row, 'why "so"') for row in source.rows())
    written = (tmp_path / f"people.rejected.{ending}").read_text(encoding="utf-8").splitlines()
    assert '"row": {"id": 1.50, "name": "Zoë"}' in written[0]
    assert [json.loads(line) for line in written] == [
        {"rejected_line": 1, "rejected_reason": 'why "so"', "row": {"id": 1.5, "name": "Zoë"}},
        {"rejected_line": 2, "rejected_reason": 'why "so"', "row": "{oops"},
        {"rejected_line": 3, "rejected_reason": 'why "so"', "row": '{"age": NaN}'},
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("people.csv", ""),
        ("people.csv", "rejected_line,rejected_reason,id\n2,why,1\n"),
        ("people.csv", '\ufeff"rejected_line";"rejected_reason";"id"\n'),
        ("people.jsonl", '{"rejected_line": 1, "rejected_reason": "why", "row": {}}\n'),
    ],
)
def test_without_rejects_there_is_no_file_and_an_old_one_goes(source_of, name, content):
    source = source_of('{"id": 1}\n' if name.endswith("jsonl") else "id\n1\n", name)
    old = source.path.with_suffix(f".rejected{source.path.suffix}")
    old.write_text(content, encoding="utf-8")
    with RejectsFile(source, None):
        pass
    assert not old.exists()


@pytest.mark.parametrize("content", ["My notes\n", "line,reason,why\n", "\n"])
def test_a_file_of_another_writer_is_neither_written_over_nor_removed(tmp_path, source_of, content):
    notes = tmp_path / "notes.txt"
    notes.write_text(content)
    with pytest.raises(InvalidRequestError, match=r"notes\.txt: holds something else"):
        RejectsFile(source_of("id\n1\n", "people.csv"), notes)
    assert notes.read_text() == content


def test_only_an_ordinary_file_is_written_to(tmp_path, source_of):
    source = source_of("id\n1\n", "people.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "dangling.csv").symlink_to(tmp_path / "nobody.csv")
    (tmp_path / "old.csv").touch()
    (tmp_path / "link.csv").symlink_to(tmp_path / "old.csv")
    for name in ("pipe.csv", "dangling.csv", "link.csv", "/dev/null", "."):
        with pytest.raises(InvalidRequestError, match="is no ordinary file; choose another"):
            RejectsFile(source, tmp_path / name)
    assert (tmp_path / "link.csv").is_symlink()


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


def test_a_name_with_no_room_for_the_suffix_is_named(source_of):
    # 255 octets, as many as file systems allow.
    source = source_of("id\n1\n", "a" + "\N{BREAD}" * 62 + "zz.csv")
    with pytest.raises(InvalidRequestError, match="choose another"), RejectsFile(source, None):
        pass


def test_a_place_that_cannot_be_written_to_is_named(tmp_path, source_of):
    source = source_of("id\n1\n", "people.csv")
    with (
        pytest.raises(InvalidRequestError, match=r"nowhere/out\.csv: cannot be written \(No such"),
        RejectsFile(source, tmp_path / "nowhere" / "out.csv"),
    ):
        pass


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("people.csv", 'id;note\n1;"a;b\nc"\n2;Zoë\n'),
        ("people.jsonl", '{"id": 1.50, "name": "Zoë"}\n{"id": 2, "reason": "x}"}\n'),
    ],
)
def test_rejected_rows_are_read_as_they_stood(source_of, name, content):
    source = source_of(content, name)
    with RejectsFile(source, None) as rejects:
        rejects.write((row, 'why "so", \\"row": 1}') for row in source.rows())
    again = open_source(rejects.path)
    assert again.header == source.header
    assert [row.raw for row in again.rows()] == [row.raw for row in source.rows()]


@pytest.mark.parametrize("before", [None, 0o644])
def test_no_other_user_may_read_rejected_rows(tmp_path, source_of, before):
    source = source_of("id\n1\n", "people.csv")
    path = tmp_path / "people.rejected.csv"
    if before is not None:
        path.touch(before)
    mask = os.umask(0)
    try:
        with RejectsFile(source, None) as rejects:
            rejects.write((row, "why") for row in source.rows())
    finally:
        os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o600


@contextmanager
def _room_for(octets: int) -> Iterator[None]:
    """Let no file of this process grow beyond a size, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    ("name", "content"), [("people.csv", "id,note\n1,a\n"), ("people.jsonl", '{"id": 1}\n')]
)
def test_where_the_room_ends_the_file_is_named_and_the_way_on(source_of, name, content):
    source = source_of(content, name)
    (row,) = source.rows()
    with (
        pytest.raises(InvalidRequestError, match=r"people\.rejected.*cannot be written.*again"),
        RejectsFile(source, None) as rejects,
        _room_for(100),
    ):
        rejects.write([(row, "x" * 20_000)])
    assert rejects.path.exists()


def test_an_error_of_its_own_is_not_hidden_by_one_of_the_file(source_of):
    source = source_of("id,note\n1,a\n", "people.csv")
    (row,) = source.rows()

    def fail() -> None:
        with _room_for(10), RejectsFile(source, None) as rejects:
            with suppress(InvalidRequestError):
                rejects.write([(row, "x" * 20_000)])
            raise LookupError("another")

    with pytest.raises(LookupError, match="another"):
        fail()
