"""Records as files: one line each, and nothing that a spreadsheet would run."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.export.writers import csv as table
from grading.export.writers import jsonl
from grading.export.writers.pieces import Block

RECORD = {
    "preference": "p-1",
    "experiment": {"id": "e-1", "name": "Spring"},
    "task": "t-1",
    "turn": 1,
    "attempt": 1,
    "rater": "4fe1",
    "model_a": "Heron",
    "model_b": "Kestrel",
    "side": "R",
    "rating": -3,
    "axes": {"clarity": 4},
    "rubric": {"points": 8},
    "key_axis": "clarity",
    "scenario": {"category": "bug fix", "repository": "tidecache"},
    "draw": {"method": "coin", "probability": 0.5},
    "texts": {"justification": 'It says "no",\nand means it.'},
}

FORMULAS = {
    "=1+1": "'=1+1",
    "+1": "'+1",
    "-1": "'-1",
    "@SUM(A1)": "'@SUM(A1)",
    "\t=1": "'\t=1",
    "\r=1": "'\r=1",
    "\0=1": "'\0=1",
    "=cmd|'/c calc'!A1": "'=cmd|'/c calc'!A1",
    "": "",
    "1=1": "1=1",
    "'=1": "'=1",
    "a-b": "a-b",
}


def table_of(records, axes):
    return b"".join([table.header(axes), *(piece.data for piece in table.write(Block.of(records), axes))])


def rows_of(records, axes):
    return list(csv.reader(io.StringIO(table_of(records, axes).decode(), newline="")))


def lines_of(records):
    return b"".join(piece.data for piece in jsonl.write(Block.of(records)))


@pytest.mark.parametrize(("cell", "written"), FORMULAS.items())
def test_a_cell_that_begins_like_a_formula_is_quoted(cell, written):
    assert table.safe(cell) == written


@pytest.mark.parametrize(("cell", "written"), [(-3, -3), (0, 0), (0.5, 0.5), (None, "")])
def test_numbers_stay_numbers(cell, written):
    assert table.safe(cell) == written


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_whatever_somebody_wrote_comes_back_and_is_no_formula(text):
    record = RECORD | {"texts": {"justification": text}}

    header, row = rows_of([record], ["clarity"])

    cell = row[header.index("justification")]
    assert cell.removeprefix("'") == text.removeprefix("'")
    assert not cell.startswith(table.FORMULA)
    assert len(row) == len(header)


def test_the_table_has_a_column_for_each_axis():
    header, row = rows_of([RECORD], ["clarity", "efficiency"])

    assert header == [*table.BEFORE, "clarity", "efficiency", *table.AFTER]
    told = {name: cell for name, cell in zip(header, row, strict=True) if cell}
    assert told == {
        "preference": "p-1",
        "experiment": "Spring",
        "task": "t-1",
        "turn": "1",
        "attempt": "1",
        "rater": "4fe1",
        "model_a": "Heron",
        "model_b": "Kestrel",
        "side": "R",
        "rating": "-3",
        "clarity": "4",
        "points": "8",
        "key_axis": "clarity",
        "category": "bug fix",
        "repository": "tidecache",
        "method": "coin",
        "probability": "0.5",
        "justification": 'It says "no",\nand means it.',
    }


def test_without_records_there_is_a_header_and_no_line():
    assert len(rows_of([], [])) == 1
    assert lines_of([]) == b""


def test_lines_of_the_table_end_as_rfc_4180_says():
    assert table_of([RECORD], []).endswith(b"\r\n")


def test_each_record_is_one_line_of_json():
    lines = lines_of([RECORD, RECORD | {"turn": 2}]).decode().split("\n")

    assert [json.loads(line) for line in lines[:2]] == [RECORD, RECORD | {"turn": 2}]
    assert lines[2:] == [""]
