"""Rows come out of a file as they were written, with the line they start on."""

import csv
import io
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from madan_sara.contracts.errors import InvalidRequestError
from madan_sara.starter.importing.files import (
    MAX_LINE_BYTES,
    CsvFile,
    JsonLinesFile,
    named_file,
    open_source,
)


@pytest.fixture
def written(tmp_path):
    """Writes a file and opens it."""

    def write(content: str | bytes, name: str = "people.csv"):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return open_source(path)

    return write


def lines_of(source) -> list[tuple[int, object]]:
    return [(row.line, row.raw) for row in source.rows()]


def test_a_csv_file_has_a_header_and_rows(written):
    source = written("id,name\n1,Marie\n2,Jean\n")
    assert source.header == ["id", "name"]
    assert lines_of(source) == [(2, ["1", "Marie"]), (3, ["2", "Jean"])]


def test_lines_are_counted_across_line_breaks_in_cells_and_blank_lines(written):
    source = written('id,note\r\n\r\n1,"a\r\nb\r\nc"\r\n , \r\n,\r\n2,d\r\n\r\n3,e')
    assert lines_of(source) == [(3, ["1", "a\r\nb\r\nc"]), (8, ["2", "d"]), (10, ["3", "e"])]


def test_a_header_over_two_lines_moves_the_first_row_down(written):
    assert lines_of(written('id,"first\nname"\n1,Marie\n')) == [(3, ["1", "Marie"])]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_header_tells_the_delimiter(written, delimiter):
    header = delimiter.join(["id", '"name, or nickname; if any\t"', "email"])
    source = written(f"{header}\n{delimiter.join(['1', 'Marie', 'm@example.com'])}\n")
    assert source.delimiter == delimiter
    assert lines_of(source) == [(2, ["1", "Marie", "m@example.com"])]


@pytest.mark.parametrize(
    ("content", "delimiter", "header", "first"),
    [
        (
            'id;email;"Adrès (ri, vil, kòd, peyi)"\nc-1;rose@example.com;"12 ri Lamè, Okay"\n',
            ";",
            ["id", "email", "Adrès (ri, vil, kòd, peyi)"],
            ["c-1", "rose@example.com", "12 ri Lamè, Okay"],
        ),
        (
            "id;email;name;Adrès (ri, vil, kòd, peyi)\nc-1;r@example.com;Rose;12 ri Lamè, Okay\n",
            ";",
            ["id", "email", "name", "Adrès (ri, vil, kòd, peyi)"],
            ["c-1", "r@example.com", "Rose", "12 ri Lamè, Okay"],
        ),
        (
            'id,email,"Etikèt (a; b; c; d)"\nc-1,rose@example.com,kliyan\n',
            ",",
            ["id", "email", "Etikèt (a; b; c; d)"],
            ["c-1", "rose@example.com", "kliyan"],
        ),
        ("a|b,id,c|d\n1|2,7,3\n", ",", ["a|b", "id", "c|d"], ["1|2", "7", "3"]),
        ("x;y;id,x;y;z\n1;2;7\n", ";", ["x", "y", "id,x", "y", "z"], ["1", "2", "7"]),
        ("Recipient ID\te, mail\n1\ta, b\n", "\t", ["Recipient ID", "e, mail"], ["1", "a, b"]),
    ],
)
def test_the_delimiter_is_the_one_under_which_the_id_and_the_rows_fit(
    written, content, delimiter, header, first
):
    source = written(content)
    assert (source.delimiter, source.header) == (delimiter, header)
    assert lines_of(source)[0] == (2, first)


@given(
    delimiter=st.sampled_from(",;\t|"),
    others=st.lists(st.sampled_from(",;|"), max_size=9),
    rows=st.integers(1, 5),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_stands_in_the_cells_the_id_is_found(tmp_path, delimiter, others, rows):
    """Other delimiters in quoted cells, in the header and below."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    note = "a".join(["", *others, ""])
    writer.writerows([["id", f"note{note}"], *([str(n), note] for n in range(rows))])
    path = tmp_path / "people.csv"
    path.write_text(text.getvalue())
    source = CsvFile(path)
    assert source.header == ["id", f"note{note}"]
    assert [row.raw for row in source.rows()] == [[str(n), note] for n in range(rows)]


def test_a_space_before_a_quote_does_not_hide_it(written):
    source = written(
        'id, email, name, city\n1, r@example.com, "Désir, Rose"\n2, j@x.com, "Pyè", ""\n'
    )
    assert source.header == ["id", "email", "name", "city"]
    assert lines_of(source) == [
        (2, ["1", "r@example.com", "Désir, Rose"]),
        (3, ["2", "j@x.com", "Pyè", ""]),
    ]


@pytest.mark.parametrize(
    "row",
    [
        '1,\u00a0"Désir, Rose",x',
        '1,\t"Désir, Rose",x',
        '1,Jean "Ti, Jo" Paul',
        '1,5" pipe,x',
        '1,Rose,"Pyè"x',
        '1,"Rose" ,x',
    ],
)
def test_a_quote_that_might_shift_the_columns_refuses_the_file_with_the_line(written, row):
    with pytest.raises(InvalidRequestError, match=r"people\.csv: line 3: .*quote"):
        list(written(f"id,name,city\n0,a,b\n{row}\n").rows())


def test_quotes_in_pairs_inside_a_cell_are_part_of_it(written):
    source = written('id,name\n1,Jean "Ti Jo" Paul\n2,"5"" pipe, ""long"""\n')
    assert lines_of(source) == [(2, ["1", 'Jean "Ti Jo" Paul']), (3, ["2", '5" pipe, "long"'])]


def test_a_byte_order_mark_belongs_to_no_name(written):
    assert written("\ufeffid,name\n1,Zoë\n").header == ["id", "name"]
    source = written('\ufeff{"id": "1"}\n', "people.jsonl")
    assert lines_of(source) == [(1, '{"id": "1"}')]


def test_columns_a_spreadsheet_left_behind_are_no_columns(written):
    assert written("id,name,, \n1,Marie,,\n").header == ["id", "name"]


@pytest.mark.parametrize("name", ["people.jsonl", "people.ndjson", "PEOPLE.JSONL"])
def test_json_lines_are_counted_with_the_blank_ones(written, name):
    source = written('{"id": 1}\r\n\n  \n{"id": 2}', name)
    assert source.header is None
    assert lines_of(source) == [(1, '{"id": 1}'), (4, '{"id": 2}')]


_CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    rows=st.lists(st.lists(_CELLS, min_size=2, max_size=2), max_size=8),
    delimiter=st.sampled_from(",;\t|"),
    ending=st.sampled_from(["\n", "\r\n"]),
    mark=st.booleans(),
)
def test_what_a_csv_writer_writes_is_read_with_its_lines(tmp_path, rows, delimiter, ending, mark):
    text = io.StringIO()
    # With \n for its lines, the writer would leave a bare \r in a cell unquoted.
    writer = csv.writer(
        text,
        delimiter=delimiter,
        lineterminator=ending,
        quoting=csv.QUOTE_MINIMAL if ending == "\r\n" else csv.QUOTE_ALL,
    )
    expected = []
    for row in [["id", "name"], *rows]:
        # As an editor counts: every way a line can end, in a quoted cell too.
        before = text.getvalue().replace("\r\n", "\n").replace("\r", "\n").count("\n")
        expected.append((before + 1, row))
        writer.writerow(row)
    path = tmp_path / "people.csv"
    path.write_bytes((b"\xef\xbb\xbf" if mark else b"") + text.getvalue().encode())
    # Spaces before a cell are no part of it, unless they are quoted.
    found = [(row.line, [cell.lstrip(" ") for cell in row.raw]) for row in CsvFile(path).rows()]
    kept = [
        (line, [cell.lstrip(" ") for cell in row])
        for line, row in expected[1:]
        if any(cell.strip() for cell in row)
    ]
    assert found == kept


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.dictionaries(st.text(), _JSON, min_size=1, max_size=4), min_size=1, max_size=6))
def test_what_a_json_writer_writes_is_read_line_by_line(tmp_path, objects):
    path = tmp_path / "people.jsonl"
    path.write_text("".join(json.dumps(o) + "\n" for o in objects))
    rows = list(JsonLinesFile(path).rows())
    assert [json.loads(str(row.raw)) for row in rows] == objects
    assert [row.line for row in rows] == list(range(1, len(objects) + 1))


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (
            "id\n1\n",
            "people.xlsx",
            "people.xlsx: unknown kind of file; it must end in .csv, .jsonl",
        ),
        ("", "people.csv", "people.csv: is empty; its first line must name the columns"),
        ("\n\n", "people.csv", "is empty"),
        ("", "people.jsonl", "people.jsonl: is empty; write one object a line"),
        ("\ufeff\n \n", "people.jsonl", "people.jsonl: is empty"),
        ('\n[\n{"id": 1},\n{"id": 2}\n]\n', "people.jsonl", "line 2: is a JSON array; write one"),
        ('[{"id": 1}, {"id": 2}]', "people.ndjson", "line 1: is a JSON array"),
        ("id\n1\n".encode("utf-16"), "people.csv", "line 1: is no UTF-8; save the file as UTF-8"),
        ("id,name\n1,Jean\n2,Zoë\n".encode("latin-1"), "people.csv", "line 3: is no UTF-8"),
        (b'{"id": 1}\n{"id": "\xc3', "people.jsonl", "line 2: is no UTF-8"),
        (" " * (MAX_LINE_BYTES + 1), "people.jsonl", "line 1: longer than 1 MB"),
        ('id,name\n1,a\n2,"b\n', "people.csv", "line 3: a cell is opened with a quote and never"),
        ('id,name\n1,"a"b\n', "people.csv", "line 2: text follows a closing quote"),
        (f"id,name\n1,{'a' * 200_000}\n", "people.csv", "line 2: a cell is longer than 131072"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_the_place(written, content, name, said):
    with pytest.raises(InvalidRequestError) as refused:
        list(written(content, name).rows())
    assert said in str(refused.value)


def test_a_broken_character_is_found_wherever_it_is_cut(written):
    """Blocks of a megabyte may end inside a character, or inside a line."""
    line = "é" * 99 + "\n"
    content = ("id\n" + line * 11_000).encode()
    list(written(content).rows())
    with pytest.raises(InvalidRequestError, match=r"line 11002: is no UTF-8"):
        written(content + b"\xff\n")


def test_what_is_no_file_is_named(tmp_path):
    with pytest.raises(InvalidRequestError, match=r"cannot be read \(No such file or directory\)"):
        open_source(tmp_path / "nobody.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InvalidRequestError, match=r"folder\.csv: is no file"):
        open_source(tmp_path / "folder.csv")
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(InvalidRequestError, match=r"pipe\.csv: is no file"):
        open_source(tmp_path / "pipe.csv")


@pytest.mark.parametrize("name", ["\0", "a\0.csv", "\ud800.csv", Path("x/\0"), 5, None, b"a.csv"])
def test_a_name_no_file_can_have_is_refused_by_its_argument(name):
    with pytest.raises(InvalidRequestError, match="path: "):
        named_file(name, "path")


def test_a_name_of_other_bytes_than_utf8_is_one():
    assert os.fsencode(named_file(os.fsdecode(b"\xff.csv"), "path")) == b"\xff.csv"


@pytest.mark.parametrize("ending", ["csv", "txt"])
def test_a_name_of_any_length_is_refused_in_a_few_words(ending):
    with pytest.raises(InvalidRequestError) as caught:
        open_source(named_file(f"{'x' * 1_000_000}.{ending}", "path"))
    assert len(str(caught.value)) < 500
